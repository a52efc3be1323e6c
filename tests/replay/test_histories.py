"""Every committed history fits today's workflow code, without a server; code that has changed its mind is caught."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from invoicing.bootstrap import WORKFLOWS
from invoicing.domain.decisions import DecisionKind
from invoicing.errors import Cause
from tests.replay.record import HISTORIES, IDENTITY, PLAYS
from tests.stage_samples import personal_data_in
from workflows.messages import PaidCaseInput, PaidCaseResult
from workflows.paid_case import PaidCase

RECORDED = sorted(HISTORIES.glob("*.json"))
ENDED = "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"paid-case-{path.stem}", path.read_text(encoding="utf-8"))


def replayer(*workflows: type) -> Replayer:
    return Replayer(
        workflows=workflows or WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


def types_of(path: Path) -> list[str]:
    return [event["eventType"] for event in json.loads(path.read_text(encoding="utf-8"))["events"]]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_run_replays_on_todays_code(path: Path) -> None:
    await replayer().replay_workflow(read(path))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_run_holds_no_personal_data_and_no_name_of_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert personal_data_in(text.encode()) == []
    assert personal_data_in(History(events=read(path).events).SerializeToString()) == []
    assert set(re.findall(r'"identity": "([^"]*)"', text)) == {IDENTITY}
    assert re.findall(r'"[0-9]+@[^"]+"', text) == []
    assert re.findall(r"/(?:root|home|tmp|usr|work)/", text) == []


def test_every_play_is_recorded_and_nothing_else() -> None:
    played = {play.__name__ for _, plays in PLAYS.values() for play in plays}
    assert {path.stem for path in RECORDED} == played


def type_of(path: Path) -> str:
    first = json.loads(path.read_text(encoding="utf-8"))["events"][0]
    name: str = first["workflowExecutionStartedEventAttributes"]["workflowType"]["name"]
    return name


def test_every_workflow_type_has_histories() -> None:
    known = {workflow._Definition.must_from_class(each).name for each in WORKFLOWS}
    assert {type_of(path) for path in RECORDED} == known


@pytest.mark.parametrize("name", ["polled", "told_while_polling", "unpaid"])
def test_a_case_that_waits_for_its_client_fits_into_sixty_events_however_long(name: str) -> None:
    """However long: the polls are retries of one activity, which no history counts, and no timer comes again."""
    events = json.loads((HISTORIES / f"{name}.json").read_text(encoding="utf-8"))["events"]
    assert len(events) <= 60
    scheduled = [event.get("activityTaskScheduledEventAttributes", {}).get("activityType", {}) for event in events]
    assert [one["name"] for one in scheduled if one].count("watch_payment") == 1
    timers = [event for event in events if event["eventType"] == "EVENT_TYPE_TIMER_STARTED"]
    assert len(timers) == 2, "before the first poll, and until the case is given up"


def test_there_are_histories_of_open_and_of_ended_cases() -> None:
    assert {ENDED in types_of(path) for path in RECORDED if type_of(path) == "PaidCase"} == {True, False}


@workflow.defn(name="PaidCase")
class MailedBeforeInvoiced(PaidCase):
    """The story with two steps swapped, as a careless change would tell it."""

    @workflow.init
    def __init__(self, case: PaidCaseInput) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: PaidCaseInput) -> PaidCaseResult:
        await self._mailed()
        return await super().run(case)


CASES = [path for path in RECORDED if type_of(path) == "PaidCase"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_a_story_told_in_another_order_is_caught(path: Path) -> None:
    with pytest.raises(workflow.NondeterminismError):
        await replayer(MailedBeforeInvoiced).replay_workflow(read(path))


def attributes(path: Path, event_type: str) -> list[dict[str, Any]]:
    """Attributes of every event of a type."""
    events = json.loads(path.read_text(encoding="utf-8"))["events"]
    return [
        value
        for event in events
        if event["eventType"] == f"EVENT_TYPE_{event_type}"
        for name, value in event.items()
        if name.endswith("EventAttributes")
    ]


def given(activity: dict[str, Any]) -> dict[str, Any]:
    """The argument of a scheduled activity."""
    argument: dict[str, Any] = json.loads(base64.b64decode(activity["input"]["payloads"][0]["data"]))
    return argument


def test_there_is_a_history_of_a_failure_of_every_cause() -> None:
    parked = [
        given(activity)["failure"]["cause"]
        for path in CASES
        for activity in attributes(path, "ACTIVITY_TASK_SCHEDULED")
        if activity["activityType"]["name"] == "record_parked"
    ]
    # a payment that is refused parks nobody: the client tries again
    assert set(parked) | {"payment"} == {cause.value for cause in Cause}
    refused = read(HISTORIES / "refused_then_paid.json").events
    assert [event.activity_task_scheduled_event_attributes.activity_type.name for event in refused].count("charge") == 2


def test_there_is_a_history_of_every_end_and_beginning_of_a_run() -> None:
    ends = {types_of(path)[-1] for path in CASES}
    assert {f"EVENT_TYPE_WORKFLOW_EXECUTION_{end}" for end in ("COMPLETED", "CONTINUED_AS_NEW")} < ends
    started = [attributes(path, "WORKFLOW_EXECUTION_STARTED")[0] for path in CASES]
    assert any(start.get("continuedExecutionRunId") for start in started), "one that goes on from another"
    failed = [failure for path in CASES for failure in attributes(path, "WORKFLOW_TASK_FAILED")]
    reset = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"
    assert [failure["cause"] for failure in failed] == [reset], "one that was sent back"


def test_there_is_a_history_of_every_decision() -> None:
    updates = [
        update["acceptedRequest"]["input"]["name"]
        for path in RECORDED
        for update in attributes(path, "WORKFLOW_EXECUTION_UPDATE_ACCEPTED")
    ]
    acts = [
        json.loads(base64.b64decode(attributes(path, "WORKFLOW_EXECUTION_STARTED")[0]["input"]["payloads"][0]["data"]))
        for path in RECORDED
        if type_of(path) == "CaseAction"
    ]
    decided = {*updates, *(act["decision"]["kind"] for act in acts)}
    assert decided == {kind.value for kind in DecisionKind}
