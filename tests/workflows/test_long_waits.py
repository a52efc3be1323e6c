"""A run that waits for a person continues as a new one when its history grows, on a server told to suggest that early.

Nothing is lost on the way: state, decisions in flight, attributes and details; and while nothing happens nothing is
written, so that a parked year costs no more than a parked day.
"""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHistory

from invoicing.domain.decisions import RefundStatus
from invoicing.domain.state import InvoiceStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import temporal_server
from workflows import identity
from workflows.messages import PaidCaseInput

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUGGESTED_AT = 60
EARLY, LATE = range(3), range(3, 5)
"""Refunds that make the history long, and those that meet the run while it continues as a new one."""

REFUNDS = len(EARLY) + len(LATE)
CASE = "long-1"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("long")
    early = ("--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={SUGGESTED_AT}")
    with temporal_server(folder, flags=early) as server:
        async with world(server, folder, settings={"PAYMENT_POLL_INTERVAL": "200ms"}) as opened:
            opened.payer(CASE, Action.PAY)
            yield opened


async def chain(stage: World) -> list[WorkflowHistory]:
    """The histories of a case's runs, oldest first."""
    query = f"WorkflowId = '{identity.paid_case_id(CASE)}'"
    runs = [run async for run in stage.temporal.list_workflows(query)]
    ordered = sorted(runs, key=lambda run: run.start_time)
    return [await stage.temporal.get_workflow_handle(run.id, run_id=run.run_id).fetch_history() for run in ordered]


async def refunded(stage: World, numbers: range) -> None:
    """Give a złoty back so many times, all at once, and wait until the gateway has."""
    deciding = stage.app.deciding
    await asyncio.gather(*(deciding.refund(CASE, "ops", Decimal(1), f"reason {n}", f"key-{n}") for n in numbers))

    async def done() -> bool:
        refunds = await stage.rows(tables.refunds, CASE)
        return len(refunds) == numbers.stop and all(row["status"] == RefundStatus.DONE for row in refunds)

    await until(done, f"refunds up to {numbers.stop} have ended", 90)


async def continued(stage: World, first: str) -> bool:
    return await stage.run_id(CASE) != first


async def waits_quietly(stage: World) -> bool:
    """Whether the newest run has nothing under way."""
    description = await stage.run(CASE).describe()
    pending = description.raw_description
    marked = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    idle = not pending.pending_activities and not pending.HasField("pending_workflow_task")
    return idle and marked.get("Parked") is True and marked.get("PaymentStatus") == "completed"


async def test_a_parked_run_continues_as_new_with_everything_it_knew_and_is_then_finished(stage: World) -> None:
    with stage.unusable_documents():
        await stage.record(CASE)
        await stage.pay(CASE, within=30)
        await stage.when(CASE, lambda state: state.parked, "it is parked")
        await until(lambda: stage.mailed(CASE, 1), "the expert is told of the failed round")
        first = await stage.run_id(CASE)
        assert first is not None
        for numbers in (EARLY, LATE):
            await refunded(stage, numbers)
        await until(lambda: continued(stage, first), "the run continues as a new one", 90)
        # no decision is lost, whichever run it met, and none is carried out twice
        assert len(await stage.rows(tables.refunds, CASE)) == len(await stage.rows(tables.decisions, CASE)) == REFUNDS
        await until(lambda: waits_quietly(stage), "the new run waits")
        before = len((await stage.history(CASE)).events)
        details = (await stage.run(CASE).query("__temporal_workflow_metadata")).current_details
        assert "`generate_invoice` cannot go on" in details
        assert f"`python -m starter regenerate {CASE}`" in details
        assert "Payment: `completed`" in details

    histories = await chain(stage)
    carried = [await _input_of(stage, history) for history in histories]
    assert carried[0].waiting is None
    for one in carried[1:]:
        assert one.waiting is not None
        assert (one.waiting.step, one.waiting.failure.code) == ("generate_invoice", "document_store")
        assert (one.waiting.round, one.waiting.payment, one.requested) == (2, "completed", 1)
    assert len(stage.mails(CASE)) == 1 + REFUNDS, "no expert is told twice of one round"

    # Between two decisions nothing is written: no timer and no activity is left that could add an event by itself.
    newest = (await stage.history(CASE)).events
    assert len(newest) == before
    assert not any(event.HasField("timer_started_event_attributes") for event in newest)
    assert await waits_quietly(stage)

    await stage.regenerate(CASE, "press")
    state = await stage.ended(CASE)
    assert (state.invoice.status, state.invoice.round, state.parked) == (InvoiceStatus.AVAILABLE, 2, None)
    assert len(await stage.rows(tables.invoices, CASE)) == 1
    assert stage.requests(f"{CASE}-1")["start"] == len(stage.ledger(CASE)) == 1


async def _input_of(stage: World, history: WorkflowHistory) -> PaidCaseInput:
    payload = history.events[0].workflow_execution_started_event_attributes.input.payloads[0]
    decoded = await stage.temporal.data_converter.decode([payload], [PaidCaseInput])
    found = decoded[0]
    assert isinstance(found, PaidCaseInput)
    return found
