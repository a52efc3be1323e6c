"""`explain` on a real server: what is under way, why it waits, when it is tried next, and what keeps a run stuck."""

import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from invoicing.ops.standing import Pending, Standing, acts_under_way, standing
from invoicing.sandbox.autopay.desk import Action
from tests.replay.test_histories import MailedBeforeInvoiced
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer, end
from workflows.identity import TASK_QUEUE, case_action_id, paid_case_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"INVOICE_RETRY_INTERVAL": "1h"}
    async with world(temporal, tmp_path_factory.mktemp("explain"), settings=settings) as opened:
        yield opened


async def stands(stage: World, case_id: str, later: timedelta = timedelta(0)) -> Standing:
    return await standing(stage.temporal, paid_case_id(case_id), datetime.now(UTC) + later)


async def test_a_step_between_two_attempts_is_told_with_its_reason_and_the_next_try(stage: World) -> None:
    with stage.unusable_documents():
        await stage.record("why-1", paid=True)

        async def failed() -> bool:
            found = (await stands(stage, "why-1")).pending if await stage.has_run("why-1") else ()
            return any(one.code for one in found)

        await until(failed, "the first attempt has failed")
    told = await stands(stage, "why-1")
    (pending,) = told.pending
    assert (pending.activity, pending.attempt, pending.running) == ("generate_invoice", 2, False)
    assert pending.code == "document_store"
    assert pending.next_at is not None
    assert pending.next_at > datetime.now(UTC) + timedelta(minutes=55)
    assert (told.status, told.trouble) == ("running", None)


async def test_an_act_on_a_closed_case_is_told_while_it_waits(stage: World) -> None:
    await stage.record("why-3")
    await stage.pay("why-3", 20)
    stage.act("why-3-1", Action.PAY)
    await stage.ended("why-3")
    await stage.app.deciding.refund("why-3", "ops", None, "cancelled", "press-1")

    async def followed() -> tuple[Pending, ...]:
        acts = await acts_under_way(stage.temporal, "why-3", datetime.now(UTC))
        return next((act.pending for act in acts if act.workflow_id == case_action_id("why-3", 1)), ())

    (pending,) = await until(followed, "the refund is followed")
    assert pending.activity in {"refund_payment", "watch_refund"}
    assert (await stands(stage, "why-3")).status == "completed"


async def test_a_run_whose_code_fails_or_that_no_worker_takes_says_what_to_do(stage: World) -> None:
    await stage.record("why-2")
    await stage.pay("why-2", 20)
    (worker,) = [process for process in stage.processes if "worker.py" in str(getattr(process, "args", ""))]
    end(worker, signal.SIGTERM)  # type: ignore[arg-type]  # a process of `subprocess`
    await stage.run("why-2").signal("payment_requested", {"attempt": 2})

    async def untaken() -> bool:
        return "no worker takes" in str((await stands(stage, "why-2", timedelta(minutes=1))).trouble)

    await until(untaken, "the task waits for a worker")
    assert (await stands(stage, "why-2")).trouble is None, "for a few seconds that is nothing"

    async with Worker(
        stage.temporal,
        task_queue=TASK_QUEUE,
        workflows=[MailedBeforeInvoiced],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):

        async def stuck() -> bool:
            return "its code fails since" in str((await stands(stage, "why-2")).trouble)

        await until(stuck, "the task has failed twice")
    assert "Nondeterminism error" in str((await stands(stage, "why-2")).trouble)
