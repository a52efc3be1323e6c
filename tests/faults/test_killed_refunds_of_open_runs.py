"""Workers killed with SIGKILL while the run of a parked case gives money back: each decision is one refund at most.

As in `test_killed_acts`, every case has its own point, at which a worker dies once for its sake; here the refund is an
update of the open run, and the run is still there afterwards, takes a second decision, and ends.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.domain.state import Badge, InvoiceStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.faults.stage import killed_for_all, unarmed
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

POINTS = {
    f"open-{number}": point
    for number, point in enumerate(
        (
            "between claim and delivery",
            "between delivery and record",
            "before refund_payment",
            "before commit 1 of refund_payment",
            "after commit 1 of refund_payment",
            "after refund 1 of refund_payment",
            "after commit 2 of refund_payment",
            "after refund_payment",
            "after refund_status 1 of watch_refund",
            "before commit 1 of watch_refund",
            "after commit 1 of watch_refund",
            "after commit 1 of email_refund",
            "after send 1 of email_refund",
            "after commit 2 of email_refund",
            "before commit 1 of correct_after_refund",
            "after commit 1 of correct_after_refund",
        )
    )
}
"""Around the handing over of the update, and every call and commit of the act."""

PART, MORE = "100.00", "50.00"


async def parked(stage: World) -> None:
    """Paid cases whose documents could not be stored; their runs wait for a person."""
    workers = [unarmed(stage) for _ in range(2)]
    for case_id in POINTS:
        await stage.record(case_id)
    await asyncio.gather(*(stage.pay(case_id, 60) for case_id in POINTS))
    with stage.unusable_documents():
        for case_id in POINTS:
            stage.act(f"{case_id}-1", Action.PAY)
        for case_id in POINTS:
            await stage.when(case_id, lambda state: state.parked, "it is parked")
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait, 60)


async def gone_on(stage: World, case_id: str) -> None:
    """The refund ends, another one is decided and ends, and the case goes on to its own end."""
    await ended(stage, case_id, 1)
    await stage.app.deciding.refund(case_id, "ops", Decimal(MORE), "nor this", "once more")
    await ended(stage, case_id, 2)
    await stage.app.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, "ops")
    await stage.run_ended(case_id, 90)


async def ended(stage: World, case_id: str, many: int) -> None:
    """Until so many refunds have ended."""

    async def over() -> bool:
        rows = await stage.rows(tables.refunds, case_id)
        return len(rows) == many and all(row["ended_at"] for row in rows)

    await until(over, f"{case_id}: {many} refunds have ended", 90)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    temporal: TemporalServer, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder, settings = tmp_path_factory.mktemp("open"), {"PAYMENT_POLL_INTERVAL": "300ms"}
    async with world(temporal, folder, workers=0, template=template, settings=settings) as opened:
        await parked(opened)
        api = opened.processes[0]  # only workers hand over from now on, so that they can die while they do
        api.send_signal(signal.SIGTERM)
        await asyncio.to_thread(api.wait, 60)
        for case_id in POINTS:
            await opened.app.deciding.refund(case_id, "ops", Decimal(PART), "not all of it was needed", "once")
        await killed_for_all(opened, POINTS)
        await asyncio.gather(*(gone_on(opened, case_id) for case_id in POINTS))
        yield opened


@pytest.mark.parametrize(("case_id", "point"), POINTS.items(), ids=POINTS.values())
async def test_a_refund_of_an_open_run_is_given_once_and_the_run_goes_on(
    stage: World, case_id: str, point: str
) -> None:
    (transaction,) = stage.ledger(case_id)
    orders = [order for order in stage.box.autopay.refunds if order.transaction is transaction]
    assert [(order.amount, order.over) for order in orders] == [(PART, True), (MORE, True)]
    assert max(order.times_asked for order in orders) <= 2
    assert [row["status"] for row in await stage.rows(tables.refunds, case_id)] == ["done", "done"]

    state = await stage.state(case_id)
    assert (state.invoice.status, state.parked) == (InvoiceStatus.AVAILABLE, None)
    assert state.badges == (Badge.PARTLY_REFUNDED,)
    assert len(await stage.kept(case_id)) == len(await stage.rows(tables.invoices, case_id)) == 1
    told = Counter(await stage.events(case_id))
    assert (told[Event.REFUND_REQUESTED], told[Event.REFUND_DONE], told[Event.REFUND_MAILED]) == (2, 2, 2)
    assert (await stage.alerts(case_id), await stage.open_tasks(case_id)) == ([], [])
    found = Counter(mail.message_id.strip("<").partition("@")[0] for mail in stage.mails(case_id))
    assert {f"refund.{case_id}.1", f"refund.{case_id}.2", f"invoice.{case_id}.1"} <= set(found)
    assert sum(found.values()) <= len(found) + 1, "a copy more only where a worker died between a mail and its record"
    waits = [row["number"] for row in await stage.rows(tables.decisions, case_id)]
    assert waits == [1, 2, 3]
