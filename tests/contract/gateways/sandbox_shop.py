"""Our side of the stand-ins: the gateway's client, and an address that reads notifications and answers them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import aiohttp
from aiohttp import web

from invoicing.domain.payments import Transaction
from invoicing.domain.refunds import RefundProgress, RefundStage, Transfer
from invoicing.errors import BadNotification
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.envelope import UnprovenNotification
from invoicing.gateways.autopay.notifications import AutopayNotifications
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.ports import OpenPayment, utc_now
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
        shops.append(Shop(running, AutopayGateway(ours, utc_now), AutopayNotifications(ours)))
        yield shops[0]
        await shops[0].gateway.close()
    await runner.cleanup()
