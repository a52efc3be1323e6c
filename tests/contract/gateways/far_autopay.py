"""A gateway at the other end that answers what a test tells it, and a client of ours that talks to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from invoicing.errors import PaidcaseError
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.services import AutopayService, AutopayServices, HashKind
from invoicing.ports import OpenedPayment, OpenPayment
from tests.unit.gateways.autopay_messages import KEY

M = "0123456789abcdef0123456789abcdef"
ORDER = "case-2026-0001"
PAYMENT = OpenPayment(
    service_id="2",
    order_id=ORDER,
    amount=Decimal("123.00"),
    currency="PLN",
    description="Konsultacja",
    customer_email="anna+ż@example.com",
    language="pl",
    valid_until=datetime(2026, 1, 15, 11, 15, tzinfo=UTC),
    return_url="https://example.com/return?a=1&b=2",
)
LINK = "http://127.0.0.1/payment/continue/96VSD39Z6E/L6CGP5BH"
CONTINUE = (("status", "PENDING"), ("redirecturl", LINK), ("orderID", ORDER), ("remoteID", "96VSD39Z6E"))
OPENED = OpenedPayment("96VSD39Z6E", LINK)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gateway:
    """A gateway that answers what a test tells it, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Handler = self.unexpected
        self.asked: list[tuple[str, str | None, dict[str, str], str]] = []
        self.ports: set[int] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((request.path, request.headers.get("BmHeader"), form, request.content_type))
        self.ports.add(request.transport.get_extra_info("peername")[1] if request.transport else 0)
        return await self.answer(request)

    async def unexpected(self, request: web.Request) -> web.StreamResponse:
        raise AssertionError("not expected to be asked")

    def says(self, text: str | bytes, status: int = 200, **headers: str) -> None:
        body = text.encode() if isinstance(text, str) else text

        async def answer(request: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(body=body, status=status, headers=named)

        self.answer = answer

    async def hang(self, request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    async def reset(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def half(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"<transaction>")
        assert request.transport is not None
        request.transport.abort()
        return response


def client_at(address: str, **options: timedelta) -> AutopayGateway:
    service = AutopayService("2", "PLN", (KEY,), HashKind.SHA256, address)
    return AutopayGateway(
        AutopayServices([service]), clock=lambda: datetime(2026, 11, 22, 10, 0, tzinfo=UTC), **options
    )


async def fault_of(call: Awaitable[object]) -> PaidcaseError:
    with pytest.raises(PaidcaseError) as fault:
        await call
    shown = f"{fault.value!r} {fault.value} {fault.value.__cause__!r}"
    assert KEY not in shown
    assert "anna" not in shown
    return fault.value
