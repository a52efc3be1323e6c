"""Rows of steps that park: validation, invoice and its mail."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.exceptions import ActivityError

from activities.failures import FailureDetail
from activities.invoices import GenerateInput, LookInput
from invoicing.domain.cases import BillingData
from invoicing.domain.consequences import Documents
from invoicing.domain.records import Event
from invoicing.domain.recoveries import Recovery
from invoicing.domain.state import Step
from tests.integration.recoveries import troubles
from tests.integration.recoveries.rows import Act, Row, Trouble, parks
from tests.integration.recoveries.stage import EURO, Play
from tests.stage_samples import BUYER, document

OTHER_RING = "other:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
OTHER_BUYER = {**BUYER, "tax_id": "5252248481"}


def paid(expert: str = "exp-1", **changes: object) -> Act:
    """A paid case of this expert."""

    async def before(play: Play, case: str) -> None:
        await play.paid(case, expert, **changes)

    return before


async def invoiced(play: Play, case: str) -> None:
    await play.invoiced(case)


def wfirma(operation: str, fault: str, **more: Any) -> Trouble:
    return troubles.switched(lambda play, case: play.wfirma(operation, fault, case, **more))


books = partial(parks, step=Step.INVOICE, before=paid("exp-wfirma"))
own = partial(parks, step=Step.INVOICE, before=paid())
euro = partial(parks, step=Step.INVOICE, before=paid(**EURO))
mailing = partial(parks, step=Step.EMAIL, before=invoiced, documents=Documents.STORED)
regenerated = parks("internal", Step.INVOICE, troubles.none, paid()).cure


# --- validation ---------------------------------------------------------------------------------------------------


async def bad_data(play: Play, case: str) -> None:
    """The case arrives paid with a tax id that cannot be."""
    wrong = document(case, paid=True, billing_data={**BUYER, "tax_id": "5260250275"})
    await play.app.intake.record_case(wrong, "service")


async def good_data(play: Play, case: str) -> None:
    """The client corrects them."""
    await play.app.intake.correct_billing_data(case, BillingData.model_validate(BUYER), "client")
    await play.resumed(case, Step.VALIDATE)


# --- the invoice --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def answers_lost(play: Play, case: str) -> AsyncIterator[Play]:
    """wFirma makes the invoice, its answer is lost, and then it cannot be asked."""
    play.wfirma("invoices/add", "drop_after_commit", case)
    with contextlib.suppress(ActivityError):
        await play.engine.run("generate_invoice", GenerateInput(case_id=case), 1)
    play.wfirma("invoices/find", "out_of_service", case)
    yield play


async def adopted(play: Play, case: str) -> None:
    """The invoice whose answer was lost is found."""
    play.mend()
    looked = await play.engine.run("look_for_invoice", LookInput(case_id=case))
    assert looked.found


@asynccontextmanager
async def another_buyer(play: Play, case: str) -> AsyncIterator[Play]:
    """The invoice whose answer was lost is for the buyer whose data were corrected since."""
    play.wfirma("invoices/add", "drop_after_commit", case, times=1)
    with contextlib.suppress(ActivityError):
        await play.engine.run("generate_invoice", GenerateInput(case_id=case), 1)
    await play.app.intake.correct_billing_data(case, BillingData.model_validate(OTHER_BUYER), "ops")
    yield play


@asynccontextmanager
async def wrong_platform_key(play: Play, case: str) -> AsyncIterator[Play]:
    """wFirma refuses the keys of two other experts before those of the case's own."""
    play.clock.advance(timedelta(minutes=2))
    others = {f"{case}-{expert[4:]}": expert for expert in ("exp-second", "exp-third")}
    for name, expert in others.items():
        await play.paid(name, expert)
    play.wfirma("any", "auth")
    for name in others:
        await play.failing(name, Step.INVOICE)
    yield play


