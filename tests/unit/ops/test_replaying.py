"""A replay says at which event, in which workflow type and what differs; a history is never carried out."""

from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from invoicing.ops import files
from invoicing.ops.replaying import Replayed, replay
from tests.replay.record import HISTORIES
from workflows.messages import PaidCaseInput, PaidCaseResult
from workflows.paid_case import PaidCase


@workflow.defn(name="PaidCase")
class Unmailed(PaidCase):
    """The story without the mail."""

    @workflow.init
    def __init__(self, case: PaidCaseInput) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: PaidCaseInput) -> PaidCaseResult:
        return await super().run(case)

    async def _mailed(self) -> None:
        return


@workflow.defn(name="PaidCase")
class Slower(Unmailed):
    """The story after a pause."""

    @workflow.init
    def __init__(self, case: PaidCaseInput) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: PaidCaseInput) -> PaidCaseResult:
        await workflow.sleep(1)
        return await super().run(case)


@workflow.defn(name="PaidCase")
class Broken(Unmailed):
    """The story with a fault."""

    @workflow.init
    def __init__(self, case: PaidCaseInput) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: PaidCaseInput) -> PaidCaseResult:
        return await super().run(case)

    async def _mailed(self) -> None:
        raise KeyError("lost")


def history(name: str) -> WorkflowHistory:
    return files.read(HISTORIES / f"{name}.json")


async def replayed(name: str, *changed: type) -> Replayed:
    return (
        await replay(history(name), pydantic_data_converter, changed)
        if changed
        else await replay(history(name), pydantic_data_converter)
    )


async def test_todays_code_fits() -> None:
    told = await replayed("happy_external")
    assert (told.fits, told.code, told.event_ids) == (True, None, ())
    assert told.workflow_type == "PaidCase"


async def test_a_step_that_is_missing_is_told_by_its_event() -> None:
    told = await replayed("happy_external", Unmailed)
    (event_id,) = told.event_ids
    event = history("happy_external").events[event_id - 1]
    assert event.activity_task_scheduled_event_attributes.activity_type.name == "email_invoice"
    assert told.code == "nondeterminism"
    assert told.what is not None
    assert "'email_invoice'" in told.what
    assert "'notify_expert'" in told.what


async def test_a_command_too_many_is_told_by_the_event_that_stands_there_instead() -> None:
    told = await replayed("happy_external", Slower)
    (event_id,) = told.event_ids
    event = history("happy_external").events[event_id - 1]
    assert event.activity_task_scheduled_event_attributes.activity_type.name == "validate_billing_data"


async def test_code_that_raises_is_told_by_what_it_raises() -> None:
    told = await replayed("happy_external", Broken)
    assert told.code == "workflow_failed"
    assert told.what == "today's code raises KeyError: 'lost'"


async def test_a_workflow_type_that_is_gone_is_told_by_its_name() -> None:
    told = await replayed("reconciled", PaidCase)
    assert (told.code, told.workflow_type) == ("unknown_workflow", "Reconcile")
