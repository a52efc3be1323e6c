"""The gateways against the stand-ins, which were written from the protocols and share no code with them."""

from __future__ import annotations

import asyncio
import dataclasses
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web

from invoicing.domain.payments import Transaction, TransactionStatus
from invoicing.domain.refunds import RefundProgress, RefundStage, Transfer, TransferStatus
from invoicing.errors import BadNotification, ConnectivityFault, OutcomeUnknown, PaidcaseError, Refused, SettingsFault
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.envelope import UnprovenNotification
from invoicing.gateways.autopay.notifications import AutopayNotifications
from invoicing.gateways.autopay.services import AutopayService, AutopayServices, HashKind
from invoicing.gateways.smtp.mailer import SmtpMailer
from invoicing.ports import Attachment, Mail, OpenPayment
from invoicing.sandbox.autopay import protocol
from invoicing.sandbox.autopay.desk import AutopayOptions
from invoicing.sandbox.clock import WallClock
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from invoicing.sandbox.wfirma.desk import WfirmaOptions

M = "0123456789abcdef0123456789abcdef"
KEYS = {"PLN": "zloty-key", "EUR": "euro-key"}
PAYMENT = OpenPayment(
    service_id="2",
    order_id="case-1-1",
    amount=Decimal("398.52"),
    currency="PLN",
    description="Konsultacja case-1",
    customer_email="anna@example.com",
    language="pl",
    valid_until=datetime.now(UTC) + timedelta(days=3),
    return_url="https://example.com/return?lang=pl",
)
EURO = dataclasses.replace(PAYMENT, service_id="3", currency="EUR", order_id="case-2-1")


@dataclass
class Shop:
    """Our side: the gateway, and an address that reads notifications with our code and answers with it."""

    running: RunningSandbox
    gateway: AutopayGateway
    notifications: AutopayNotifications
    heard: asyncio.Queue[Transaction | BadNotification] = field(default_factory=asyncio.Queue)
    transfers: asyncio.Queue[Transfer] = field(default_factory=asyncio.Queue)

    async def notified(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            message = self.notifications.read(str(form["transactions"]))
        except UnprovenNotification as bad:
            self.heard.put_nowait(bad)
            if bad.service_id is None or bad.order_id is None:
                return web.Response(status=400)
            body = self.notifications.answer(bad.service_id, bad.order_id, confirmed=False)
        else:
            self.heard.put_nowait(message.transaction)
            body = self.notifications.answer(message.service_id, message.transaction.order_id, confirmed=True)
        return web.Response(body=body, content_type="application/xml")

    async def told_of_transfer(self, request: web.Request) -> web.Response:
        message = self.notifications.read_transfer(str((await request.post())["transactions"]))
        self.transfers.put_nowait(message.transfer)
        body = self.notifications.answer_transfer(message.service_id, message.transfer.remote_out_id, confirmed=True)
        return web.Response(body=body, content_type="application/xml")

    async def paid(self, payment: OpenPayment = PAYMENT) -> str:
        """A paid transaction; its remote id."""
        opened_payment = await self.gateway.open(payment)
        await self.act(payment.order_id, "pay")
        await self.hear()
        return opened_payment.remote_id

    async def until_refund(self, stage: RefundStage, message_id: str = M) -> RefundProgress:
        """Ask until the refund is there; the stand-in's clock runs fast."""
        while (progress := await self.gateway.refund_status("2", message_id)).stage is not stage:
            pass  # each look is a request, so the stand-in gets its turn
        return progress

    async def hear(self) -> Transaction | BadNotification:
        return await asyncio.wait_for(self.heard.get(), 10)

    async def control(self, path: str, **body: object) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.running.autopay_url}/_sandbox{path}", json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()

    async def fault(self, operation: str, name: str, **other: object) -> None:
        await self.control("/faults", operation=operation, fault=name, **other)

    async def act(self, order_id: str, action: str, itn: str = "send") -> None:
        await self.control(f"/orders/{order_id}/act", action=action, itn=itn)


@asynccontextmanager
async def opened() -> AsyncIterator[Shop]:
    shops: list[Shop] = []

    async def notified(request: web.Request) -> web.Response:
        return await shops[0].notified(request)

    app = web.Application()

    async def told_of_transfer(request: web.Request) -> web.Response:
        return await shops[0].told_of_transfer(request)

    app.router.add_post("/itn", notified)
    app.router.add_post("/istn", told_of_transfer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    theirs = (
        protocol.Service("2", KEYS["PLN"]),
        protocol.Service("3", KEYS["EUR"], "EUR", protocol.HashKind.SHA512),
    )
    ours_at = f"http://127.0.0.1:{runner.addresses[0][1]}"
    gateway_options = AutopayOptions(port=0, services=theirs, itn_url=f"{ours_at}/itn", istn_url=f"{ours_at}/istn")
    options = SandboxOptions(
        autopay=gateway_options,
        mail=MailOptions(smtp_port=0, mailbox_port=0),
        wfirma=WfirmaOptions(port=0),
    )
    async with sandbox(options, WallClock(1 / 6000)) as running:
        ours = AutopayServices(
            (
                AutopayService("2", "PLN", (KEYS["PLN"], "next-key"), HashKind.SHA256, running.autopay_url),
                AutopayService("3", "EUR", (KEYS["EUR"],), HashKind.SHA512, running.autopay_url),
            )
        )
        shops.append(Shop(running, AutopayGateway(ours), AutopayNotifications(ours)))
        yield shops[0]
        await shops[0].gateway.close()
    await runner.cleanup()


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
    gateway = AutopayGateway(AutopayServices([wrong]))
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


def mailer_of(shop: Shop) -> SmtpMailer:
    return SmtpMailer(shop.running.smtp_host, shop.running.smtp_port, "none", sender="faktury@example.com")


MAIL = Mail(
    "case-1.invoice@example.com", "anna@example.com", "Faktura", "Dzień dobry", "pl", (Attachment("f.pdf", b"%PDF"),)
)


async def test_a_mail_reaches_the_mailbox_whole(shop: Shop) -> None:
    mailer = mailer_of(shop)
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    await mailer.close()
    first, second = shop.running.mailbox.find(recipient=MAIL.recipient)
    assert first.message_id == second.message_id == f"<{MAIL.message_id}>"
    assert (first.mail_from, first.recipients, first.subject) == ("faktury@example.com", (MAIL.recipient,), "Faktura")
    assert first.raw is not None
    (attached,) = email.message_from_bytes(first.raw, policy=email.policy.default).iter_attachments()
    assert attached.get_content() == b"%PDF"


@pytest.mark.parametrize(
    ("fault", "kind", "stored"),
    [
        ("421", ConnectivityFault, 0),
        ("451", ConnectivityFault, 0),
        ("550", Refused, 0),
        ("refuse_connection", ConnectivityFault, 0),
        ("drop_before_data", ConnectivityFault, 0),
        ("drop_after_data", OutcomeUnknown, 1),
    ],
)
async def test_a_disturbed_mail_has_the_outcome_that_the_mailbox_shows(
    fault: str, kind: type[PaidcaseError], stored: int, shop: Shop
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{shop.running.mailbox_url}/_sandbox/faults", json={"fault": fault, "times": 1}) as answer,
    ):
        assert answer.status == 201
    mailer = mailer_of(shop)
    with pytest.raises(kind):
        await mailer.send(MAIL)
    assert len(shop.running.mailbox) == stored
    await mailer.send(MAIL)
    await mailer.close()
    assert len(shop.running.mailbox) == stored + 1
