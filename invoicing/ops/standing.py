"""Where a run stands, as Temporal knows it: what it has under way, why that waits, and when it is tried next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, TimeoutError

from invoicing.ops.runs import ANSWER_WITHIN, answered, history_of, listed

UNTAKEN_AFTER = timedelta(seconds=15)
"""A workflow task is taken within a second where a worker runs."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An activity under way: running, or between two attempts. `code` is why the last attempt failed."""

    activity: str
    running: bool
    attempt: int
    next_at: datetime | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One run. `trouble` says why it does not get on although it should, and what to do."""

    workflow_id: str
    run_id: str
    status: str
    events: int
    started_at: datetime
    pending: tuple[Pending, ...]
    trouble: str | None


async def standing(client: Client, workflow_id: str, now: datetime) -> Standing:
    """Where the newest run stands. Raises `NotFound("run_unknown")`, `ConnectivityFault`."""
    return await _standing(client, workflow_id, None, now)


async def acts_under_way(client: Client, case_id: str, now: datetime) -> tuple[Standing, ...]:
    """Acts on a closed case that have not ended, a refund that is followed for instance; the list lags a little."""
    query = f"CaseId = '{case_id}' AND WorkflowType = 'CaseAction' AND ExecutionStatus = 'Running'"
    return tuple([await _standing(client, one.id, one.run_id, now) for one in await listed(client, query)])


async def _standing(client: Client, workflow_id: str, run_id: str | None, now: datetime) -> Standing:
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    told = await answered(handle.describe(rpc_timeout=ANSWER_WITHIN), workflow_id)
    pending = [await _pending(client.data_converter, one) for one in told.raw_description.pending_activities]
    return Standing(
        workflow_id=workflow_id,
        run_id=told.run_id,
        status=told.status.name.lower() if told.status is not None else "unknown",
        events=told.history_length,
        started_at=told.start_time,
        pending=tuple(sorted(pending, key=lambda one: (one.next_at or now, one.activity))),
        trouble=await _trouble(client, told, now),
    )


async def _pending(converter: DataConverter, one: PendingActivityInfo) -> Pending:
    running = one.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    due = one.next_attempt_schedule_time if one.HasField("next_attempt_schedule_time") else None
    return Pending(
        activity=one.activity_type.name,
        running=running,
        attempt=one.attempt,
        next_at=due.ToDatetime(UTC) if due is not None and not running else None,
        code=await _code(converter, one.last_failure) if one.HasField("last_failure") else None,
    )


async def _code(converter: DataConverter, failure: Failure) -> str:
    """The stable code of a failed attempt; of what is not ours only the class."""
    error = await converter.decode_failure(failure)
    if isinstance(error, ApplicationError):
        detail = error.details[0] if error.details else None
        return str(detail["code"]) if isinstance(detail, Mapping) and "code" in detail else error.type or "internal"
    return "step_timed_out" if isinstance(error, TimeoutError) else type(error).__name__


async def _trouble(client: Client, told: WorkflowExecutionDescription, now: datetime) -> str | None:
    if not told.raw_description.HasField("pending_workflow_task"):
        return None
    task = told.raw_description.pending_workflow_task
    if task.attempt > 1 and (said := await _said(client, told)) is not None:
        return (
            f"its code fails since {task.attempt} attempts: {said}; "
            "roll the workers back or mend the code (`replay` shows it), then it goes on by itself"
        )
    scheduled = task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
    if scheduled and now - task.scheduled_time.ToDatetime(UTC) > UNTAKEN_AFTER:
        return "no worker takes its tasks: run `python worker.py`, and see `doctor` for the current version"
    return None


async def _said(client: Client, told: WorkflowExecutionDescription) -> str | None:
    """What the failed workflow task said; None when it was lost with its worker."""
    last = (await history_of(client, told.id, told.run_id)).events[-5:]
    messages = [event.workflow_task_failed_event_attributes.failure.message for event in last]
    return next((message.partition("\n")[0] for message in reversed(messages) if message), None)
