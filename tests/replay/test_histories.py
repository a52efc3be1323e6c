"""Every committed history fits today's workflow code, without a server; code that has changed its mind is caught."""

import json
import re
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from invoicing.bootstrap import WORKFLOWS
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
