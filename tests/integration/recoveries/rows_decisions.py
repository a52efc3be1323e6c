"""Rows of decisions that cannot be carried out, and are taken again."""

from functools import partial
from io import BytesIO
from typing import Any

from pypdf import PdfWriter

from activities.queueing import decide
from activities.watching import CheckInput
from invoicing.domain.consequences import Documents, Money
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.domain.recoveries import Recovery
from invoicing.domain.state import Step
from tests.integration.recoveries import troubles
from tests.integration.recoveries.rows import Row, Trouble, by_hand, stops
from tests.integration.recoveries.rows_payments import asked, no_gateway, nobody_there, wrong_key
from tests.integration.recoveries.rows_steps import invoiced, wfirma
from tests.integration.recoveries.stage import EURO, Play
from workflows.policies import CHECK_RETRY

LINE = {"description": "Porada", "quantity": "1", "unit": "szt.", "unit_price": "100.00", "vat_rate": "23"}
WITHOUT_TAX = {**EURO, "lines": [{**LINE, "vat_rate": "0"}]}


async def paid_unheard(play: Play, case: str) -> None:
    """The client has paid, and no message came."""
    await play.opened(case)
    play.pay(case)


async def check(play: Play, case: str) -> None:
    await play.decide(case, DecisionKind.CHECK_PAYMENT_NOW)


async def correct(play: Play, case: str) -> None:
    """The same wish each time, without a key of the caller's."""
    wish = CorrectionRequest.model_validate({"reason": "po reklamacji", "lines": [LINE]})
    await play.app.deciding.correct_invoice(case, "ops", wish, None)


async def resend(play: Play, case: str) -> None:
    await play.app.deciding.resend(case, "ops", None, play.key())


async def invoiced_without_tax(play: Play, case: str) -> None:
    await play.invoiced(case, **WITHOUT_TAX)


async def corrected(play: Play, case: str) -> None:
    await play.invoiced(case)
    await correct(play, case)
    await play.carry_out(case)


busy = troubles.switched(lambda play, case: play.gateway("status", "http_429", case))
checking = partial(stops, before=paid_unheard, decide=check, money=Money.OPEN)
correcting = partial(stops, before=invoiced, decide=correct, documents=Documents.STORED)
resending = partial(stops, before=invoiced, decide=resend, documents=Documents.STORED)


def checked_without_database(code: str, trouble: Trouble, **told: Any) -> Row:
    """The database refuses whatever the check writes, and takes the record when it is there again."""
    row = checking(code, trouble, **{"attempt": 5, **told})

    async def fail(play: Play, case: str) -> None:
        await paid_unheard(play, case)
        await check(play, case)
        async with trouble(play, case) as worker:
            last = CHECK_RETRY.maximum_attempts
            failure = await worker.engine.failing("check_payment", CheckInput(case_id=case), last)
        await play.not_carried_out(case, failure)

    return Row(**{**vars(row), "fail": fail})


async def cancelled(play: Play, case: str) -> None:
    """The act of its own is cancelled from outside."""
    await paid_unheard(play, case)
    await check(play, case)
    await play.cancelled(case)


CANCELLED = Row(
    **{**vars(checking("run_cancelled", troubles.none, attempts=())), "fail": cancelled},
)


# --- money that came another way --------------------------------------------------------------------------------------


async def external(play: Play, case: str) -> None:
    await play.external(case)


KEPT = (
    "INSERT INTO captures (service_id, remote_id, case_id, order_id, amount, currency, kept, captured_at, via) VALUES "
    "('100001', 'R-{case}', '{case}', '{case}-1', '398.52', 'PLN', 1, '2026-11-22T10:00:00.000000+00:00', 'itn')"
)
NO_ATTEMPT_FITS = (
    "UPDATE payment_attempts SET amount = '1.00' WHERE case_id = '{case}'",
    "UPDATE payment_attempts SET amount = '398.52' WHERE case_id = '{case}'",
)


# --- a document that comes too late -----------------------------------------------------------------------------------


async def attach(play: Play, case: str) -> None:
    writer, content = PdfWriter(), BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(content)
    await play.app.deciding.attach(case, "expert", content.getvalue(), None)


async def overtaken(play: Play, case: str) -> None:
    """A document is attached to a case that waits, and before it is taken the step is tried again."""
    await play.paid(case, "exp-wfirma")
    await waiting(play, case)
    await attach(play, case)
    await play.begun_again(case, Step.INVOICE)
    await play.carry_out(case, fails=True)


async def waiting(play: Play, case: str) -> None:
    """wFirma fails three times."""
    async with wfirma("invoices/add", "out_of_service")(play, case) as worker:
        failure = await worker.failing(case, Step.INVOICE)
    await play.parked(case, Step.INVOICE, failure)


