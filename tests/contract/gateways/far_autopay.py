"""A gateway at the other end that answers what a test tells it, and a client of ours that talks to it."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from invoicing.errors import PaidcaseError
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.ports import OpenedPayment, OpenPayment
from tests.contract.gateways.far_server import FarServer
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


class Gateway(FarServer):
    """A gateway that answers what a test tells it, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str | None, dict[str, str], str]] = []

    async def keep(self, request: web.Request) -> None:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((request.path, request.headers.get("BmHeader"), form, request.content_type))


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
