"""Refunds and other acts cut short by an operator: told of at once, carried to their end once, never asked for twice.

Every place of a refund on a closed case is met twice, by a run that is cancelled and by one that is terminated; beside
them a refund that an open run was carrying out, one that nobody had begun, and an act that is no refund.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.interrupted import CANCELLED, CODES, LOST
from invoicing.domain.records import Event, StoredAlert
from invoicing.domain.state import Badge, CaseState, InvoiceStatus
from invoicing.errors import NotAllowed
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer
from workflows import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOW = {CANCELLED: WorkflowExecutionStatus.CANCELED, LOST: WorkflowExecutionStatus.TERMINATED}
ORDERED, FOLLOWED, ARRIVED, OPEN, RESENT = "ordered", "followed", "arrived", "open", "resent"
CASES = {f"{place}-{how[4:]}": (place, how) for place in (ORDERED, FOLLOWED, ARRIVED, OPEN, RESENT) for how in HOW}
UNBEGUN = {"unbegun-closed": (ORDERED, LOST)}
CLOSED = [*(case_id for case_id, (place, _) in CASES.items() if place in {ORDERED, FOLLOWED, ARRIVED}), *UNBEGUN]
OPENED = [case_id for case_id, (place, _) in CASES.items() if place == OPEN]
RESENDING = [case_id for case_id, (place, _) in CASES.items() if place == RESENT]
PART = Decimal("10")
OUTSIDE = "outside-lost"
"""A case with an open attempt, of which a person has told that it was paid another way."""


def address(case_id: str) -> str:
    return f"{case_id}@example.com"


def act(stage: World, case_id: str) -> WorkflowHandle[object, object]:
    """The run that carries the decision out."""
    return (
        stage.run(case_id)
        if case_id in OPENED
        else stage.temporal.get_workflow_handle(identity.case_action_id(case_id, 1))
    )


async def brought_to(stage: World, case_id: str, place: str) -> None:
    """A decision about the case is being carried out, and has come to this place."""

    operation = {ORDERED: "refund", OPEN: "refund", FOLLOWED: "out_details"}.get(place)
    if operation is None:
        stage.mail_fault("451", address(case_id), times=100_000)
    else:
        stage.gateway_fault(operation, "http_500", f"{case_id}-", times=1000)

    async def there() -> bool:
        if operation is not None:
            return stage.requests(f"{case_id}-1").get(operation, 0) >= 1
        return "waiting" in [row["status"] for row in await stage.rows(tables.deliveries, case_id)]

    if place == RESENT:
        await stage.app.deciding.resend(case_id, "ops", None, "once")
    else:
        await stage.app.deciding.refund(case_id, "ops", PART if place == OPEN else None, "test", "once")
    await until(there, f"{case_id} is {place}")


async def paid_cases(stage: World) -> None:
    """Invoiced cases whose runs have closed, and paid ones that are parked."""
    for case_id in (*CASES, *UNBEGUN):
        await stage.record(case_id, billing_data={**BUYER, "email": address(case_id)})
    await asyncio.gather(*(stage.pay(case_id, 60) for case_id in (*CASES, *UNBEGUN)))
    with stage.unusable_documents():
        for case_id in OPENED:
            stage.act(f"{case_id}-1", Action.PAY)
        for case_id in OPENED:
            await stage.when(case_id, lambda state: state.parked, "it is parked")
    for case_id in (*CLOSED, *RESENDING):
        stage.act(f"{case_id}-1", Action.PAY)
    for case_id in (*CLOSED, *RESENDING):
        await stage.run_ended(case_id)


async def told_of_other_money(stage: World) -> None:
    """The run is about to count it, and asks the gateway about the open attempt before."""
    await stage.record(OUTSIDE)
    assert (await stage.pay(OUTSIDE, 60)).redirect_url
    stage.gateway_fault("status", "http_500", f"{OUTSIDE}-", times=1000)
    paid_at = stage.app.clock() - timedelta(hours=1)
    await stage.app.deciding.external_payment(OUTSIDE, "ops", "TRANSFER-1", paid_at, Decimal("398.52"), "once")

    async def settling() -> bool:
        return "settle_attempts" in await stage.activities(OUTSIDE)

    await until(settling, "the attempt is asked about")


async def unbegun(stage: World) -> None:
    """Decided while no worker is there; the run that was to carry it out is terminated before one comes."""
    worker = stage.processes[1]
    worker.send_signal(signal.SIGTERM)
    await asyncio.to_thread(worker.wait, 60)
    for case_id in UNBEGUN:
        await stage.app.deciding.refund(case_id, "ops", None, "test", "once")

        async def begun(case_id: str = case_id) -> bool:
            query = f"WorkflowId = '{identity.case_action_id(case_id, 1)}'"
            return (await stage.temporal.count_workflows(query)).count == 1

        await until(begun, "its run waits for a worker")
        await act(stage, case_id).terminate("the test ends the run")
    await stage.is_ready(stage.start_worker())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"PAYMENT_POLL_INTERVAL": "500ms"}
    async with world(temporal, tmp_path_factory.mktemp("cut-short"), settings=settings) as opened:
        await paid_cases(opened)
        await asyncio.gather(*(brought_to(opened, case_id, place) for case_id, (place, _) in CASES.items()))
        await unbegun(opened)
        await told_of_other_money(opened)
        await opened.terminate(OUTSIDE)
        for case_id, (_, how) in CASES.items():
            await (act(opened, case_id).cancel() if how == CANCELLED else act(opened, case_id).terminate("test"))
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def told(stage: World) -> dict[str, list[StoredAlert]]:
    """The alerts of each case after a sweep; what disturbed the acts is away afterwards."""
    for case_id, (_, how) in CASES.items():

        async def ended(case_id: str = case_id, how: str = how) -> bool:
            return (await act(stage, case_id).describe()).status is HOW[how]

        await until(ended, f"{case_id} has ended")
    found = await stage.sweep()
    assert found.lost == 1 + sum(how == LOST for place, how in CASES.values() if place == OPEN)
    alerts = {case_id: await stage.alerts(case_id, open_only=False) for case_id in (*CASES, *UNBEGUN)}
    for case_id in set(CLOSED) - set(UNBEGUN):
        with pytest.raises(NotAllowed):  # while it is on its way, nothing is left to refund
            await stage.app.deciding.refund(case_id, "ops", None, "test", "once more")
    stage.box.autopay.switches.clear()
    return alerts


@pytest.mark.parametrize("case_id", [*CASES, *UNBEGUN])
async def test_an_act_that_is_cut_short_leaves_an_alert(
    stage: World, told: dict[str, list[StoredAlert]], case_id: str
) -> None:
    place, how = {**CASES, **UNBEGUN}[case_id]
    kind = DecisionKind.RESEND_INVOICE if place == RESENT else DecisionKind.REFUND
    (alert,) = [alert for alert in told[case_id] if alert.code in CODES]
    assert alert.code == how
    if place != OPEN:  # the case of an open run waits as a whole
        assert (alert.details["decision"], alert.details["kind"]) == ("1", kind.value)


async def corrected(stage: World, case_id: str) -> CaseState:
    async def mailed() -> bool:
        return (await stage.events(case_id)).count(Event.INVOICE_MAILED) == 2

    stage.box.mail_switches.clear()
    await until(mailed, f"{case_id}: its correction is mailed", 90)
    return await stage.state(case_id)


async def one_order(stage: World, case_id: str, amount: str) -> None:
    """One refund at the gateway, whatever became of the runs, and in the database it has ended."""

    async def ended() -> bool:
        return all(row["ended_at"] for row in await stage.rows(tables.refunds, case_id))

    await until(ended, f"{case_id}: the refund has ended")
    (transaction,) = stage.ledger(case_id)
    (order,) = [one for one in stage.box.autopay.refunds if one.transaction is transaction]
    assert (order.amount, order.over) == (amount, True)
    assert [row["status"] for row in await stage.rows(tables.refunds, case_id)] == ["done"]


@pytest.mark.parametrize("case_id", CLOSED)
async def test_a_refund_is_carried_to_its_end_once(
    stage: World, told: dict[str, list[StoredAlert]], case_id: str
) -> None:
    state = await corrected(stage, case_id)
    assert set(state.badges) == {Badge.REFUNDED, Badge.CORRECTED}
    await one_order(stage, case_id, "398.52")
    assert [row["sequence"] for row in await stage.rows(tables.invoices, case_id)] == [1, 2]
    kinds = Counter(mail.message_id.strip("<").split(".")[0] for mail in stage.mails(case_id))
    assert kinds == {"invoice": 1, "expert-paid": 1, "refund": 1, "correction": 1}

    async def quiet() -> bool:
        return not await stage.alerts(case_id) and not await stage.open_tasks(case_id)

    await until(quiet, f"{case_id}: what was told is closed")


@pytest.mark.parametrize("case_id", OPENED)
async def test_a_refund_of_an_open_run_goes_on_beside_the_case_that_waits(
    stage: World, told: dict[str, list[StoredAlert]], case_id: str
) -> None:
    await one_order(stage, case_id, "10.00")
    await stage.app.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, "ops")
    state = await stage.when(case_id, lambda state: state.expert_told, "the case ends", 90)
    await stage.run_ended(case_id)
    assert (state.invoice.status, state.parked) == (InvoiceStatus.AVAILABLE, None)
    assert state.badges == (Badge.PARTLY_REFUNDED,)
    assert await stage.alerts(case_id) == []


async def test_money_that_a_person_told_of_is_counted_once_although_the_run_is_lost(
    stage: World, told: dict[str, list[StoredAlert]]
) -> None:
    state = await stage.when(OUTSIDE, lambda state: state.expert_told, "the case ends", 90)
    await stage.run_ended(OUTSIDE)
    (kept,) = await stage.kept(OUTSIDE)
    assert (kept["via"], kept["order_id"], stage.successes(OUTSIDE)) == ("external", "TRANSFER-1", [])
    assert (state.invoice.status, state.parked, state.badges) == (InvoiceStatus.AVAILABLE, None, ())
    assert len(await stage.rows(tables.invoices, OUTSIDE)) == 1
    assert await stage.alerts(OUTSIDE) == []


@pytest.mark.parametrize("case_id", RESENDING)
async def test_another_act_is_pressed_again(stage: World, told: dict[str, list[StoredAlert]], case_id: str) -> None:
    stage.box.mail_switches.clear()
    await stage.app.deciding.resend(case_id, "ops", None, "again")

    async def mailed() -> bool:
        return (await stage.events(case_id)).count(Event.INVOICE_MAILED) == 2

    await until(mailed, f"{case_id}: it is mailed again")
    assert await stage.alerts(case_id) == []


async def test_another_sweep_finds_nothing_and_tells_nothing_twice(
    stage: World, told: dict[str, list[StoredAlert]]
) -> None:
    for case_id in CLOSED:
        await corrected(stage, case_id)
        await one_order(stage, case_id, "398.52")
    before = len(await stage.rows(tables.alerts))
    found = await stage.sweep()
    assert (found.refunds, found.lost) == (0, 0)
    assert len(await stage.rows(tables.alerts)) == before
