"""wFirma is away for two hundred cases: those that had begun make three attempts, the others wait, nothing storms."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any

import pytest
import pytest_asyncio

from invoicing.documents.pdf.invoice import render
from invoicing.domain.brownouts import LARGEST_LOT, SeenGate
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.labels import Action, Role
from invoicing.domain.records import Event, TaskKind
from invoicing.domain.state import CaseState, InvoiceStatus
from invoicing.sandbox.autopay.desk import Action as Paying
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from tests.unit.documents.samples import invoice

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPERT = "exp-wfirma"
INTERVAL = timedelta(seconds=1)
BEGUN = [f"begun-{n}" for n in range(20)]
HELD = [f"held-{n}" for n in range(179)]
CORRECTED, GIVEN_UP, ATTACHED, PRESSED, LOST = HELD[:5]
PAID = "paid-1"
WAITING = [*HELD, PAID]
GO_ON = [case_id for case_id in WAITING if case_id not in {GIVEN_UP, ATTACHED, PRESSED}]
SETTINGS = {"BROWNOUT_PROBE_INTERVAL": "1s", "BROWNOUT_WINDOW": "5m"}


@dataclass
class Story:
    """What was seen while wFirma was away, and how often it had been asked by then."""

    gate: SeenGate
    states: dict[str, CaseState] = field(default_factory=dict)
    cell: dict[str, Any] = field(default_factory=dict)
    details: str = ""
    actions: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    alerts: Counter[str] = field(default_factory=Counter)
    refunds: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    waited: list[str] = field(default_factory=list)


async def states_of(stage: World) -> dict[str, CaseState]:
    rows = await stage.rows(tables.cases)
    return {row["case_id"]: CaseState.model_validate(json.loads(row["state"])) for row in rows}


async def gate_of(stage: World) -> SeenGate:
    return next((gate for gate in await stage.app.store.gates() if gate.issuer == "wfirma"), SeenGate(issuer="wfirma"))


async def told_of(stage: World) -> list[str]:
    """Cases whose expert was told anything, and those on a failed list."""
    return [row["case_id"] for table in (tables.notices, tables.failed_tasks) for row in await stage.rows(table)]


async def decide(stage: World, case_id: str, kind: DecisionKind) -> None:
    await stage.app.deciding.take(case_id, kind, "ops")


async def pay(stage: World, case_id: str) -> None:
    """Through the gateway; nobody but the case asks for the message."""
    await stage.record(case_id, expert_id=EXPERT)
    await stage.pay(case_id)
    stage.act(f"{case_id}-1", Paying.PAY, ItnMode.DROP)
    await decide(stage, case_id, DecisionKind.CHECK_PAYMENT_NOW)


async def wait(stage: World, count: int) -> bool:
    """Whether so many cases wait; a look of a few rows, because this is asked often."""
    return (await gate_of(stage)).waiting == count


async def have_failed(stage: World, count: int) -> bool:
    return len(await stage.app.store.failed_tasks(TaskKind.INVOICE, 0, 100)) == count


async def are_invoiced(stage: World, case_ids: list[str]) -> bool:
    if len(stage.box.wfirma.documents()) < len(case_ids):
        return False
    states = await states_of(stage)
    return all(states[case_id].invoice.status is InvoiceStatus.AVAILABLE for case_id in case_ids)


async def away(stage: World) -> Story:
    """wFirma goes away, cases come, people decide about some of those that wait."""
    stage.box.wfirma.requests.clear()  # the expert's keys were proved when he was saved
    stage.wfirma_fault("any", "out_of_service", times=1_000_000)
    for case_id in BEGUN:
        await stage.record(case_id, paid=True, expert_id=EXPERT)

    async def is_shut() -> bool:
        return (await gate_of(stage)).shut

    await until(is_shut, "twenty cases shut the gate")
    await pay(stage, PAID)
    for case_id in HELD:
        await stage.record(case_id, paid=True, expert_id=EXPERT)
    await stage.record("own-1", paid=True)
    await until(partial(wait, stage, len(WAITING)), "all others wait")
    await until(partial(have_failed, stage, len(BEGUN)), "those that had begun have failed")
    await stage.run_ended("own-1")
    story = Story(await gate_of(stage), states=await states_of(stage), told=await told_of(stage))
    story.told = [case_id for case_id in story.told if case_id != "own-1"]
    story.cell = (await stage.shown(HELD[9], Role.CLIENT))["invoice"]
    story.actions = (await stage.shown(HELD[9]))["actions"]
    story.details = (await stage.run(HELD[9]).query("__temporal_workflow_metadata")).current_details
    story.alerts = Counter(alert.code for alert in await stage.app.store.alerts(open_only=False, after_id=0, limit=500))

    await stage.app.deciding.refund(PAID, "ops", None, "the client asked", "refund-1")
    await stage.correct(CORRECTED, city="Kraków")
    await decide(stage, GIVEN_UP, DecisionKind.GIVE_UP)
    await stage.app.deciding.attach(ATTACHED, "expert:exp-wfirma", render(invoice()), None)
    await decide(stage, PRESSED, DecisionKind.REGENERATE_INVOICE)
    await stage.start_again(LOST)
    for case_id in (GIVEN_UP, ATTACHED):
        await stage.run_ended(case_id)
    await until(partial(have_failed, stage, len(BEGUN) + 1), "who was sent through the gate has failed")

    async def refunded() -> bool:
        return any(row["status"] != "requested" for row in await stage.rows(tables.refunds, PAID))

    await until(refunded, "the refund is under way")
    await until(partial(wait, stage, len(GO_ON)), "the others wait still")
    story.waited = [case_id for case_id, state in (await states_of(stage)).items() if state.held]
    story.asked = Counter(stage.box.wfirma.requests)
    story.gate = await gate_of(stage)
    return story


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("brownout")
    async with world(temporal, folder, api=False, workers=2, settings=SETTINGS) as opened:
        await opened.save_expert(EXPERT, issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def story(stage: World) -> Story:
    """wFirma is away and comes back, and those that failed are tried again."""
    seen = await away(stage)
    stage.box.wfirma.switches.clear()
    await until(partial(are_invoiced, stage, GO_ON), "all that waited are invoiced")
    for case_id in [*BEGUN, PRESSED]:
        await decide(stage, case_id, DecisionKind.REGENERATE_INVOICE)
    await until(partial(are_invoiced, stage, [*GO_ON, *BEGUN, PRESSED]), "those that failed are invoiced")
    return seen


async def log_of(stage: World, event: Event) -> list[datetime]:
    return [row["at"] for row in await stage.rows(tables.activity_log) if row["event"] == event.value]


async def test_every_case_has_its_invoice_and_none_has_two(stage: World) -> None:
    wanted = {f"{case_id}-1" for case_id in [*GO_ON, *BEGUN, PRESSED]}
    assert Counter(document["id_external"] for _, document in shown_books(stage)) == Counter(wanted)
    states = await states_of(stage)
    assert {case_id for case_id, state in states.items() if state.held or state.parked} == set()
    for case_id in GO_ON:
        assert (states[case_id].invoice.attempts, states[case_id].invoice.round) == (1, 1), case_id


def shown_books(stage: World) -> list[tuple[Any, dict[str, Any]]]:
    return [(books, books.shown(document)) for books, document in stage.box.wfirma.documents()]


async def test_those_that_had_begun_made_exactly_three_attempts(story: Story) -> None:
    parked = [story.states[case_id].parked for case_id in BEGUN]
    assert [(why.code, why.attempts) for why in parked if why] == [("provider_maintenance", 3)] * len(BEGUN)
    assert Counter(story.told) == Counter(dict.fromkeys(BEGUN, 2))


async def test_those_that_waited_burnt_nothing_and_nobody_was_told_of_them(story: Story) -> None:
    for case_id in WAITING:
        state = story.states[case_id]
        assert (state.invoice.status, state.invoice.attempts) == (InvoiceStatus.GENERATING, 0)
        assert (state.held, state.parked, state.badges) == (True, None, ())
    assert not set(story.told) & set(WAITING)
    assert (story.cell["status"], story.cell["cell"]) == ("generating", "Generowanie faktury")
    assert story.cell["reason"] is None
    assert "**Waits for the provider**" in story.details
    assert {Action.REGENERATE_INVOICE, Action.ATTACH_INVOICE, Action.GIVE_UP} <= set(story.actions)


async def test_one_alert_told_of_it_and_is_closed(stage: World, story: Story) -> None:
    assert story.alerts == Counter(provider_maintenance=len(BEGUN), provider_brownout=1)
    found = await stage.app.store.alerts(open_only=False, after_id=0, limit=500)
    (alert,) = [alert for alert in found if alert.code == "provider_brownout"]
    assert (alert.key, alert.case_id, alert.step) == ("brownout:wfirma", None, "generate_invoice")
    assert alert.details == {"issuer": "wfirma", "code": "provider_maintenance"}
    assert alert.closed_at is not None
    assert len(await log_of(stage, Event.ISSUER_SHUT)) == len(await log_of(stage, Event.ISSUER_OPENED)) == 1


async def test_wfirma_was_asked_no_more_than_three_times_a_begun_case_and_once_an_interval(story: Story) -> None:
    assert story.gate.shut_at is not None
    assert set(story.asked) == {"invoices/find"}
    of_attempts = 3 * (len(BEGUN) + 1)
    assert of_attempts <= story.asked["invoices/find"] <= of_attempts + story.gate.probes


async def test_there_was_at_most_one_probe_an_interval(stage: World) -> None:
    ((shut_at,), (opened_at,)) = await log_of(stage, Event.ISSUER_SHUT), await log_of(stage, Event.ISSUER_OPENED)
    gate = await gate_of(stage)
    assert 1 <= gate.probes <= (opened_at - shut_at) / INTERVAL


async def test_they_were_let_go_little_by_little(stage: World) -> None:
    (opened_at,) = await log_of(stage, Event.ISSUER_OPENED)
    gone = [at for at in await log_of(stage, Event.INVOICE_LET_GO) if at >= opened_at]
    assert len(gone) == len(GO_ON)
    lots = accumulate(min(1 << n, LARGEST_LOT) for n in range(12))
    for nth, most in enumerate(lots, 1):
        assert sum(at < opened_at + nth * INTERVAL for at in gone) <= most, f"after {nth} intervals"


async def test_the_calls_after_the_recovery_are_those_that_invoices_need(stage: World, story: Story) -> None:
    made = len(GO_ON) + len(BEGUN) + 1
    asked = Counter(stage.box.wfirma.requests) - story.asked
    assert asked["invoices/add"] == asked["invoices/download"] == made
    assert asked["invoices/find"] <= made + (await gate_of(stage)).probes
    assert sum(asked.values()) <= 5 * made


async def test_a_case_that_waited_tells_its_story_in_few_events(stage: World) -> None:
    handle = await stage.run_ended(HELD[9])
    assert await stage.activities(HELD[9]) == [
        "validate_billing_data", "charge", "generate_invoice", "wait_for_provider", "generate_invoice",
        "email_invoice", "notify_expert",
    ]  # fmt: skip
    assert len((await stage.history(HELD[9])).events) <= 55
    assert "Waits for the provider" not in (await handle.query("__temporal_workflow_metadata")).current_details
    events = await stage.events(HELD[9])
    assert [event for event in events if event in {Event.INVOICE_HELD, Event.INVOICE_LET_GO, Event.INVOICE_ISSUED}] == [
        Event.INVOICE_HELD, Event.INVOICE_LET_GO, Event.INVOICE_ISSUED
    ]  # fmt: skip


async def test_data_corrected_while_a_case_waits_are_those_of_its_invoice(stage: World, story: Story) -> None:
    assert CORRECTED in story.waited
    (document,) = [shown for _, shown in shown_books(stage) if shown["id_external"] == f"{CORRECTED}-1"]
    assert document["contractor_detail"]["city"] == "Kraków"


async def test_a_case_that_is_given_up_while_it_waits_is_closed_and_leaves_the_queue(
    stage: World, story: Story
) -> None:
    state = await stage.state(GIVEN_UP)
    assert (state.closed, state.held, state.invoice.status) == (True, False, InvoiceStatus.FAILED)
    assert GIVEN_UP not in story.waited
    assert await stage.rows(tables.notices, GIVEN_UP) == []


async def test_a_document_attached_while_a_case_waits_ends_its_wait(stage: World, story: Story) -> None:
    state = await stage.state(ATTACHED)
    assert (state.held, state.invoice.status) == (False, InvoiceStatus.MANUAL)
    assert ATTACHED not in story.waited
    assert [row["kind"] for row in await stage.rows(tables.notices, ATTACHED)] == ["expert-manual"]


async def test_a_payment_is_given_back_while_its_case_waits(stage: World, story: Story) -> None:
    assert PAID in story.waited
    assert [row["status"] for row in await stage.rows(tables.refunds, PAID)] != ["requested"]


async def test_a_case_that_a_person_sends_through_the_gate_makes_its_three_attempts(stage: World) -> None:
    kinds = [row["kind"] for row in await stage.rows(tables.notices, PRESSED)]
    assert kinds[0] == "expert-failed"
    (parked,) = [row for row in await stage.rows(tables.activity_log, PRESSED) if row["event"] == Event.PARKED]
    assert (parked["code"], parked["attempt"]) == ("provider_maintenance", 3)


async def test_a_run_that_is_lost_while_it_waits_is_started_again_and_waits(stage: World, story: Story) -> None:
    assert LOST in story.waited
    assert (await stage.events(LOST)).count(Event.INVOICE_HELD) == 1
