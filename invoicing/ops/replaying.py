"""Replaying a history against today's workflow code, without a server.

Guarantee: a history either fits, or the answer says at which event, in which workflow type and what differs. Nothing is
carried out: a replay calls no activity.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from invoicing.bootstrap import WORKFLOWS

WITHIN = timedelta(seconds=60)
"""A replay takes milliseconds; one that has not ended by then waits for something that the history lacks."""

_TOLD = re.compile(r'Nondeterminism error: (?P<what>(?:[^"\\]|\\.)*?)", source')
_EVENT = re.compile(r"HistoryEvent\(id: (?P<id>[0-9]+), (?P<type>\w+)\)")
_SCHEDULED = re.compile(r"[Aa]ctivity type of scheduled event '(?P<name>\w+)'")
_RAISED = re.compile(r'message: "(?P<what>(?:[^"\\]|\\.)*)".*r#type: "(?P<type>\w+)", non_retryable', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One history: `code` is None when it fits, else `nondeterminism`, `workflow_failed` or `unknown_workflow`."""

    workflow_id: str
    workflow_type: str
    events: int
    code: str | None = None
    event_ids: tuple[int, ...] = ()
    what: str | None = None

    @property
    def fits(self) -> bool:
        """Today's code does what the run did."""
        return self.code is None


@functools.cache
def _quiet() -> Runtime:
    """The core would write each failed task to standard output, where the one JSON document goes."""
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="OFF", other_level="OFF"))
    return Runtime(telemetry=TelemetryConfig(logging=quiet))


async def replay(history: WorkflowHistory, converter: DataConverter, workflows: Sequence[type] = WORKFLOWS) -> Replayed:
    """Replay one history."""
    name = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
    told = Replayed(history.workflow_id, name, len(history.events))
    if name not in {workflow._Definition.must_from_class(known).name for known in workflows}:
        return _differs(told, "unknown_workflow", f"today's code has no workflow type {name}")
    player = Replayer(
        workflows=workflows,
        data_converter=converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
        runtime=_quiet(),
    )
    try:
        async with asyncio.timeout(WITHIN.total_seconds()):
            done = await player.replay_workflow(history, raise_on_replay_failure=False)
    except TimeoutError:
        return _differs(told, "workflow_failed", "the replay does not end: the history is cut off")
    failure = done.replay_failure
    if failure is None:
        return told
    text = str(failure)
    if not isinstance(failure, workflow.NondeterminismError):
        raised = _RAISED.search(text)
        what = f"today's code raises {raised['type']}: {raised['what']}" if raised else text.partition("\n")[0]
        return _differs(told, "workflow_failed", what)
    found = _TOLD.search(text)
    what = found["what"] if found else text
    return _differs(told, "nondeterminism", what, _events_named(history, what))


def _differs(told: Replayed, code: str, what: str, event_ids: tuple[int, ...] = ()) -> Replayed:
    return Replayed(told.workflow_id, told.workflow_type, told.events, code, event_ids, what)


def _events_named(history: WorkflowHistory, what: str) -> tuple[int, ...]:
    """Events that the message is about: the one that it numbers, or those of the activity that it names."""
    if numbered := _EVENT.search(what):
        return (int(numbered["id"]),)
    if named := _SCHEDULED.search(what):
        return tuple(
            event.event_id
            for event in history.events
            if event.activity_task_scheduled_event_attributes.activity_type.name == named["name"]
        )
    return ()
