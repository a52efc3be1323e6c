"""Redo of a step: the run goes back to just before it; the database never does.

Guarantee: nothing is done twice. Every effect is keyed by case, round or decision, and each activity first gives back
what is recorded, so that what runs again finds its own work. Signals and updates that came after the point are applied
again by the server: leaving them out would lose decisions, and each of them is known by its key as well. Only a request
to cancel the run is left out, for the order is that it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType, ResetReapplyType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHistory

from invoicing.domain.state import Step
from invoicing.errors import NotAllowed
from invoicing.ops.runs import ANSWER_WITHIN, answered, history_of
from workflows import identity

LONGEST_CHAIN = 100
"""So many continued runs are followed back; a parked run continues after thousands of events."""


@dataclass(frozen=True, slots=True)
class Redo:
    """Where a run goes back to, what runs again from there, and what the server applies again."""

    case_id: str
    step: Step
    run_id: str
    newest_run_id: str
    event_id: int
    scheduled_id: int
    again: tuple[str, ...]
    signals: int
    updates: int
    new_run_id: str | None = None

    @property
    def continued(self) -> bool:
        """The step ran before the run was continued as the present one, which ends by this."""
        return self.run_id != self.newest_run_id


async def planned(client: Client, case_id: str, step: Step) -> Redo:
    """What a redo would do. Raises `NotAllowed("step_never_ran")`, `NotFound("run_unknown")`, `ConnectivityFault`."""
    workflow_id = identity.paid_case_id(case_id)
    handle = client.get_workflow_handle(workflow_id)
    newest = (await answered(handle.describe(rpc_timeout=ANSWER_WITHIN), workflow_id)).run_id
    run_id, later = newest, (0, 0)
    for _ in range(LONGEST_CHAIN):
        history = await history_of(client, workflow_id, run_id)
        scheduled = [event for event in history.events if await _is_story(client, event, step)]
        if scheduled:
            return _plan(history, scheduled[-1], Redo(case_id, step, run_id, newest, 0, 0, (), *later))
        later = (later[0] + _signals(history), later[1] + _updates(history))
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        if not run_id:
            break
    raise NotAllowed("step_never_ran", f"{step.value} has not run in this case")


async def carried_out(client: Client, redo: Redo, reason: str) -> Redo:
    """Go back, and say in which run it goes on. The same plan again goes back once."""
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=identity.paid_case_id(redo.case_id), run_id=redo.run_id),
        reason=reason,
        workflow_task_finish_event_id=redo.event_id,
        request_id=f"redo:{redo.newest_run_id}:{redo.run_id}:{redo.event_id}",
        reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE,
        # a run that was cancelled would be cancelled once more as soon as it goes on
        reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST],
    )
    call = client.workflow_service.reset_workflow_execution(request, timeout=ANSWER_WITHIN)
    return replace(redo, new_run_id=(await answered(call, redo.run_id)).run_id)


def _plan(history: WorkflowHistory, scheduled: HistoryEvent, redo: Redo) -> Redo:
    point = scheduled.activity_task_scheduled_event_attributes.workflow_task_completed_event_id
    after = WorkflowHistory(history.workflow_id, [event for event in history.events if event.event_id > point])
    names = [event.activity_task_scheduled_event_attributes.activity_type.name for event in after.events]
    return replace(
        redo,
        event_id=point,
        scheduled_id=scheduled.event_id,
        again=tuple(dict.fromkeys(name for name in names if name)),
        signals=redo.signals + _signals(after),
        updates=redo.updates + _updates(after),
    )


def _signals(history: WorkflowHistory) -> int:
    return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)


def _updates(history: WorkflowHistory) -> int:
    return sum(event.HasField("workflow_execution_update_accepted_event_attributes") for event in history.events)


async def _is_story(client: Client, event: HistoryEvent, step: Step) -> bool:
    """Whether the event schedules the step itself: no mail of a decision, no notice of a failed round."""
    attributes = event.activity_task_scheduled_event_attributes
    if attributes.activity_type.name != step.value:
        return False
    given: Any = (await client.data_converter.decode(attributes.input.payloads))[0]
    return given.get("decision") is None and not given.get("failed")
