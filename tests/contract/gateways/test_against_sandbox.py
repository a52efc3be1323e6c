"""The payment gateway against its stand-in, which was written from the protocol and shares no code with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from invoicing.domain.payments import Transaction, TransactionStatus
from invoicing.domain.refunds import RefundStage, TransferStatus
from invoicing.errors import ConnectivityFault, OutcomeUnknown, Refused, SettingsFault
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.envelope import UnprovenNotification
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.ports import OpenPayment, utc_now
from tests.contract.gateways.sandbox_shop import EURO, PAYMENT, M, Shop, opened


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with opened() as made:
        yield made


@pytest.mark.parametrize("payment", [PAYMENT, EURO], ids=["sha256", "sha512"])
async def test_a_payment_is_opened_paid_notified_and_told_by_status(payment: OpenPayment, shop: Shop) -> None:
    opened_payment = await shop.gateway.open(payment)
    assert opened_payment.redirect_url.startswith(shop.running.autopay_url)
    await shop.act(payment.order_id, "pay")
    told = await shop.hear()
    assert isinstance(told, Transaction)
    assert (told.order_id, told.remote_id) == (payment.order_id, opened_payment.remote_id)
    assert (told.amount, told.currency, told.status) == (payment.amount, payment.currency, TransactionStatus.SUCCESS)
    (asked,) = await shop.gateway.status(payment.service_id, payment.order_id)
    assert (asked.remote_id, asked.status, asked.amount) == (told.remote_id, told.status, told.amount)


@pytest.mark.parametrize(("itn", "verdict"), [("send", "confirmed"), ("altered", "not_confirmed")])
async def test_our_signed_answer_is_understood_by_the_sender(itn: str, verdict: str, shop: Shop) -> None:
    opened_payment = await shop.gateway.open(PAYMENT)
    await shop.act(PAYMENT.order_id, "pay", itn)
    await shop.hear()
    (sent,) = shop.running.autopay.ledger.by_remote[opened_payment.remote_id].itns[:1]
    while sent.answer == "no_answer":
        await shop.gateway.status("2", PAYMENT.order_id)  # the answer is noted when the sender's loop has read it
    assert sent.answer == verdict


async def test_an_altered_notification_is_not_believed(shop: Shop) -> None:
    await shop.gateway.open(PAYMENT)
    await shop.act(PAYMENT.order_id, "pay", "altered")
    told = await shop.hear()
    assert isinstance(told, UnprovenNotification)
    assert (told.service_id, told.order_id) == ("2", PAYMENT.order_id)


async def test_a_refused_card_is_told_as_a_failure(shop: Shop) -> None:
    await shop.gateway.open(PAYMENT)
    await shop.act(PAYMENT.order_id, "refuse")
    told = await shop.hear()
    assert isinstance(told, Transaction)
    assert told.status is TransactionStatus.FAILURE


async def test_an_unknown_order_has_no_transactions(shop: Shop) -> None:
    assert await shop.gateway.status("2", "case-9-1") == ()


async def test_a_cancel_burns_the_order_and_is_safe_to_repeat(shop: Shop) -> None:
    await shop.gateway.open(PAYMENT)
    assert await shop.gateway.cancel("2", PAYMENT.order_id, M)
    assert await shop.gateway.cancel("2", PAYMENT.order_id, M)
    with pytest.raises(Refused) as fault:
        await shop.gateway.open(PAYMENT)
    assert fault.value.message == "TRANSACTION_CANCELED"
    assert {item.status for item in await shop.gateway.status("2", PAYMENT.order_id)} <= {TransactionStatus.FAILURE}


async def test_a_paid_order_cannot_be_cancelled(shop: Shop) -> None:
    await shop.gateway.open(PAYMENT)
    await shop.act(PAYMENT.order_id, "pay")
    assert not await shop.gateway.cancel("2", PAYMENT.order_id, M)


@pytest.mark.parametrize(
    ("fault", "registered"),
    [
        ("drop_before", 0),
        ("drop_after_accept", 1),
        ("http_500", 0),
        ("http_500_after_accept", 1),
        ("http_429", 0),
        ("maintenance", 0),
        ("garbage", 1),
        ("bad_hash", 1),
    ],
)
async def test_a_disturbed_start_is_unknown_and_the_status_settles_it(fault: str, registered: int, shop: Shop) -> None:
    await shop.fault("start", fault)
    with pytest.raises(OutcomeUnknown):
        await shop.gateway.open(PAYMENT)
    assert len(await shop.gateway.status("2", PAYMENT.order_id)) == registered


async def test_a_refusal_by_the_gateway_leaves_nothing(shop: Shop) -> None:
    await shop.fault("start", "refuse", reason="BANK_DISABLED")
    with pytest.raises(Refused) as fault:
        await shop.gateway.open(PAYMENT)
    assert fault.value.message == "BANK_DISABLED"
    assert await shop.gateway.status("2", PAYMENT.order_id) == ()


@pytest.mark.parametrize("fault", ["drop_before", "http_500", "http_429", "maintenance", "garbage", "bad_hash"])
async def test_a_disturbed_status_is_asked_again(fault: str, shop: Shop) -> None:
    await shop.fault("status", fault)
    with pytest.raises(ConnectivityFault):
        await shop.gateway.status("2", PAYMENT.order_id)
    assert await shop.gateway.status("2", PAYMENT.order_id) == ()


async def test_a_key_that_is_not_the_services_is_a_matter_of_settings(shop: Shop) -> None:
    wrong = AutopayService("2", "PLN", ("another",), HashKind.SHA256, shop.running.autopay_url)
    gateway = AutopayGateway(AutopayServices([wrong]), utc_now)
    with pytest.raises(SettingsFault):
        await gateway.open(PAYMENT)
    with pytest.raises(SettingsFault):
        await gateway.status("2", PAYMENT.order_id)
    await gateway.close()


async def test_the_payers_way_back_is_signed_for_us(shop: Shop) -> None:
    link = (await shop.gateway.open(PAYMENT)).redirect_url
    async with (
        aiohttp.ClientSession() as session,
        session.post(link, data={"choice": "pay"}, allow_redirects=False) as answer,
    ):
        location = answer.headers.get("Location", "")
    query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert shop.notifications.return_is_authentic(query["ServiceID"], query["OrderID"], query["Hash"])
    assert not shop.notifications.return_is_authentic(query["ServiceID"], "case-1-2", query["Hash"])


async def test_a_refund_is_queued_told_and_done(shop: Shop) -> None:
    remote_id = await shop.paid()
    await shop.gateway.refund("2", remote_id, Decimal("100.00"), "PLN", M)
    assert (await shop.gateway.refund_status("2", M)).stage is RefundStage.PENDING
    done = await shop.until_refund(RefundStage.DONE)
    told = [await asyncio.wait_for(shop.transfers.get(), 10) for _ in range(2)]
    assert [transfer.status for transfer in told] == [TransferStatus.PENDING, TransferStatus.SUCCESS]
    for transfer in told:
        assert (transfer.is_refund, transfer.remote_id, transfer.amount) == (True, remote_id, Decimal("100.00"))
        assert transfer.remote_out_id == done.remote_out_id
    (order,) = shop.running.autopay.refunds
    while order.istns[-1].answer == "no_answer":
        await shop.gateway.refund_status("2", M)  # the answer is noted when the sender's loop has read it
    assert [istn.answer for istn in order.istns] == ["confirmed", "confirmed"]


async def test_sending_the_same_refund_again_executes_it_once(shop: Shop) -> None:
    remote_id = await shop.paid()
    for _ in range(3):
        await shop.gateway.refund("2", remote_id, Decimal("398.52"), "PLN", M)
    await shop.until_refund(RefundStage.DONE)
    await shop.gateway.refund("2", remote_id, Decimal("398.52"), "PLN", M)
    (order,) = shop.running.autopay.refunds
    assert (order.times_asked, order.amount) == (4, "398.52")


@pytest.mark.parametrize(
    ("fault", "queued"),
    [
        ("drop_before", False),
        ("drop_after_accept", True),
        ("http_500", False),
        ("http_500_after_accept", True),
        ("maintenance", False),
        ("garbage", True),
        ("bad_hash", True),
    ],
)
async def test_a_disturbed_refund_is_unknown_and_the_same_message_is_the_look_up(
    fault: str, queued: bool, shop: Shop
) -> None:
    remote_id = await shop.paid()
    await shop.fault("refund", fault)
    with pytest.raises(OutcomeUnknown):
        await shop.gateway.refund("2", remote_id, None, "PLN", M)
    absent = (await shop.gateway.refund_status("2", M)).stage is RefundStage.ABSENT
    assert absent is not queued
    await shop.gateway.refund("2", remote_id, None, "PLN", M)
    await shop.until_refund(RefundStage.DONE)
    assert len(list(shop.running.autopay.refunds)) == 1


async def test_a_refund_that_cannot_be_is_refused_with_the_gateways_word(shop: Shop) -> None:
    opened_payment = await shop.gateway.open(PAYMENT)
    for remote_id, reason in (
        (opened_payment.remote_id, "TRANSACTION_NOT_IN_REFUNDABLE_STATUS"),
        ("9NOBODY", "TRANSACTION_NOT_FOUND"),
    ):
        with pytest.raises(Refused) as fault:
            await shop.gateway.refund("2", remote_id, None, "PLN", M)
        assert (fault.value.code, fault.value.message) == ("refund_refused", reason)


async def test_a_message_id_that_belongs_to_another_refund_is_looked_up(shop: Shop) -> None:
    remote_id = await shop.paid()
    await shop.gateway.refund("2", remote_id, Decimal("1.00"), "PLN", M)
    with pytest.raises(OutcomeUnknown):
        await shop.gateway.refund("2", remote_id, Decimal("2.00"), "PLN", M)


@pytest.mark.parametrize(
    ("end", "again"),
    [
        ("CANCELED_NO_FUNDS_ON_BALANCE", True),
        ("CANCELED_AMOUNT_EXCEEDS_TRANSACTION", False),
        ("CANCELED_MANUALLY_BY_SERVICES", False),
    ],
)
async def test_a_refund_that_fails_later_says_whether_it_may_be_ordered_again(
    end: str, again: bool, shop: Shop
) -> None:
    remote_id = await shop.paid()
    await shop.fault("refund", "refuse", reason=end)
    await shop.gateway.refund("2", remote_id, None, "PLN", M)
    progress = await shop.until_refund(RefundStage.FAILED)
    assert (progress.reason, progress.retry_with_new_message) == (end, again)
    told = await asyncio.wait_for(shop.transfers.get(), 10)
    assert told.status is TransferStatus.FAILURE


@pytest.mark.parametrize("fault", ["drop_before", "http_500", "http_429", "maintenance", "garbage", "bad_hash"])
async def test_disturbed_progress_is_asked_again(fault: str, shop: Shop) -> None:
    remote_id = await shop.paid()
    await shop.gateway.refund("2", remote_id, None, "PLN", M)
    await shop.fault("out_details", fault)
    with pytest.raises(ConnectivityFault):
        await shop.gateway.refund_status("2", M)
    await shop.until_refund(RefundStage.DONE)


async def test_a_refund_in_the_currency_and_digest_of_another_service(shop: Shop) -> None:
    remote_id = await shop.paid(EURO)
    await shop.gateway.refund("3", remote_id, None, "EUR", M)
    assert (await shop.gateway.refund_status("3", M)).stage is not RefundStage.ABSENT
    assert (await shop.gateway.refund_status("2", M)).stage is RefundStage.ABSENT


async def test_the_channels_of_both_services_are_listed(shop: Shop) -> None:
    channels = await shop.gateway.channels(["PLN", "EUR"], "pl")
    assert [(channel.gateway_id, channel.currency) for channel in channels] == [
        *((number, "PLN") for number in (106, 509, 1500)),
        *((number, "EUR") for number in (106, 509, 1500)),
    ]
    assert all(channel.available and channel.minimum and channel.maximum for channel in channels)
