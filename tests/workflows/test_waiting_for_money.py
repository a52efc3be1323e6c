"""The end of waiting: validity, abandonment, money that comes late. Validity 2 s, a case is given up after 9 s."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from invoicing.domain.records import Event
from invoicing.domain.state import Badge, PaymentStatus
from invoicing.intake import PaymentAnswer
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.ledger import Status
from invoicing.sandbox.autopay.notifier import ItnMode
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = ("idle-1", "gone-1", "silent-1", "bank-1", "given-1", "given-2", "given-3")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """All cases of this file wait at the same time."""
    settings = {"PAYMENT_VALIDITY": "2s", "PAYMENT_ABANDON_AFTER": "9s", "PAYMENT_POLL_INTERVAL": "250ms"}
    async with world(temporal, tmp_path_factory.mktemp("waiting"), settings=settings) as opened:
        yield opened


def keep_alive(stage: World, order_id: str) -> None:
    """A bank that has not answered when the validity ends: the gateway goes on saying PENDING."""
    expiries = stage.box.autopay.ledger._expiries
    mine = {item.remote_id for item in stage.transactions(order_id)}
    expiries[:] = [entry for entry in expiries if entry[1] not in mine]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def opened(stage: World) -> World:
    """Every case has its first attempt open."""
    for case_id in CASES:
        await stage.record(case_id)
    asked = await asyncio.gather(*(stage.pay(case_id, within=20) for case_id in CASES))
    assert all(one.answer is PaymentAnswer.OPEN for one in asked)
    for order_id in ("silent-1-1", "bank-1-1"):
        keep_alive(stage, order_id)
    stage.act("gone-1-1", Action.REFUSE, ItnMode.DROP)
    stage.act("bank-1-1", Action.PENDING, ItnMode.DROP)
    # The gateway does not know this one any more: an answer of nothing.
    stage.box.autopay.ledger.orders[("100001", "given-2-1")].clear()
    stage.gateway_fault("status", "drop_before", "silent-1", times=1_000_000)
    return stage


async def until_failed(stage: World, case_id: str) -> None:
    await stage.when(case_id, lambda state: state.payment.status is PaymentStatus.FAILED, "the attempt ended", 20)


async def test_the_end_of_validity_ends_an_attempt_that_nobody_paid(opened: World) -> None:
    await until_failed(opened, "idle-1")
    shown = await opened.shown("idle-1")
    assert (shown["payment"]["label"], shown["invoice"]["cell"]) == ("Błąd", "Ponów płatność")


async def test_an_attempt_of_failures_ends_and_a_new_one_pays(opened: World) -> None:
    await until_failed(opened, "gone-1")
    asked = await opened.pay("gone-1", within=20)
    assert asked.answer is PaymentAnswer.OPEN
    opened.act("gone-1-2", Action.PAY, ItnMode.DROP)
    state = await opened.ended("gone-1")
    assert (state.payment.attempt, len(await opened.kept("gone-1"))) == (2, 1)


async def test_an_order_the_gateway_does_not_know_ends_with_its_validity(opened: World) -> None:
    await until_failed(opened, "given-2")


async def test_a_gateway_that_does_not_answer_keeps_the_attempt_open(opened: World) -> None:
    async def asked_after_the_end() -> bool:
        valid_until = opened.transactions("silent-1-1")[0].valid_until
        late = opened.requests("silent-1-1").get("status", 0) > 3
        return late and opened.app.clock() > valid_until

    await until(asked_after_the_end, "the gateway is asked after the end of validity")
    assert (await opened.state("silent-1")).payment.status is PaymentStatus.OPEN


async def test_a_pending_answer_keeps_the_attempt_open_and_its_late_success_counts(opened: World) -> None:
    (transfer,) = opened.transactions("bank-1-1")
    asked = opened.requests("bank-1-1").get("status", 0)

    async def asked_after_the_end() -> bool:
        nonlocal asked
        if opened.app.clock() <= transfer.valid_until:
            asked = opened.requests("bank-1-1").get("status", 0)
        return opened.requests("bank-1-1").get("status", 0) > asked

    await until(asked_after_the_end, "the gateway is asked after the end of validity")
    assert (await opened.state("bank-1")).payment.status is PaymentStatus.OPEN
    opened.act("bank-1-1", Action.PAY, ItnMode.SEND)
    state = await opened.ended("bank-1")
    assert (state.payment.attempt, len(await opened.kept("bank-1"))) == (1, 1)
    assert transfer.status is Status.SUCCESS


async def test_a_case_that_nobody_pays_closes_as_unpaid_and_payment_may_begin_again(opened: World) -> None:
    state = await opened.ended("given-1", 40)
    assert (state.closed, state.badges) == (True, (Badge.UNPAID,))
    asked = await opened.pay("given-1", within=20)
    assert asked.answer is PaymentAnswer.OPEN
    state = await opened.state("given-1")
    assert (state.closed, state.badges, state.payment.status) == (False, (), PaymentStatus.OPEN)
    opened.act("given-1-2", Action.PAY)
    state = await opened.ended("given-1")
    assert state.paid and state.invoice.number
    assert len(opened.mails("given-1")) == 2


async def test_money_that_comes_after_the_case_was_closed_counts(opened: World) -> None:
    await opened.ended("given-3", 40)
    opened.act("given-3-1", Action.PAY)
    state = await opened.when("given-3", lambda state: state.expert_told, "the case ends paid")
    await opened.run_ended("given-3")
    assert (state.badges, len(await opened.kept("given-3"))) == ((), 1)
    assert len(opened.mails("given-3")) == 2


async def test_a_case_closed_as_unpaid_says_so_in_the_search_attributes(opened: World) -> None:
    await opened.ended("idle-1", 40)
    attributes = (await opened.run("idle-1").describe()).typed_search_attributes
    told = {pair.key.name: pair.value for pair in attributes}
    assert (told["PaymentStatus"], told["InvoiceStatus"], told["Parked"]) == ("failed", "none", False)


async def test_a_second_payment_whose_refund_failed_goes_back_when_ops_say_so(stage: World) -> None:
    await stage.record("dup-1")
    await stage.pay("dup-1", within=20)
    stage.act("dup-1-1", Action.PAY)
    before = await stage.ended("dup-1")
    stage.gateway_fault("refund", "refuse", "dup-1-1", reason="CANCELED_NO_FUNDS_ON_BALANCE")
    twin = stage.box.autopay.ledger.twin(stage.transactions("dup-1-1")[0], "second_payment", stage.app.clock())
    stage.box.autopay.perform(twin, Action.PAY, ItnMode.SEND, 0.0)

    async def alerted() -> bool:
        return {alert.code for alert in await stage.alerts("dup-1")} == {"payment_duplicate", "refund_refused"}

    await until(alerted, "the failed refund is an alert beside the second payment")
    assert [task["kind"] for task in await stage.open_tasks("dup-1")] == ["refund"]
    await stage.app.deciding.refund("dup-1", "ops", None, "paid twice", "again", twin.remote_id)

    async def settled() -> bool:
        return Event.REFUND_DONE in await stage.events("dup-1")

    await until(settled, "the second payment is on its way back")
    assert (await stage.alerts("dup-1"), await stage.open_tasks("dup-1")) == ([], [])
    assert await stage.state("dup-1") == before, "the kept payment and its badges are as they were"
    given = {order.transaction.remote_id: order.status for order in stage.box.autopay.refunds if order.over}
    assert given[twin.remote_id] == "DONE"
    assert stage.transactions("dup-1-1")[0].remote_id not in given


async def test_a_run_that_begins_again_leaves_a_pending_transfer_alone(opened: World) -> None:
    """A restart from the database is nobody's wish for another attempt, so it must not cancel the first one."""
    await opened.record("again-1")
    await opened.pay("again-1", within=20)
    keep_alive(opened, "again-1-1")
    opened.act("again-1-1", Action.PENDING, ItnMode.DROP)
    (transfer,) = opened.transactions("again-1-1")

    async def past_the_end() -> bool:
        return opened.app.clock() > transfer.valid_until

    await until(past_the_end, "the validity ends")
    await opened.start_again("again-1")

    async def charged() -> bool:
        return "charge" in await opened.completed("again-1")

    await until(charged, "the new run has charged")
    assert transfer.status is Status.PENDING
    opened.act("again-1-1", Action.PAY)
    await opened.ended("again-1")
    assert len(await opened.kept("again-1")) == 1