async def login_taken(play: Play, case: str) -> None:
    """wFirma takes the keys again."""
    play.clock.advance(timedelta(minutes=2))
    await regenerated(play, case)


async def deleted(play: Play, case: str) -> None:
    """The expert deletes the invoice in his books, and it is made anew."""
    await play.delete_at_wfirma(case)
    await regenerated(play, case)


async def stood_still(play: Play, case: str) -> None:
    """Three attempts stood still; the look that follows proves that they made nothing."""
    await play.paid(case)
    play.engine.frozen.add("generate_invoice")
    failure = await play.failing(case, Step.INVOICE)
    play.mend()
    await play.parked(case, Step.INVOICE, failure)
    assert not (await play.engine.run("look_for_invoice", LookInput(case_id=case))).found
    known: FailureDetail = failure.model_copy(update={"outcome_known": True})
    await play.parked(case, Step.INVOICE, known)


ROWS = (
    parks("billing_data_invalid", Step.VALIDATE, troubles.none, bad_data, cure=good_data),
    parks("secrets_keys_missing", Step.INVOICE, troubles.settings(SECRETS_KEYS=OTHER_RING), paid("exp-wfirma")),
    own("invoice_facts_incomplete", trouble=troubles.no_series),
    own("database_url", trouble=troubles.refused_login, on="postgresql"),
    own("document_store", trouble=troubles.no_documents, attempt=3),
    own("database", trouble=troubles.refusing("invoices", "INSERT")),
    own("duplicate_row", trouble=troubles.told_before("invoice_issued")),
    own("database_schema", trouble=troubles.without("invoices")),
    own("database_unavailable", trouble=troubles.no_database, attempt=3),
    own("version_conflict", trouble=troubles.refusing("cases", "UPDATE", does="RAISE(IGNORE)"), attempt=3),
    own("invoice_exists", trouble=troubles.taken(invoiced)),
    euro("exchange_rate_missing", trouble=troubles.no_rates),
    euro("exchange_rates_unreachable", trouble=troubles.no_bank, attempt=3),
    books("issuer_not_ready", trouble=troubles.settings(WFIRMA_BASE_URL=None, WFIRMA_APP_KEY=None)),
    books("issuer_settings", trouble=wfirma("invoices/add", "access_denied")),
    books("issuer_unreachable", trouble=wfirma("any", "drop_before"), attempt=3),
    books("provider_maintenance", trouble=wfirma("invoices/add", "out_of_service"), attempt=3),
    books("provider_limit", trouble=wfirma("invoices/add", "requests_limit"), attempt=3),
    books("invoice_data_refused", trouble=wfirma("invoices/add", "validation", reason="contractor.nip")),
    books(
        "issuer_outcome_unknown", trouble=answers_lost, cure=adopted, attempt=3, attempts=(1, 1, 2, 3),
        documents=Documents.MAY_EXIST,
    ),
    books(
        "issuer_total_differs", trouble=wfirma("invoices/add", "wrong_total"), cure=deleted,
        documents=Documents.MAY_EXIST,
    ),
    books("issuer_invoice_differs", trouble=another_buyer, cure=deleted, documents=Documents.MAY_EXIST),
    books(
        "issuer_document_differs", trouble=wfirma("invoices/download", "wrong_total"), documents=Documents.MAY_EXIST
    ),
    books("platform_key_refused", trouble=wrong_platform_key, cure=login_taken),
    own("ksef_required", trouble=troubles.ksef),
    books("account_maintenance", trouble=wfirma("any", "snapshot_lock"), attempt=3),
    books("internal", trouble=wfirma("invoices/add", "input_error")),
    Row(
        "step_timed_out", Recovery.STEP_GOES_ON, stood_still, regenerated, Step.INVOICE, Event.PARKED, Event.RESUMED,
        attempt=3, attempts=(1, 2),
    ),
    mailing("document_altered", trouble=troubles.altered_document),
    mailing("document_unknown", trouble=troubles.lost_document),
)  # fmt: skip
