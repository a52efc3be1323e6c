"""What can happen between the first press of the button and the money: refusals, second attempts, presses at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from invoicing.domain.payments import AttemptState
from invoicing.domain.records import Event
from invoicing.domain.state import PaymentStatus
from invoicing.errors import DataFault, NotAllowed
from invoicing.intake import PaymentAnswer
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.ledger import Status
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("paying")) as opened:
        yield opened


async def failed(stage: World, case_id: str) -> None:
    await stage.when(case_id, lambda state: state.payment.status is PaymentStatus.FAILED, "the payment failed")


async def test_a_refused_start_is_told_at_once_and_a_second_press_pays(stage: World) -> None:
    stage.gateway_fault("start", "refuse", "no-1-1", reason="START_AMOUNT_OUT_OF_RANGE")
    await stage.record("no-1")
    asked = await stage.pay("no-1")
    assert (asked.answer, asked.redirect_url) == (PaymentAnswer.REFUSED, None)
    assert asked.facts.state.payment.status is PaymentStatus.FAILED
    (alert,) = await stage.alerts("no-1")
    assert (alert.code, alert.details["reason"]) == ("payment_refused", "START_AMOUNT_OUT_OF_RANGE")
    again = await stage.pay("no-1")
    assert again.answer is PaymentAnswer.OPEN
    stage.act("no-1-2", Action.PAY)
    await stage.ended("no-1")
    assert [item.order_id for item in stage.successes("no-1")] == ["no-1-2"]
    assert stage.transactions("no-1-1") == []
    assert await stage.alerts("no-1") == [], "the money that came is the recovery"


async def test_a_refused_start_posts_one_request(stage: World) -> None:
    stage.gateway_fault("start", "refuse", "no-2-1", reason="START_AMOUNT_OUT_OF_RANGE")
    await stage.record("no-2")
    await stage.pay("no-2")
    assert stage.requests("no-2-1") == {"start": 1}


async def test_a_refused_card_is_shown_and_a_new_attempt_pays(stage: World) -> None:
    await stage.record("card-1")
    first = await stage.pay("card-1")
    stage.act("card-1-1", Action.REFUSE)
    await failed(stage, "card-1")
    shown = await stage.shown("card-1")
    assert (shown["payment"]["label"], shown["invoice"]["cell"]) == ("Błąd", "Ponów płatność")
    second = await stage.pay("card-1")
    assert second.answer is PaymentAnswer.OPEN
    assert second.redirect_url != first.redirect_url
    stage.act("card-1-2", Action.PAY)
    state = await stage.ended("card-1")
    assert state.payment.attempt == 2
    assert len(await stage.kept("card-1")) == len(stage.successes("card-1")) == 1


async def test_a_payer_who_cancels_may_pay_by_a_new_attempt(stage: World) -> None:
    await stage.record("leave-1")
    await stage.pay("leave-1")
    stage.act("leave-1-1", Action.CANCEL)
    await failed(stage, "leave-1")
    await stage.pay("leave-1")
    stage.act("leave-1-2", Action.PAY)
    await stage.ended("leave-1")
    assert len(await stage.kept("leave-1")) == 1


async def test_a_failed_attempt_is_settled_before_the_next_one_is_opened(stage: World) -> None:
    await stage.record("settle-1")
    await stage.pay("settle-1")
    stage.act("settle-1-1", Action.REFUSE)
    await failed(stage, "settle-1")
    await stage.pay("settle-1")
    assert stage.requests("settle-1-1")["cancel"] == 1
    rows = await stage.rows(tables.payment_attempts, "settle-1")
    assert [row["state"] for row in rows] == [AttemptState.DEAD, AttemptState.OPEN]


async def test_a_late_success_of_the_failed_attempt_counts(stage: World) -> None:
    await stage.record("late-1")
    await stage.pay("late-1")
    stage.act("late-1-1", Action.REFUSE)
    await failed(stage, "late-1")
    stage.act("late-1-1", Action.PAY)
    state = await stage.ended("late-1")
    assert (state.payment.attempt, len(await stage.kept("late-1"))) == (1, 1)


async def test_two_payments_of_one_case_keep_one_and_give_the_other_back(stage: World) -> None:
    await stage.record("twice-1")
    await stage.pay("twice-1")
    stage.act("twice-1-1", Action.PAY_TWICE)

    async def given_back() -> bool:
        return [row["status"] for row in await stage.rows(tables.refunds, "twice-1")] == ["queued"]

    await until(given_back, "the gateway has the order to give the second payment back")

    async def mailed() -> bool:
        return len(stage.mails("twice-1")) == 2

    await until(mailed, "client and expert have their mails")
    assert len(stage.successes("twice-1")) == 2
    assert sorted(row["kept"] for row in await stage.rows(tables.captures, "twice-1")) == [False, True]
    assert len(await stage.rows(tables.invoices, "twice-1")) == 1
    assert [alert.code for alert in await stage.alerts("twice-1")] == ["payment_duplicate"]


async def test_a_success_after_the_end_of_the_run_is_a_duplicate_and_changes_nothing_else(stage: World) -> None:
    await stage.record("after-1")
    await stage.pay("after-1")
    stage.act("after-1-1", Action.PAY)
    before = await stage.ended("after-1")
    twin = stage.box.autopay.ledger.twin(stage.transactions("after-1-1")[0], "second_payment", stage.app.clock())
    stage.box.autopay.perform(twin, Action.PAY, ItnMode.SEND, 0.0)

    async def alerted() -> bool:
        return [alert.code for alert in await stage.alerts("after-1")] == ["payment_duplicate"]

    await until(alerted, "the second payment is an alert")
    await stage.run_ended("after-1")
    assert await stage.state("after-1") == before
    assert len(stage.mails("after-1")) == 2


async def test_ten_presses_at_once_make_one_transaction_and_one_address(stage: World) -> None:
    await stage.record("press-1")
    asked = await asyncio.gather(*(stage.pay("press-1", within=20) for _ in range(10)))
    assert len({one.redirect_url for one in asked}) == 1
    assert asked[0].redirect_url is not None
    assert stage.requests("press-1-1") == {"start": 1}
    assert (await stage.pay("press-1")).redirect_url == asked[0].redirect_url
    assert len(stage.ledger("press-1")) == 1
    assert (await stage.events("press-1")).count(Event.PAYMENT_REQUESTED) == 1


async def test_ten_presses_after_a_failure_make_one_second_transaction(stage: World) -> None:
    await stage.record("press-2")
    await stage.pay("press-2")
    stage.act("press-2-1", Action.REFUSE)
    await failed(stage, "press-2")
    asked = await asyncio.gather(*(stage.pay("press-2", within=20) for _ in range(10)))
    assert len({one.redirect_url for one in asked}) == 1
    assert stage.requests("press-2-2") == {"start": 1}
    assert [item.status for item in stage.ledger("press-2")] == [Status.FAILURE, Status.PENDING]


async def test_bad_billing_data_stop_a_payment_before_anything_starts(stage: World) -> None:
    await stage.record("bad-1", billing_data={**BUYER, "tax_id": "1111111112", "postal_code": "1"})
    with pytest.raises(DataFault) as fault:
        await stage.pay("bad-1")
    assert {(one.field, one.code) for one in fault.value.faults} == {
        ("billing_data.tax_id", "bad_nip"),
        ("billing_data.postal_code", "bad_postal_code"),
    }
    assert not await stage.has_run("bad-1")
    assert stage.ledger("bad-1") == []


async def test_a_paid_case_refuses_another_payment(stage: World) -> None:
    await stage.record("done-1", paid=True)
    with pytest.raises(NotAllowed) as refusal:
        await stage.pay("done-1")
    assert refusal.value.code == "already_paid"


async def test_a_gateway_that_refuses_our_settings_parks_the_charge_until_they_are_right(stage: World) -> None:
    stage.gateway_fault("start", "refuse", "key-1-1", reason="INVALID_HASH")
    await stage.record("key-1")
    await stage.pay("key-1")
    state = await stage.when("key-1", lambda state: state.parked, "the charge is parked")
    assert state.parked is not None
    assert (state.parked.step, state.parked.code) == ("charge", "gateway_settings")
    assert [alert.code for alert in await stage.alerts("key-1")] == ["gateway_settings"]
    again = await stage.pay("key-1")
    asked = again if again.redirect_url else await stage.pay("key-1")
    assert asked.redirect_url is not None
    stage.act(stage.ledger("key-1")[-1].order_id, Action.PAY)
    assert (await stage.ended("key-1")).parked is None
    assert await stage.alerts("key-1") == []
