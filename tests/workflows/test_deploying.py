"""A changed workflow is deployed over open cases: they move and end; a careless change blocks and is taken back."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus

from invoicing.build import build_id
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.ops.standing import standing
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import SOON_LONG, TemporalServer, end, temporal_server
from tests.workflows.changed_worker import PATCH
from tools.temporal import cache
from workflows.identity import paid_case_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANGED = ("-m", "tests.workflows.changed_worker")
FIRST, SECOND, THIRD = "first", "second", "third"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """A server on which a parked run soon continues as a new one."""
    with temporal_server(tmp_path_factory.mktemp("temporal"), flags=SOON_LONG) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(server: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"WORKER_DEPLOYMENT": "cases", "WORKER_BUILD_ID": FIRST}
    async with world(server, tmp_path_factory.mktemp("deploying"), workers=0, settings=settings) as opened:
        yield opened


async def starter(stage: World, *arguments: str, **env: str) -> dict[str, Any]:
    """The one JSON document of a command that succeeds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter", *arguments, "--json",
        cwd=cache.ROOT, env={**os.environ, **stage.env, **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, out + err
    answer: dict[str, Any] = json.loads(out)
    return answer


async def parked(stage: World, case_id: str) -> None:
    """A paid case whose round has failed, and whose run was continued as a new one that waits."""
    with stage.unusable_documents():
        await stage.record(case_id, paid=True)

        async def continued() -> bool:
            if not await stage.has_run(case_id):
                return False
            first = (await stage.history(case_id)).events[0].workflow_execution_started_event_attributes
            return bool(first.continued_execution_run_id) and "validate_billing_data" in await stage.completed(case_id)

        await until(continued, f"{case_id} is parked and continued")


async def waiting(stage: World, case_id: str) -> None:
    """A case whose client has been sent to the gateway."""
    await stage.record(case_id)
    await stage.pay(case_id, 20)
    await stage.when(case_id, lambda state: state.payment.status is PaymentStatus.OPEN, "the payment is open")


async def build_of(stage: World, case_id: str) -> str:
    told = (await stage.run(case_id).describe()).raw_description.workflow_execution_info
    return told.versioning_info.deployment_version.build_id


async def one_invoice(stage: World, case_id: str) -> None:
    """Until the case has ended, with one invoice and one mail to the client."""
    state = await stage.ended(case_id)
    assert state.invoice.status is InvoiceStatus.AVAILABLE
    assert len(await stage.rows(tables.invoices, case_id)) == 1
    assert len(await stage.kept(case_id)) == 1
    assert [row["kind"] for row in await stage.rows(tables.deliveries, case_id)].count("invoice") == 1


async def patched(stage: World, case_id: str) -> bool:
    markers = [event.marker_recorded_event_attributes for event in (await stage.history(case_id)).events]
    return any(PATCH in str(marker.details) for marker in markers if marker.marker_name == "core_patch")


async def test_a_deployment_moves_open_cases_and_a_careless_one_is_taken_back(stage: World) -> None:
    prepared = await starter(stage, "setup")
    assert prepared["temporal"]["first_version"] == FIRST, "current before its first worker comes"
    assert (await starter(stage, "setup"))["temporal"]["first_version"] is None
    first = stage.start_worker()
    await parked(stage, "old-parked")
    await waiting(stage, "old-waiting")
    assert await build_of(stage, "old-parked") == await build_of(stage, "old-waiting") == FIRST

    second = stage.start_worker(*CHANGED, "guarded", WORKER_BUILD_ID=SECOND)
    await stage.is_ready(second)
    told = await starter(stage, "deploy", WORKER_BUILD_ID=SECOND)
    assert (told["current"], told["before"]) == (SECOND, FIRST)
    end(first, signal.SIGTERM)
    await stage.regenerate("old-parked", "press-1")
    stage.act("old-waiting-1", Action.PAY)
    await one_invoice(stage, "old-parked")
    await one_invoice(stage, "old-waiting")
    await parked(stage, "new-parked")
    await waiting(stage, "new-waiting")
    assert [await patched(stage, name) for name in ("old-parked", "old-waiting", "new-waiting")] == [False, False, True]
    assert await build_of(stage, "new-waiting") == SECOND

    third = stage.start_worker(*CHANGED, "careless", WORKER_BUILD_ID=THIRD)
    await stage.is_ready(third)
    await starter(stage, "deploy", WORKER_BUILD_ID=THIRD)
    end(second, signal.SIGTERM)
    stage.act("new-waiting-1", Action.PAY)

    async def stuck() -> bool:
        found = await standing(stage.temporal, paid_case_id("new-waiting"), datetime.now(UTC))
        return "Nondeterminism error" in str(found.trouble)

    await until(stuck, "the run cannot go on with the careless change")
    assert await stage.rows(tables.invoices, "new-waiting") == []

    async def swept() -> bool:
        return (await stage.sweep()).stuck == 1

    await until(swept, "the sweep finds the run that cannot go on")
    (alert,) = await stage.alerts("new-waiting")
    assert (alert.code, alert.details) == ("run_stuck", {"problem": "NonDeterministicError"})
    assert (await stage.sweep()).stuck == 1
    assert len(await stage.alerts("new-waiting", open_only=False)) == 1, "told once"
    doctor = {check["name"]: check for check in (await starter(stage, "doctor", WORKER_BUILD_ID=""))["checks"]}
    assert doctor["versions"]["health"] == "warning"
    assert f"{THIRD} of cases is current, this folder is {build_id()};" in doctor["versions"]["message"]
    assert doctor["schedules"]["health"] == "ok"

    second = stage.start_worker(*CHANGED, "guarded", WORKER_BUILD_ID=SECOND)
    await stage.is_ready(second)
    back = await starter(stage, "deploy", "--build-id", SECOND)
    assert (back["current"], back["before"]) == (SECOND, THIRD)
    end(third, signal.SIGTERM)
    await one_invoice(stage, "new-waiting")
    found = await stage.sweep()
    assert (found.stuck, found.lost) == (0, 0)
    assert await stage.alerts("new-waiting") == []
    await stage.regenerate("new-parked", "press-1")
    await one_invoice(stage, "new-parked")


async def test_a_redo_of_a_step_that_ran_before_the_run_was_continued_goes_back_to_the_earlier_run(
    stage: World,
) -> None:
    await parked(stage, "chain-1")
    newest = await stage.run_id("chain-1")
    told = await starter(stage, "redo", "chain-1", "--step", "generate_invoice")
    assert told["continued"] is True
    assert told["run_id"] != newest
    await one_invoice(stage, "chain-1")
    assert await stage.run_id("chain-1") == told["new_run_id"]
    ended = stage.temporal.get_workflow_handle(paid_case_id("chain-1"), run_id=newest)
    assert (await ended.describe()).status is WorkflowExecutionStatus.TERMINATED
    assert await stage.alerts("chain-1") == []