async def issued(play: Play, case: str) -> None:
    await play.step(case, Step.INVOICE)


async def attached(play: Play, case: str) -> None:
    """The round fails once more, and the document is taken."""
    await waiting(play, case)
    await attach(play, case)
    await play.carry_out(case)


OVERTAKEN = Row(
    "attachment_overtaken", Recovery.INVOICED, overtaken, issued, None, Event.STEP_FAILED, Event.INVOICE_ISSUED,
    documents=Documents.MAY_EXIST,
)  # fmt: skip


async def given_up_late(play: Play, case: str) -> None:
    """Decided by one who saw the case parked; it is invoiced when the decision comes to be carried out."""
    await play.paid(case, "exp-wfirma")
    await waiting(play, case)
    await play.decide(case, DecisionKind.GIVE_UP)
    await issued(play, case)
    await play.carry_out(case, fails=True)


LATE = by_hand(
    Row("give_up_overtaken", Recovery.ACKNOWLEDGED, given_up_late, issued, None, Event.STEP_FAILED, Event.ALERT_CLOSED,
        documents=Documents.STORED)
)  # fmt: skip


# --- rows that a restored backup does not hold ------------------------------------------------------------------------


MISLAID = "UPDATE inbox SET id = -id WHERE {}"


async def late_payment(play: Play, case: str) -> None:
    """What the relay decides for a message that came after the run had closed."""
    async with play.app.store.transaction() as db:
        kind, body = DecisionKind.LATE_PAYMENT, {"inbox_id": str(await play.inbox_id(case))}
        await decide(db, case, kind, play.key(), "gateway", body, play.clock())


async def heard_late(play: Play, case: str) -> None:
    await paid_unheard(play, case)
    await play.receive_paid(case)


async def forgotten(play: Play, case: str) -> None:
    """The run has taken a decision that the restored database does not know."""
    await play.invoiced(case)
    await resend(play, case)
    decided = await play.decided(case)
    await play.change("DELETE FROM decisions WHERE case_id = :case", case=case)
    await play.act(decided, fails=True)


ROWS = (
    checking("autopay_disabled", trouble=no_gateway),
    checking("gateway_settings", trouble=wrong_key),
    checking("gateway_unreachable", trouble=nobody_there, attempt=5),
    checking("provider_limit", trouble=busy, attempt=5),
    checking("database", trouble=troubles.refusing("captures", "INSERT")),
    checking("duplicate_row", trouble=troubles.told_before("payment_completed")),
    checking("database_schema", trouble=troubles.without("captures")),
    checking(
        "internal", attempt=5,
        trouble=troubles.changed(
            "UPDATE payment_attempts SET amount = 'much' WHERE case_id = '{case}'", NO_ATTEMPT_FITS[1]
        ),
    ),
    checking("step_timed_out", trouble=troubles.frozen("check_payment"), attempt=5, attempts=(1, 2, 3, 4)),
    checked_without_database("database_unavailable", troubles.no_database),
    checked_without_database("version_conflict", troubles.refusing("cases", "UPDATE", does="RAISE(IGNORE)")),
    checked_without_database("database_url", troubles.refused_login, attempt=1, on="postgresql"),
    CANCELLED,
    correcting("invoice_facts_incomplete", trouble=troubles.no_expert),
    correcting("exchange_rate_missing", trouble=troubles.no_rates, before=invoiced_without_tax),
    correcting("exchange_rates_unreachable", trouble=troubles.no_bank, before=invoiced_without_tax, attempt=3),
    correcting("document_store", trouble=troubles.no_documents, attempt=3),
    correcting("invoice_exists", trouble=troubles.taken(corrected)),
    resending("document_altered", trouble=troubles.altered_document),
    resending("document_unknown", trouble=troubles.lost_document),
    stops(
        "payment_not_verified", troubles.changed(*NO_ATTEMPT_FITS), paid_unheard, external, money=Money.OPEN
    ),
    stops(
        "second_kept_payment", troubles.changed(KEPT, "DELETE FROM captures WHERE remote_id = 'R-{case}'"), asked,
        external, money=Money.NOT_CHARGED,
    ),
    stops(
        "notification_unknown",
        troubles.changed(MISLAID.format("case_id = '{case}'"), MISLAID.format("id < 0")),
        heard_late, late_payment, money=Money.OPEN, attempts=(),
    ),
    OVERTAKEN,
    LATE,
    Row(**{**vars(OVERTAKEN), "way": Recovery.DECIDED_AGAIN, "cure": attached, "closing": Event.DECIDED}),
    by_hand(stops("decision_unknown", troubles.none, invoiced, resend, documents=Documents.STORED), fail=forgotten),
)  # fmt: skip
