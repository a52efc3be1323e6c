"""Steps that cannot go on wait for a person, visibly, and go on from where they stopped; nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from activities.queueing import decide
from invoicing.domain.consequences import Documents, Money
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.failure_records import failures_of
from invoicing.domain.labels import Role
from invoicing.domain.records import Event
from invoicing.domain.state import CaseState, InvoiceStatus, Step
from invoicing.errors import Cause
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.mail.mailbox import parse, text_of
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENTENCE = "Wystąpił błąd podczas wystawiania faktury dla klienta do sprawy nr {case_id}"
BAD_NIP = {**BUYER, "tax_id": "1111111112"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("parking")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def forgotten(stage: World) -> "asyncio.Task[CaseState]":
    """A finished case that Temporal deletes while the other tests run."""

    async def finish_and_forget() -> CaseState:
        await stage.record("gone-1", paid=True)
        state = await stage.ended("gone-1")
        await stage.forget("gone-1")
        return state

    return asyncio.create_task(finish_and_forget())


async def parked(stage: World, case_id: str) -> None:
    """Until the run waits for a person and says so, and everything it does before waiting is done."""
    await stage.when(case_id, lambda state: state.parked, "the case is parked")

    async def marked() -> bool:
        attributes = (await stage.run(case_id).describe()).typed_search_attributes
        return any(pair.key.name == "Parked" and pair.value is True for pair in attributes)

    await until(marked, "the search attributes say so")


async def failed_round(stage: World, case_id: str) -> None:
    """A paid case whose three attempts failed, and whose expert has been told."""
    with stage.unusable_documents():
        await stage.record(case_id, paid=True)
        await parked(stage, case_id)

    async def told() -> bool:
        return "notify_expert" in await stage.completed(case_id)

    await until(told, "the expert is told")


async def attributes_of(stage: World, case_id: str) -> dict[str, object]:
    found = (await stage.run(case_id).describe()).typed_search_attributes
    return {pair.key.name: pair.value for pair in found if pair.key.name != "BuildIds"}


async def test_a_paid_case_with_a_bad_tax_id_waits_until_it_is_corrected(stage: World) -> None:
    await stage.record("nip-1", paid=True, billing_data=BAD_NIP)
    await parked(stage, "nip-1")
    shown = await stage.shown("nip-1")
    assert (shown["parked"]["step"], shown["parked"]["cause"]) == ("validate_billing_data", "billing_data")
    assert (shown["parked"]["code"], shown["parked"]["actions"][0]) == ("billing_data_invalid", "correct_billing_data")
    assert shown["badges"] == ["decision_needed"]
    assert [alert.code for alert in await stage.alerts("nip-1")] == ["billing_data_invalid"]
    attributes = await attributes_of(stage, "nip-1")
    assert attributes["Parked"] is True
    assert (attributes["FailedStep"], attributes["FailureCause"]) == ("validate_billing_data", "billing_data")
    assert await stage.activities("nip-1") == ["validate_billing_data", "record_parked"], "a data fault is not retried"
    details = (await stage.run("nip-1").query("__temporal_workflow_metadata")).current_details
    assert "`billing_data.tax_id` bad_nip" in details

    await stage.correct("nip-1")
    state = await stage.ended("nip-1")
    assert (state.parked, state.badges, state.invoice.status) == (None, (), InvoiceStatus.AVAILABLE)
    assert await stage.alerts("nip-1") == []
    assert [alert.code for alert in await stage.alerts("nip-1", open_only=False)] == ["billing_data_invalid"]
    attributes = await attributes_of(stage, "nip-1")
    assert attributes["Parked"] is False
    assert "FailedStep" not in attributes


async def test_a_paid_case_parked_by_its_data_already_shows_the_payment_as_completed(stage: World) -> None:
    await stage.record("nip-2", paid=True, billing_data=BAD_NIP)
    await parked(stage, "nip-2")
    shown = await stage.shown("nip-2", Role.CLIENT)
    assert (shown["payment"]["status"], shown["invoice"]["status"]) == ("completed", "generating")
    assert (shown["payment"]["label"], shown["invoice"]["cell"]) == ("Zrealizowana", "Generowanie faktury")


async def test_a_correction_that_is_still_wrong_parks_again(stage: World) -> None:
    await stage.record("nip-3", paid=True, billing_data={**BAD_NIP, "postal_code": "1"})
    await parked(stage, "nip-3")
    # Stored without the judgement of the intake, as an import might do it.
    await stage.save_unjudged("nip-3", {**BUYER, "postal_code": "1"})
    await until(lambda: stage.parked_times("nip-3", 2), "it is parked a second time")
    state = await stage.state("nip-3")
    assert state.parked is not None
    assert state.parked.faults == (("billing_data.postal_code", "bad_postal_code"),)
    await stage.correct("nip-3")
    assert (await stage.ended("nip-3")).invoice.status is InvoiceStatus.AVAILABLE


async def test_three_failed_attempts_empty_the_cell_and_tell_the_expert_once(stage: World) -> None:
    await failed_round(stage, "round-1")
    shown = await stage.shown("round-1", Role.CLIENT)
    assert (shown["payment"]["label"], shown["invoice"]["cell"]) == ("Zrealizowana", None)
    assert shown["invoice"]["status"] == "failed"
    assert shown["invoice"]["reason"] == "Przepraszamy, nie mogliśmy utworzyć faktury"
    assert shown["invoice"]["attempts"] == 3
    assert [row["kind"] for row in await stage.rows(tables.notices, "round-1")] == ["expert-failed"]
    (mail,) = stage.mails("round-1")
    assert mail.raw is not None
    assert mail.recipients == ("ekspert@example.com",)
    assert text_of(parse(mail.raw)).strip() == SENTENCE.format(case_id="round-1")
    assert [row["kind"] for row in await stage.open_tasks("round-1")] == ["invoice"]
    assert [alert.code for alert in await stage.alerts("round-1")] == ["document_store"]
    records = failures_of(await stage.app.store.timeline("round-1"))
    assert [(one.step, one.code, one.attempt, one.ended) for one in records] == [
        (Step.INVOICE, "document_store", 1, False),
        (Step.INVOICE, "document_store", 2, False),
        (Step.INVOICE, "document_store", 3, True),
    ]
    assert {(one.cause, one.money, one.documents, one.outcome_known) for one in records} == {
        (Cause.INTERNAL, Money.KEPT, Documents.NONE, True)
    }


async def test_a_round_is_exactly_three_attempts(stage: World) -> None:
    await failed_round(stage, "round-2")
    failures = [
        event.activity_task_failed_event_attributes
        for event in (await stage.history("round-2")).events
        if event.HasField("activity_task_failed_event_attributes")
    ]
    started = [
        event.activity_task_started_event_attributes.attempt
        for event in (await stage.history("round-2")).events
        if event.HasField("activity_task_started_event_attributes")
    ]
    assert len(failures) == 1
    assert max(started) == 3


async def test_a_decision_does_not_wait_for_the_mail_about_the_failed_round(stage: World) -> None:
    case_id, to_expert = "late-mail-1", "ekspert@example.com"

    def told() -> list[str]:
        found = [mail.raw for mail in stage.mails(case_id) if to_expert in mail.recipients]
        return [text_of(parse(raw)) for raw in found if raw is not None]

    stage.mail_fault("451", recipient=to_expert, times=10_000)
    try:
        with stage.unusable_documents():
            await stage.record(case_id, paid=True)
            await parked(stage, case_id)

        async def noticed() -> bool:
            return bool(await stage.rows(tables.notices, case_id))

        await until(noticed, "the expert is told in the app")
        await stage.regenerate(case_id, "late-mail-1-again")
        await stage.when(case_id, lambda state: state.invoice.sha256 is not None, "the invoice is there")
        assert told() == [], "the mail of the failed round is still being tried"
    finally:
        stage.box.mail_switches.clear()
    await stage.ended(case_id)
    await stage.run_ended(case_id)
    assert sum(SENTENCE.format(case_id=case_id) in text for text in told()) == 1
    assert len(told()) == 2, "of the failed round and of the finished case"


async def test_regenerating_gives_fresh_attempts_and_leaves_the_payment_alone(stage: World) -> None:
    stage.payer("again-1", Action.PAY)
    with stage.unusable_documents():
        await stage.record("again-1")
        await stage.pay("again-1")
        await parked(stage, "again-1")
    number = (await stage.rows(tables.invoices, "again-1"))[0]["full_number"]
    await stage.regenerate("again-1", "ops-press-1")
    await stage.regenerate("again-1", "ops-press-2")
    state = await stage.ended("again-1")
    assert (state.invoice.number, state.invoice.attempts, state.invoice.reason) == (number, 1, None)
    assert (state.parked, state.badges) == (None, ())
    assert await stage.alerts("again-1") == []
    assert await stage.open_tasks("again-1") == []
    assert stage.requests("again-1-1")["start"] == 1
    assert len(stage.ledger("again-1")) == len(await stage.kept("again-1")) == 1
    assert len(await stage.rows(tables.invoices, "again-1")) == 1
    events = await stage.events("again-1")
    assert events.count(Event.PARKED) == events.count(Event.RESUMED) == 1


async def test_every_failed_round_tells_the_expert_once(stage: World) -> None:
    await failed_round(stage, "rounds-1")
    with stage.unusable_documents():
        await stage.regenerate("rounds-1", "rounds-1-press-1")
        await until(lambda: stage.parked_times("rounds-1", 2), "the second round has failed")
        await until(lambda: stage.mailed("rounds-1", 2), "the second round is told")
    assert (await stage.state("rounds-1")).invoice.round == 2
    await stage.regenerate("rounds-1", "rounds-1-press-2")
    await stage.ended("rounds-1")
    kinds = [row["kind"] for row in await stage.rows(tables.notices, "rounds-1")]
    assert kinds == ["expert-failed", "expert-failed", "expert-paid"]
    assert len({mail.message_id for mail in stage.mails("rounds-1")}) == len(stage.mails("rounds-1")) == 4


async def test_a_case_started_again_after_its_end_reaches_the_same_end_and_does_nothing_twice(stage: World) -> None:
    stage.payer("same-1", Action.PAY)
    await stage.record("same-1")
    await stage.pay("same-1")
    before = await stage.ended("same-1")
    await stage.start_again("same-1")
    assert await stage.ended("same-1") == before
    assert stage.requests("same-1-1")["start"] == len(stage.ledger("same-1")) == 1
    assert len(await stage.rows(tables.invoices, "same-1")) == 1
    assert len(stage.mails("same-1")) == 2
    assert len(await stage.rows(tables.notices, "same-1")) == 1


async def test_a_case_of_two_rounds_started_again_tells_the_expert_nothing_new(stage: World) -> None:
    await failed_round(stage, "same-2")
    await stage.regenerate("same-2", "same-2-press")
    before = await stage.ended("same-2")
    mails = len(stage.mails("same-2"))
    await stage.start_again("same-2")
    assert await stage.ended("same-2") == before
    assert len(stage.mails("same-2")) == mails
    kinds = [row["kind"] for row in await stage.rows(tables.notices, "same-2")]
    assert kinds == ["expert-failed", "expert-paid"]


async def test_a_parked_case_whose_run_was_lost_goes_on_from_the_database(stage: World) -> None:
    await stage.record("lost-1", paid=True, billing_data=BAD_NIP)
    await parked(stage, "lost-1")
    await stage.terminate("lost-1")
    await stage.correct("lost-1")
    state = await stage.when("lost-1", lambda state: state.expert_told, "the case ends")
    await stage.run_ended("lost-1")
    assert (state.parked, state.badges) == (None, ())
    assert await stage.alerts("lost-1") == []


async def test_a_failed_round_whose_run_was_lost_is_parked_or_cured_but_never_both(stage: World) -> None:
    await failed_round(stage, "lost-2")
    await stage.start_again("lost-2")
    state = await stage.ended("lost-2")
    assert (state.invoice.status, state.parked, state.badges) == (InvoiceStatus.AVAILABLE, None, ())
    assert await stage.alerts("lost-2") == []
    assert await stage.open_tasks("lost-2") == []


async def test_a_case_recorded_twice_is_one_case(stage: World) -> None:
    await stage.record("double-1", paid=True)
    await stage.record("double-1", paid=True)
    await stage.ended("double-1")
    await stage.record("double-1", paid=True)
    assert len(await stage.rows(tables.invoices, "double-1")) == 1
    assert len(stage.mails("double-1")) == 2
    assert (await stage.events("double-1")).count(Event.CASE_RECORDED) == 1


async def test_a_message_about_an_order_that_is_not_ours_does_not_end_the_run(stage: World) -> None:
    await stage.record("odd-1", paid=True, billing_data=BAD_NIP)
    await parked(stage, "odd-1")
    await stage.receive_unknown("odd-1")
    await until(stage.inbox_is_empty, "the message is handed over")
    await until(lambda: stage.signalled("odd-1"), "the run has heard of it")
    await stage.correct("odd-1")
    assert (await stage.ended("odd-1")).invoice.status is InvoiceStatus.AVAILABLE


async def test_a_run_that_temporal_has_forgotten_is_started_again_by_the_database(
    stage: World, forgotten: "asyncio.Task[CaseState]"
) -> None:
    before = await forgotten
    await stage.start_again("gone-1")
    assert await stage.ended("gone-1") == before
    assert len(stage.mails("gone-1")) == 2


async def give_up(stage: World, case_id: str) -> None:
    """Leave the decision as one does who was shown the parked case just before the run went on."""
    async with stage.app.store.transaction() as db:
        kind, now = DecisionKind.GIVE_UP, stage.app.clock()
        await decide(db, case_id, kind, f"{kind.value}:{case_id}:late", "ops", {}, now)


async def test_a_give_up_that_came_when_the_run_went_on_already_ends_its_next_wait(stage: World) -> None:
    await failed_round(stage, "late-1")
    with stage.unusable_documents():
        await stage.regenerate("late-1", "late-1-press")
        await stage.when("late-1", lambda state: state.parked is None, "it is tried again")
        await give_up(stage, "late-1")
        state = await stage.when("late-1", lambda state: state.closed, "it is given up")
    await stage.run_ended("late-1")
    assert (state.parked, state.invoice.status) == (None, InvoiceStatus.FAILED)
    assert (await stage.events("late-1"))[-1] is Event.GIVEN_UP
    assert await stage.parked_times("late-1", 2)
    assert await stage.alerts("late-1") == []


@pytest.mark.parametrize("ended", [False, True])
async def test_ops_are_told_of_a_give_up_that_came_too_late_for_anything(stage: World, ended: bool) -> None:
    case_id = f"late-2-{ended}"
    await stage.record(case_id, paid=True, billing_data=BAD_NIP)
    await parked(stage, case_id)

    async def handed_over() -> bool:
        return not (await stage.app.store.waiting())["outbox"]

    if not ended:
        stage.mail_fault("451", times=10_000)
    try:
        await stage.correct(case_id)
        await stage.when(case_id, lambda state: state.invoice.sha256, "the invoice is there")
        if ended:
            await stage.run_ended(case_id)
        await give_up(stage, case_id)
        await until(handed_over, "the decision is handed over")
    finally:
        stage.box.mail_switches.clear()

    async def told() -> list[str]:
        return [alert.code for alert in await stage.alerts(case_id)]

    await until(told, "an alert is open")
    assert await told() == ["give_up_overtaken"]
    assert (await stage.state(case_id)).invoice.status is InvoiceStatus.AVAILABLE
    assert Event.GIVEN_UP not in await stage.events(case_id)
    await stage.run_ended(case_id)
