"""Experts who keep their books at wFirma: three attempts, the empty cell, one invoice whatever is lost; and experts who
send the invoice themselves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from invoicing.documents.pdf.invoice import render
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.labels import Role
from invoicing.domain.records import Event
from invoicing.domain.state import CaseState, InvoiceStatus, Step
from invoicing.errors import NotAllowed
from invoicing.sandbox.mail.mailbox import attachments_of, parse, text_of
from invoicing.storage import tables
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from tests.unit.documents.samples import invoice

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENTENCE = "Wystąpił błąd podczas wystawiania faktury dla klienta do sprawy nr {case_id}"
EXPERT = "exp-wfirma"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("wfirma"), api=False) as opened:
        await opened.save_expert(EXPERT, issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
        await opened.save_expert("exp-hand", issuer="none", invoice_series=None)
        yield opened


@dataclass(frozen=True)
class Lost:
    """Cases of which nobody knows for a while; their waits go on beside the other tests."""

    adopted: "asyncio.Task[CaseState]"
    doubted: "asyncio.Task[CaseState]"
    found: "asyncio.Task[CaseState]"
    again: "asyncio.Task[CaseState]"
    absent: "asyncio.Task[CaseState]"
    pressed: "asyncio.Task[CaseState]"
    deleted: "asyncio.Task[CaseState]"


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def lost(stage: World) -> Lost:
    """Answers of adds are lost; the pause before anything is proved is longer than an add may take."""
    stage.wfirma_fault("invoices/add", "drop_after_commit", "lost-1")
    await record(stage, "lost-1")
    stage.wfirma_fault("invoices/add", "drop_after_commit", "doubted-1")
    await record(stage, "doubted-1")
    await until(partial(issued, stage, "doubted-1"), "the invoice stands in the books")
    stage.wfirma_fault("invoices/find", "out_of_service", "doubted-1", times=3)
    await lost_at_the_third(stage, "found-1", "late_commit", seconds=5)
    await lost_at_the_third(stage, "again-1", "late_commit", seconds=1)
    await stage.start_again("again-1")
    await lost_at_the_third(stage, "absent-1", "drop_before")
    stage.wfirma_fault("invoices/find", "auth", "absent-1")  # a look that proves nothing
    await lost_at_the_third(stage, "pressed-1", "drop_before")
    await regenerate(stage, "pressed-1")
    stage.wfirma_fault("invoices/add", "wrong_total", "deleted-1")
    await record(stage, "deleted-1")
    await stage.when("deleted-1", failed, "the round has failed")
    (document,) = stage.issued("deleted-1")
    await stage.call_wfirma("DELETE", f"invoices/delete/{document['id']}", {})
    await regenerate(stage, "deleted-1")
    return Lost(
        asyncio.create_task(stage.ended("lost-1", 90)),
        asyncio.create_task(stage.ended("doubted-1", 90)),
        asyncio.create_task(stage.ended("found-1", 90)),
        asyncio.create_task(stage.ended("again-1", 90)),
        asyncio.create_task(stage.when("absent-1", failed, "the round has failed", 90)),
        asyncio.create_task(stage.ended("pressed-1", 90)),
        asyncio.create_task(stage.ended("deleted-1", 90)),
    )


async def issued(stage: World, case_id: str) -> bool:
    return bool(stage.issued(case_id))


def failed(state: CaseState) -> bool:
    return state.invoice.status is InvoiceStatus.FAILED


async def lost_at_the_third(stage: World, case_id: str, fault: str, **more: Any) -> None:
    """Until the case waits after two known failures and an answer that was lost."""
    stage.wfirma_fault("invoices/find", "out_of_service", case_id, times=2)
    stage.wfirma_fault("invoices/add", fault, case_id, **more)
    await record(stage, case_id)
    await stage.when(case_id, lambda state: state.parked, "the case is parked")


async def record(stage: World, case_id: str, **changes: object) -> None:
    await stage.record(case_id, paid=True, expert_id=EXPERT, **changes)


async def regenerate(stage: World, case_id: str) -> None:
    await stage.app.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, "ops")


async def round_failed(stage: World, case_id: str) -> CaseState:
    """Until a round of invoicing has failed and the expert has his notification and his mail."""
    state = await stage.when(case_id, lambda state: state.parked, "the case is parked")
    await until(lambda: stage.mailed(case_id, 1), "the expert has his mail")
    return state


async def test_the_expert_s_own_books_make_the_invoice(stage: World) -> None:
    await record(stage, "books-1")
    state = await stage.ended("books-1")
    (document,) = stage.issued("books-1")
    assert (document["id_external"], document["total"]) == ("books-1-1", "398.52")
    assert (state.invoice.number, state.invoice.attempts) == (document["fullnumber"], 1)
    shown = await stage.shown("books-1", Role.CLIENT)
    assert (shown["invoice"]["status"], shown["invoice"]["cell"]) == ("available", "Pobierz fakturę")
    pdf = await stage.app.documents.get(state.invoice.sha256 or "")
    to_client, to_expert = stage.mails("books-1")
    assert to_client.raw is not None
    assert [part.data for part in attachments_of(parse(to_client.raw))] == [pdf]
    assert to_expert.recipients == ("ekspert@example.com",)


async def test_two_failed_attempts_are_followed_by_a_third_that_issues(stage: World) -> None:
    stage.wfirma_fault("invoices/find", "out_of_service", "twice-1", times=2)
    await record(stage, "twice-1")
    await stage.ended("twice-1")
    shown = await stage.shown("twice-1")
    assert (shown["invoice"]["status"], shown["invoice"]["attempts"]) == ("available", 3)
    assert len(stage.issued("twice-1")) == 1
    assert [row["kind"] for row in await stage.rows(tables.notices, "twice-1")] == ["expert-paid"]
    assert await stage.alerts("twice-1", open_only=False) == []


async def test_three_failed_attempts_park_and_a_fresh_round_issues_one_invoice(stage: World) -> None:
    stage.wfirma_fault("invoices/add", "out_of_service", "thrice-1", times=3)
    await record(stage, "thrice-1")
    await round_failed(stage, "thrice-1")
    shown = await stage.shown("thrice-1", Role.CLIENT)
    assert (shown["payment"]["label"], shown["invoice"]["cell"]) == ("Zrealizowana", None)
    assert (shown["invoice"]["status"], shown["invoice"]["attempts"]) == ("failed", 3)
    assert shown["invoice"]["reason"] == "Przepraszamy, nie mogliśmy utworzyć faktury"
    parked = (await stage.shown("thrice-1"))["parked"]
    assert (parked["step"], parked["cause"], parked["code"], parked["attempts"]) == (
        Step.INVOICE, "connectivity", "provider_maintenance", 3
    )  # fmt: skip
    (mail,) = stage.mails("thrice-1")
    assert mail.raw is not None
    assert text_of(parse(mail.raw)).strip() == SENTENCE.format(case_id="thrice-1")
    assert [alert.code for alert in await stage.alerts("thrice-1")] == ["provider_maintenance"]
    assert [row["kind"] for row in await stage.open_tasks("thrice-1")] == ["invoice"]
    assert stage.issued("thrice-1") == []

    await regenerate(stage, "thrice-1")
    state = await stage.ended("thrice-1")
    assert (state.invoice.status, state.invoice.round, state.parked) == (InvoiceStatus.AVAILABLE, 2, None)
    assert [item["fullnumber"] for item in stage.issued("thrice-1")] == [state.invoice.number]
    kinds = [row["kind"] for row in await stage.rows(tables.notices, "thrice-1")]
    assert kinds == ["expert-failed", "expert-paid"]
    assert await stage.alerts("thrice-1") == []
    assert await stage.open_tasks("thrice-1") == []


async def test_data_that_wfirma_refuses_park_at_once_and_name_the_field(stage: World) -> None:
    stage.wfirma_fault("invoices/add", "validation", "data-1", reason="contractor.nip")
    await record(stage, "data-1")
    state = await round_failed(stage, "data-1")
    assert state.parked is not None
    assert (state.parked.code, state.parked.attempts) == ("invoice_data_refused", 1)
    assert state.parked.faults == (("billing_data.tax_id", "bad_nip"),)
    await stage.correct("data-1", city="Kraków")
    await stage.ended("data-1")
    assert len(stage.issued("data-1")) == 1


async def test_refused_keys_park_at_once_and_cost_one_attempt(stage: World) -> None:
    stage.wfirma_fault("invoices/find", "auth", "keys-1")
    await record(stage, "keys-1")
    state = await round_failed(stage, "keys-1")
    assert state.parked is not None
    assert (state.parked.cause, state.parked.code, state.parked.attempts) == ("settings", "issuer_settings", 1)
    assert [alert.code for alert in await stage.alerts("keys-1")] == ["issuer_settings"]
    await regenerate(stage, "keys-1")
    assert (await stage.ended("keys-1")).invoice.status is InvoiceStatus.AVAILABLE


async def test_a_round_that_failed_is_ended_by_the_expert_s_own_document(stage: World) -> None:
    stage.wfirma_fault("invoices/find", "access_denied", "instead-1")
    await record(stage, "instead-1")
    await round_failed(stage, "instead-1")
    pdf = render(invoice())
    await stage.app.deciding.attach("instead-1", "expert:exp-wfirma", pdf, None)
    state = await stage.ended("instead-1")
    assert (state.invoice.status, state.parked) == (InvoiceStatus.MANUAL, None)
    assert await stage.app.documents.get(state.invoice.sha256 or "") == pdf
    assert await stage.alerts("instead-1") == []
    assert stage.issued("instead-1") == []


async def test_the_document_of_an_expert_without_issuer_is_downloaded_and_mailed(stage: World) -> None:
    await stage.record("hand-1", paid=True, expert_id="exp-hand")
    await stage.ended("hand-1")
    before = await stage.shown("hand-1", Role.CLIENT)
    assert (before["invoice"]["status"], before["invoice"]["cell"], before["actions"]) == ("manual", None, [])

    first, second = render(invoice()), render(invoice(number="FV/2/11/2026"))
    for nth, pdf in enumerate((first, second), 1):
        await stage.app.deciding.attach("hand-1", "expert:exp-hand", pdf, None)
        await stage.app.deciding.attach("hand-1", "expert:exp-hand", pdf, None)
        await until(partial(stage.mailed, "hand-1", nth + 1), "the client has it by mail")
    shown = await stage.shown("hand-1", Role.CLIENT)
    assert (shown["invoice"]["status"], shown["invoice"]["cell"]) == ("manual", None)
    assert shown["actions"] == ["download"]
    assert await stage.app.documents.get(shown["invoice"]["sha256"]) == second
    mails = [parse(mail.raw) for mail in stage.mails("hand-1") if mail.raw and "faktury@example.com" in mail.recipients]
    assert [[part.data for part in attachments_of(mail)] for mail in mails] == [[first], [second]]
    assert len(await stage.rows(tables.archive, "hand-1")) == 2, "what was replaced stays in the archive"
    assert (await stage.events("hand-1")).count(Event.INVOICE_ATTACHED) == 2


async def test_an_issued_invoice_is_not_replaced_by_an_attachment(stage: World) -> None:
    await record(stage, "issued-1")
    await stage.ended("issued-1")
    with pytest.raises(NotAllowed):
        await stage.app.deciding.attach("issued-1", "expert:exp-wfirma", render(invoice()), None)


async def test_a_third_attempt_with_unknown_outcome_parks_and_nobody_is_told_that_it_failed(stage: World) -> None:
    await lost_at_the_third(stage, "unknown-1", "drop_before")
    shown = await stage.shown("unknown-1")
    assert (shown["invoice"]["status"], shown["invoice"]["cell"]) == ("generating", "Generowanie faktury")
    assert (shown["invoice"]["attempts"], shown["invoice"]["reason"]) == (3, None)
    assert (shown["parked"]["code"], shown["parked"]["attempts"]) == ("issuer_outcome_unknown", 3)
    assert [alert.code for alert in await stage.alerts("unknown-1")] == ["issuer_outcome_unknown"]
    assert await stage.open_tasks("unknown-1") == []

    async def looking() -> bool:
        return "look_for_invoice" in await stage.activities("unknown-1")

    await until(looking, "it is looked for")
    assert await stage.rows(tables.notices, "unknown-1") == []
    assert stage.mails("unknown-1") == []

    await stage.app.deciding.attach("unknown-1", "ops", render(invoice()), None)
    state = await stage.ended("unknown-1")
    assert (state.invoice.status, state.parked) == (InvoiceStatus.MANUAL, None)
    assert await stage.alerts("unknown-1") == []
    assert [row["kind"] for row in await stage.rows(tables.notices, "unknown-1")] == ["expert-manual"]


async def test_an_invoice_whose_answer_was_lost_is_found_and_adopted(stage: World, lost: Lost) -> None:
    state = await lost.adopted
    assert [item["fullnumber"] for item in stage.issued("lost-1")] == [state.invoice.number]
    assert (state.invoice.status, state.invoice.attempts) == (InvoiceStatus.AVAILABLE, 2)
    assert [row["kind"] for row in await stage.rows(tables.notices, "lost-1")] == ["expert-paid"]


async def test_a_lost_answer_stays_unknown_when_the_next_attempts_fail_before_they_could_look(
    stage: World, lost: Lost
) -> None:
    state = await lost.doubted
    assert [item["fullnumber"] for item in stage.issued("doubted-1")] == [state.invoice.number]
    assert (state.invoice.status, state.invoice.attempts, state.parked) == (InvoiceStatus.AVAILABLE, 3, None)
    assert [row["kind"] for row in await stage.rows(tables.notices, "doubted-1")] == ["expert-paid"]
    parked_with = [alert.code for alert in await stage.alerts("doubted-1", open_only=False)]
    assert parked_with == ["issuer_outcome_unknown"]


async def test_an_invoice_that_comes_late_of_a_lost_third_attempt_is_found_and_goes_on(
    stage: World, lost: Lost
) -> None:
    state = await lost.found
    assert [item["fullnumber"] for item in stage.issued("found-1")] == [state.invoice.number]
    assert (state.invoice.status, state.invoice.attempts, state.parked) == (InvoiceStatus.AVAILABLE, 3, None)
    assert [row["kind"] for row in await stage.rows(tables.notices, "found-1")] == ["expert-paid"]
    assert await stage.alerts("found-1") == []


async def test_a_run_that_was_lost_while_it_looked_is_started_again_and_issues_nothing_twice(
    stage: World, lost: Lost
) -> None:
    state = await lost.again
    assert [item["fullnumber"] for item in stage.issued("again-1")] == [state.invoice.number]
    assert (state.invoice.status, state.parked, state.badges) == (InvoiceStatus.AVAILABLE, None, ())
    assert [row["kind"] for row in await stage.rows(tables.notices, "again-1")] == ["expert-paid"]
    assert await stage.alerts("again-1") == []


async def test_a_lost_third_attempt_proved_to_have_done_nothing_is_a_failed_round(stage: World, lost: Lost) -> None:
    state = await lost.absent
    assert state.parked is not None
    assert (state.parked.code, state.parked.outcome_known, state.parked.attempts) == ("issuer_unreachable", True, 3)
    assert "absent-1" not in str(stage.box.wfirma.switches.as_json()), "refused keys were met, and did not end the look"
    assert [alert.code for alert in await stage.alerts("absent-1")] == ["issuer_unreachable"]
    await until(partial(stage.mailed, "absent-1", 1), "the expert has his mail")
    assert [row["kind"] for row in await stage.rows(tables.notices, "absent-1")] == ["expert-failed"]
    assert [row["kind"] for row in await stage.open_tasks("absent-1")] == ["invoice"]
    await regenerate(stage, "absent-1")
    assert (await stage.ended("absent-1")).invoice.status is InvoiceStatus.AVAILABLE
    assert len(stage.issued("absent-1")) == 1


async def test_regenerating_what_is_unknown_waits_for_proof_and_issues_once(stage: World, lost: Lost) -> None:
    state = await lost.pressed
    assert [item["fullnumber"] for item in stage.issued("pressed-1")] == [state.invoice.number]
    assert (state.invoice.status, state.parked) == (InvoiceStatus.AVAILABLE, None)
    assert [row["kind"] for row in await stage.rows(tables.notices, "pressed-1")] == ["expert-paid"]


async def test_an_invoice_that_differed_and_was_deleted_at_wfirma_is_issued_anew(stage: World, lost: Lost) -> None:
    state = await lost.deleted
    (anew,) = stage.issued("deleted-1")
    assert (anew["fullnumber"], anew["total"]) == (state.invoice.number, "398.52")
    assert [row["kind"] for row in await stage.rows(tables.notices, "deleted-1")] == ["expert-failed", "expert-paid"]


async def test_another_issuer_makes_no_second_invoice_while_one_may_exist(stage: World) -> None:
    await stage.save_expert("exp-moves", issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
    stage.wfirma_fault("invoices/find", "out_of_service", "moved-1", times=2)
    stage.wfirma_fault("invoices/add", "drop_after_commit", "moved-1")
    await stage.record("moved-1", paid=True, expert_id="exp-moves")
    await until(partial(issued, stage, "moved-1"), "the invoice stands in the books")
    stage.wfirma_fault("invoices/find", "out_of_service", "moved-1", times=100)
    await stage.when("moved-1", lambda state: state.parked, "the case is parked")
    await stage.save_expert("exp-moves")
    await regenerate(stage, "moved-1")
    await stage.when(
        "moved-1", lambda state: state.parked and state.parked.code == "issuer_not_ready", "the change is refused"
    )
    assert await stage.rows(tables.invoices, "moved-1") == []
    assert len(stage.issued("moved-1")) == 1


async def test_no_key_of_wfirma_is_met_in_files_of_the_database_or_in_logs(stage: World) -> None:
    raw = b"".join(path.read_bytes() for path in stage.folder.glob("paidcase.db*")) + stage.logs().encode()
    assert b"wfirma" in raw
    assert WFIRMA_KEYS["secret_key"] is not None
    assert WFIRMA_KEYS["secret_key"].encode() not in raw


async def test_every_failed_attempt_stands_in_our_own_record_with_time_cause_and_answer(stage: World) -> None:
    stage.wfirma_fault("invoices/find", "snapshot_lock", "told-1")
    stage.wfirma_fault("invoices/download", "not_a_pdf", "told-1")
    stage.wfirma_fault("invoices/download", "http_500", "told-1")
    await record(stage, "told-1")
    state = await stage.ended("told-1")
    assert (state.invoice.status, state.parked) == (InvoiceStatus.AVAILABLE, None)
    tries = [entry for entry in await stage.app.store.timeline("told-1") if entry.event is Event.ATTEMPT_FAILED]
    assert [(entry.attempt, entry.cause, entry.code, entry.details["answer"]) for entry in tries] == [
        (1, "connectivity", "account_maintenance", "later"),
        (2, "connectivity", "issuer_outcome_unknown", "lost"),
        (3, "connectivity", "issuer_outcome_unknown", "lost"),
    ]
    assert sorted(entry.at for entry in tries) == [entry.at for entry in tries]
    assert len(stage.issued("told-1")) == 1, "the invoice whose file did not come is the one that is adopted"
    assert [row["kind"] for row in await stage.rows(tables.notices, "told-1")] == ["expert-paid"]
