"""The comparison of the day on a real server: what was never heard is told, and what is cured is closed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlalchemy.ext.asyncio import create_async_engine

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import StoredAlert
from invoicing.domain.state import PaymentStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from starter.schedules import add_missing
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from workflows import identity
from workflows.reconcile import Reconcile, ReconcileInput, ReconcileResult

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Polls are an hour apart, so that a dropped message stays unheard."""
    async with world(temporal, tmp_path_factory.mktemp("reconcile")) as opened:
        yield opened


async def reconciled(stage: World, day: str) -> ReconcileResult:
    """What the comparison of a day says; nothing is too young for it."""
    return await stage.temporal.execute_workflow(
        Reconcile.run,
        ReconcileInput(settles_within=timedelta(0)),
        id=identity.reconcile_id(day),
        task_queue=identity.TASK_QUEUE,
    )


async def told(stage: World, case_id: str, *, open_only: bool = True) -> list[StoredAlert]:
    """Differences of a case."""
    found = await stage.alerts(case_id, open_only=open_only)
    return [alert for alert in found if alert.code == "reconciliation_difference"]


async def paid_unheard(stage: World, case_id: str) -> None:
    """A payment whose message is lost and whose next poll is an hour away."""
    await stage.record(case_id)
    await stage.pay(case_id, within=20)
    stage.act(f"{case_id}-1", Action.PAY, ItnMode.DROP)


async def test_a_payment_that_was_never_heard_of_is_told_with_both_figures_and_closed_when_it_is_cured(
    stage: World,
) -> None:
    await paid_unheard(stage, "deaf-1")
    (paid,) = stage.successes("deaf-1")
    first, again = await reconciled(stage, "2026-11-01"), await reconciled(stage, "2026-11-02")
    assert (first.cases, first.differences) == (again.cases, again.differences) == (1, 1)
    (alert,) = await told(stage, "deaf-1", open_only=False)
    assert alert.details == {
        "kind": "captured_not_recorded", "subject": paid.remote_id, "expected": "398.52 PLN", "found": "0.00 PLN",
    }  # fmt: skip
    state = await stage.state("deaf-1")
    assert state.payment.status is PaymentStatus.OPEN  # comparing is not recording
    await stage.app.deciding.take("deaf-1", DecisionKind.CHECK_PAYMENT_NOW, "ops", key="press-1")
    await stage.ended("deaf-1")
    await reconciled(stage, "2026-11-03")
    assert await told(stage, "deaf-1") == []
    assert [one.closed_at is not None for one in await told(stage, "deaf-1", open_only=False)] == [True]


async def test_a_case_on_which_all_agree_is_compared_and_tells_nothing(stage: World) -> None:
    await stage.record("fine-1")
    await stage.pay("fine-1", within=20)
    stage.act("fine-1-1", Action.PAY)
    await stage.ended("fine-1")
    result = await reconciled(stage, "2026-11-04")
    assert (result.differences, result.unasked) == (0, 0) and result.cases >= 1
    assert await told(stage, "fine-1", open_only=False) == []


async def test_a_recorded_amount_that_the_gateway_does_not_have_is_told_and_its_old_alert_closes(stage: World) -> None:
    await stage.record("sum-1")
    await stage.pay("sum-1", within=20)
    stage.act("sum-1-1", Action.PAY)
    await stage.ended("sum-1")
    engine = create_async_engine(stage.env["DATABASE_URL"])
    try:
        for amount, kinds in (("400.00", {"amount_differs", "invoice_differs"}), ("398.52", set())):
            async with engine.begin() as connection:
                changed = update(tables.captures).where(tables.captures.c.case_id == "sum-1")
                await connection.execute(changed.values(amount=Decimal(amount)))
            # nothing happened for so long that only the open alerts lead to the case
            asked = ReconcileInput(days=7 if kinds else 0, settles_within=timedelta(0))
            await stage.temporal.execute_workflow(
                Reconcile.run, asked, id=identity.reconcile_id(f"sum-{amount}"), task_queue=identity.TASK_QUEUE
            )
            assert {alert.details["kind"] for alert in await told(stage, "sum-1")} == kinds
    finally:
        await engine.dispose()


async def test_the_schedule_is_added_once_and_its_run_does_the_same(stage: World) -> None:
    assert await add_missing(stage.temporal) == (identity.RECONCILE_SCHEDULE, identity.SWEEP_SCHEDULE)
    assert await add_missing(stage.temporal) == ()
    handle = stage.temporal.get_schedule_handle(identity.RECONCILE_SCHEDULE)
    await handle.trigger()

    async def started() -> str | None:
        actions = (await handle.describe()).info.recent_actions
        return actions[-1].action.workflow_id if actions else None  # type: ignore[attr-defined]  # of a start

    workflow_id = await until(started, "the schedule starts a run")
    assert workflow_id.startswith(identity.reconcile_id("20"))
    run = stage.temporal.get_workflow_handle(workflow_id, result_type=ReconcileResult)
    assert (await run.result()).cases >= 1
