"""The gateway accepts and the answer is lost, or nothing arrives at all: neither is taken for the other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from invoicing.domain.payments import AttemptState
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.intake import PaymentAnswer
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from tests.faults.stage import unarmed
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST = ("drop_after_accept", "http_500_after_accept", "garbage", "bad_hash")
"""Faults after the gateway has accepted."""

NEVER = ("drop_before", "http_500", "http_429", "maintenance", "hang")
"""Faults before the gateway has looked."""

PAID_AT_ONCE = {fault: f"paid-{number}" for number, fault in enumerate(LOST)}
NOT_YET_PAID = {fault: f"open-{number}" for number, fault in enumerate((*LOST, *NEVER))}
OUTAGES = {
    ("status", "http_500"): "out-0",
    ("status", "drop_before"): "out-1",
    ("status", "bad_hash"): "out-2",
    ("cancel", "http_500"): "out-3",
    ("cancel", "drop_after_accept"): "out-4",
    ("cancel", "garbage"): "out-5",
}
"""What else fails, twice, while a lost answer is settled."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    temporal: TemporalServer, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """All cases are disturbed at the same time."""
    folder = tmp_path_factory.mktemp("lost")
    async with world(temporal, folder, workers=0, template=template) as opened:
        await opened.is_ready(unarmed(opened))
        opened.payer("paid-", Action.PAY, ItnMode.DROP)
        for fault, case_id in (*PAID_AT_ONCE.items(), *NOT_YET_PAID.items()):
            more = {"seconds": 5} if fault == "hang" else {}
            opened.gateway_fault("start", fault, f"{case_id}-1", **more)
        for (operation, fault), case_id in OUTAGES.items():
            opened.gateway_fault("start", "drop_after_accept", f"{case_id}-1")
            opened.gateway_fault(operation, fault, case_id, times=2)
        cases = [*PAID_AT_ONCE.values(), *NOT_YET_PAID.values(), *OUTAGES.values()]
        for case_id in cases:
            await opened.record(case_id)
        await asyncio.gather(*(opened.pay(case_id, 0.1) for case_id in cases))
        yield opened


async def paid_at_last(stage: World, case_id: str) -> None:
    """Press until there is a link, pay by it, and see one payment."""
    asked = await stage.pay(case_id, 60)
    assert asked.answer is PaymentAnswer.OPEN, stage.logs()
    rows = await stage.rows(tables.payment_attempts, case_id)
    assert [row["state"] for row in rows] == [*[AttemptState.DEAD] * (len(rows) - 1), AttemptState.OPEN]
    for row in rows:
        assert stage.requests(row["order_id"]).get("start", 0) == 1, "no order is posted twice"
        assert len(stage.transactions(row["order_id"])) <= 1
    stage.act(rows[-1]["order_id"], Action.PAY)
    state = await stage.ended(case_id, 60)
    assert (state.invoice.status, len(await stage.kept(case_id))) == (InvoiceStatus.AVAILABLE, 1)
    assert len(stage.successes(case_id)) == 1
    assert await stage.alerts(case_id) == []


async def test_another_attempt_waits_as_long_as_the_old_one_may_still_bring_money(stage: World) -> None:
    """The card was refused, a transfer of the same order is under way at the bank, and the gateway cancels nothing."""
    await stage.record("doubt-1")
    assert (await stage.pay("doubt-1", 60)).answer is PaymentAnswer.OPEN
    stage.gateway_fault("cancel", "refuse", "doubt-1", times=1_000_000, reason="INCORRECT_PAYMENT_STATUS")
    (card,) = stage.transactions("doubt-1-1")
    transfer = stage.box.autopay.ledger.twin(card, "second_tab", stage.app.clock())
    stage.box.autopay.perform(transfer, Action.PENDING, ItnMode.DROP, 0.0)
    stage.box.autopay.perform(card, Action.REFUSE, ItnMode.SEND, 0.0)
    await stage.when("doubt-1", lambda state: state.payment.status is PaymentStatus.FAILED, "the card was refused")
    assert (await stage.pay("doubt-1", 0.1)).answer is PaymentAnswer.NOT_KNOWN

    async def tried_thrice() -> bool:
        return stage.requests("doubt-1-1").get("cancel", 0) >= 3

    await until(tried_thrice, "the old attempt is settled again and again")
    assert stage.requests("doubt-1-2") == {}
    assert [row["state"] for row in await stage.rows(tables.payment_attempts, "doubt-1")] == [AttemptState.FAILED]
    stage.box.autopay.perform(transfer, Action.PAY, ItnMode.DROP, 0.0)
    state = await stage.ended("doubt-1", 60)
    (kept,) = await stage.kept("doubt-1")
    assert (kept["remote_id"], state.payment.attempt) == (transfer.remote_id, 1)
    assert (stage.requests("doubt-1-2"), await stage.alerts("doubt-1")) == ({}, [])


@pytest.mark.parametrize("fault", LOST)
async def test_a_payment_behind_a_lost_answer_is_found_and_kept(stage: World, fault: str) -> None:
    case_id = PAID_AT_ONCE[fault]
    state = await stage.ended(case_id, 60)
    assert state.payment.attempt == 1
    assert len(stage.ledger(case_id)) == len(stage.successes(case_id)) == len(await stage.kept(case_id)) == 1
    assert stage.requests(f"{case_id}-1")["start"] == 1


@pytest.mark.parametrize("fault", NOT_YET_PAID)
async def test_an_unknown_start_is_settled_before_another_attempt(stage: World, fault: str) -> None:
    await paid_at_last(stage, NOT_YET_PAID[fault])


@pytest.mark.parametrize("outage", OUTAGES, ids=" ".join)
async def test_settling_goes_on_through_an_outage(stage: World, outage: tuple[str, str]) -> None:
    await paid_at_last(stage, OUTAGES[outage])
