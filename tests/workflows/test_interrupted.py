"""Runs cancelled and terminated in the middle of cases: an alert says so, nothing is done twice, one press goes on.

Every place of the written table is met twice, once by a run that is cancelled and once by one that is terminated, all
of them in one world at the same time; what each case became is then looked at test by test.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.interrupted import CANCELLED, LEFT, LOST, Place
from invoicing.domain.labels import Role, actions
from invoicing.domain.records import StoredAlert
from invoicing.domain.state import Badge, CaseState, InvoiceStatus, PaymentStatus, Step
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer
from workflows.sweep import SweepRunsResult

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOW = {CANCELLED: WorkflowExecutionStatus.CANCELED, LOST: WorkflowExecutionStatus.TERMINATED}
STEPS = {
    Place.CHECKING: Step.VALIDATE,
    Place.IN_DOUBT: Step.CHARGE,
    Place.WAITING: Step.CHARGE,
    Place.UNINVOICED: Step.INVOICE,
    Place.STOPPED: Step.INVOICE,
    Place.UNMAILED: Step.EMAIL,
}
CASES = {(place, how): f"{place.name.lower().replace('_', '-')}-{how[4:]}" for place in STEPS for how in HOW}
PAYING = {Place.CHECKING, Place.IN_DOUBT, Place.WAITING}
WFIRMA = {Place.UNINVOICED}

every = pytest.mark.parametrize(("place", "how"), CASES, ids=CASES.values())


class Told:
    """What was seen of each case right after its run was ended."""

    def __init__(self) -> None:
        self.states: dict[str, CaseState] = {}
        self.alerts: dict[str, list[StoredAlert]] = {}
        self.swept: SweepRunsResult | None = None


async def brought_to(stage: World, place: Place, case_id: str) -> None:
    """A case whose run is at work at this place."""
    match place:
        case Place.CHECKING:
            await stage.record(case_id, billing_data={**BUYER, "tax_id": "1111111112"})
            await stage.start_again(case_id)
            await stage.when(case_id, lambda state: state.parked, "it is parked")
        case Place.IN_DOUBT:
            stage.gateway_fault("start", "drop_after_accept", f"{case_id}-")
            stage.gateway_fault("status", "http_500", f"{case_id}-", times=1000)
            await stage.record(case_id)
            await stage.pay(case_id, within=0.1)

            async def asked() -> bool:
                return stage.requests(f"{case_id}-1").get("status", 0) >= 1

            await until(asked, "the gateway is asked what became of the attempt")
        case Place.WAITING:
            await stage.record(case_id)
            assert (await stage.pay(case_id, within=30)).redirect_url
        case Place.UNINVOICED:
            await stage.record(case_id, paid=True, expert_id="exp-far")
            await stage.when(case_id, lambda state: state.paid, "it is paid; the issuer keeps silent")
        case Place.STOPPED:
            await stage.record(case_id, paid=True)
            await stage.when(case_id, lambda state: state.parked, "it is parked", 90)
        case Place.UNMAILED:
            await stage.record(case_id, paid=True, billing_data={**BUYER, "email": f"grey-{case_id}@example.com"})
            await stage.when(case_id, lambda state: state.invoiced, "the invoice is stored")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("interrupted")) as opened:
        opened.payer("in-doubt-", Action.PAY, ItnMode.DROP)
        opened.payer("checking-", Action.PAY)
        opened.mail_fault("451", "grey-", times=100_000)
        opened.wfirma_fault("invoices/find", "hang", "uninvoiced-", times=2, seconds=10)
        await opened.save_expert("exp-far", issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def told(stage: World) -> Told:
    """All runs are brought to their places, ended, and looked for."""
    seen = Told()

    with stage.unusable_documents():
        parked = [case_id for (place, _), case_id in CASES.items() if place is Place.STOPPED]
        await asyncio.gather(*(brought_to(stage, Place.STOPPED, case_id) for case_id in parked))
    await asyncio.gather(
        *(brought_to(stage, place, case_id) for (place, _), case_id in CASES.items() if case_id not in parked)
    )
    for (_, how), case_id in CASES.items():
        await (stage.run(case_id).cancel() if how == CANCELLED else stage.terminate(case_id))
    for (_, how), case_id in CASES.items():
        if how == CANCELLED:
            await stage.when(case_id, lambda state: state.closed, "the run has said that it is gone")
    seen.swept = await stage.sweep()
    for case_id in CASES.values():
        seen.states[case_id] = await stage.state(case_id)
        seen.alerts[case_id] = await stage.alerts(case_id)
    return seen


@every
async def test_an_ended_run_leaves_an_alert_that_says_where_and_a_button(
    stage: World, told: Told, place: Place, how: str
) -> None:
    case_id, row = CASES[place, how], LEFT[place]
    state = told.states[case_id]
    assert state.closed
    assert Badge.DECISION_NEEDED in state.badges
    assert state.parked is not None
    assert (state.parked.code, state.parked.step) == (how, STEPS[place])
    (alert,) = [one for one in told.alerts[case_id] if one.code in HOW]
    assert (alert.code, alert.details["place"]) == (how, place.value)
    assert {row.press, "give_up"} <= {action.value for action in actions(state, Role.OPS)}
    description = await stage.run(case_id).describe()
    assert description.status is HOW[how]
    if how == CANCELLED:
        marked = {pair.key.name: pair.value for pair in description.typed_search_attributes}
        assert (marked["Parked"], marked["FailedStep"], marked["FailureCause"]) == (
            True,
            STEPS[place].value,
            "internal",
        )
        details = (await stage.run(case_id).query("__temporal_workflow_metadata")).current_details
        assert f"code `{CANCELLED}`" in details
        assert f"`python -m starter regenerate {case_id}`" in details


async def test_a_sweep_finds_exactly_the_runs_that_could_not_speak(told: Told) -> None:
    assert told.swept is not None
    assert told.swept.lost == sum(how == LOST for _, how in CASES)
    assert told.swept.stuck == 0


@every
async def test_one_press_goes_on_and_nothing_is_done_twice(stage: World, told: Told, place: Place, how: str) -> None:
    case_id = CASES[place, how]
    stage.box.autopay.switches.clear()
    stage.box.mail_switches.clear()
    stage.box.wfirma.switches.clear()
    if place is Place.CHECKING:
        await stage.correct(case_id)
    if place is Place.WAITING and how == CANCELLED:
        stage.act(f"{case_id}-1", Action.PAY)  # late money is a press of its own
    else:
        await stage.app.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, "ops")
    if place is Place.WAITING and how == LOST:
        await stage.when(case_id, lambda state: not state.closed, "the run goes again")
        stage.act(f"{case_id}-1", Action.PAY)
    await stage.when(case_id, lambda state: state.expert_told, "the case ends", 90)
    await stage.run_ended(case_id)
    state = await stage.state(case_id)
    assert (state.payment.status, state.invoice.status) == (PaymentStatus.COMPLETED, InvoiceStatus.AVAILABLE)
    assert (state.parked, state.badges, state.closed) == (None, (), True)
    assert await stage.alerts(case_id) == []
    assert await stage.open_tasks(case_id) == []
    assert len(await stage.kept(case_id)) == 1
    if place in PAYING:
        assert len(stage.successes(case_id)) == 1
        assert stage.requests(f"{case_id}-1")["start"] == 1
    assert len(stage.issued(case_id) if place in WFIRMA else await stage.rows(tables.invoices, case_id)) == 1
    kinds = [mail.message_id.strip("<").split(".")[0] for mail in stage.mails(case_id)]
    assert sorted(kind for kind in kinds if kind != "expert-failed") == ["expert-paid", "invoice"]
    marked = {pair.key.name: pair.value for pair in (await stage.run(case_id).describe()).typed_search_attributes}
    assert (marked["PaymentStatus"], marked["InvoiceStatus"]) == ("completed", "available")
    assert not marked.get("Parked")


async def test_a_run_that_is_deleted_is_found_and_goes_on_after_a_press(stage: World, told: Told) -> None:
    await brought_to(stage, Place.WAITING, "deleted-waiting")
    with stage.unusable_documents():
        await brought_to(stage, Place.STOPPED, "deleted-stopped")
    deleted = {"deleted-waiting": Place.WAITING, "deleted-stopped": Place.STOPPED}
    for case_id in deleted:
        await stage.delete(case_id)

    async def found() -> bool:
        await stage.sweep()
        states = [await stage.state(case_id) for case_id in deleted]
        return all(state.closed for state in states)

    await until(found, "the sweep misses the runs")
    for case_id, place in deleted.items():
        assert not await stage.has_run(case_id)
        (alert,) = [alert for alert in await stage.alerts(case_id) if alert.code in HOW]
        assert (alert.code, alert.details["place"]) == (LOST, place.value)
        await stage.app.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, "ops")
    await stage.when("deleted-waiting", lambda state: not state.closed, "the run goes again")
    stage.act("deleted-waiting-1", Action.PAY)
    for case_id in deleted:
        await stage.when(case_id, lambda state: state.expert_told, "the case ends", 90)
        await stage.run_ended(case_id)
        assert await stage.alerts(case_id) == []
        assert len(await stage.kept(case_id)) == len(await stage.rows(tables.invoices, case_id)) == 1
    assert stage.requests("deleted-waiting-1")["start"] == 1


async def test_a_sweep_over_cases_that_go_well_finds_nothing(stage: World) -> None:
    await stage.record("well-1", paid=True, billing_data={**BUYER, "tax_id": "1111111112"})
    await stage.when("well-1", lambda state: state.parked, "it is parked")
    found = await stage.sweep()
    assert (found.lost, found.refunds, found.stuck) == (0, 0, 0)
    assert found.cases >= 1
