"""What a hostile or broken counterpart can make the gateway's client do: nothing but fail."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aiohttp import web

from invoicing.errors import BadNotification, PaidcaseError
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.notifications import AutopayNotifications
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.ports import OpenPayment, utc_now
from tests.contract.gateways.far_server import refusing, served
from tests.unit.gateways.autopay_messages import CUSTOMER, SUCCESS, changed, encoded, signed, transaction_list

KEY = "a-shared-key-that-nobody-may-see"
EMAIL = "anna.przykladowa@example.com"
M = "0123456789abcdef0123456789abcdef"
PAYMENT = OpenPayment(
    service_id="2",
    order_id="case-1-1",
    amount=Decimal("123.00"),
    currency="PLN",
    description="Konsultacja",
    customer_email=EMAIL,
    language="pl",
    valid_until=datetime(2026, 12, 1, tzinfo=UTC),
    return_url="https://example.com/return",
)

CALLS: dict[str, Callable[[AutopayGateway], Awaitable[object]]] = {
    "open": lambda gateway: gateway.open(PAYMENT),
    "status": lambda gateway: gateway.status("2", "case-1-1"),
    "cancel": lambda gateway: gateway.cancel("2", "case-1-1", M),
    "refund": lambda gateway: gateway.refund("2", "9ABC", Decimal("1.00"), "PLN", M),
    "refund_status": lambda gateway: gateway.refund_status("2", M),
    "channels": lambda gateway: gateway.channels(["PLN"], "pl"),
}


@dataclass
class Two:
    """The configured gateway, and another address that must never be called."""

    gateway: AutopayGateway
    elsewhere: str
    status: int = 200
    body: str = ""
    here: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)


def gateway_at(address: str) -> AutopayGateway:
    return AutopayGateway(AutopayServices([AutopayService("2", "PLN", (KEY,), HashKind.SHA256, address)]), utc_now)


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    made: list[Two] = []

    async def answered(request: web.Request) -> web.Response:
        made[0].here.append(request.path)
        headers = {"Location": made[0].elsewhere, "Refresh": f"0; url={made[0].elsewhere}"}
        return web.Response(text=made[0].body, status=made[0].status, headers=headers)

    async def called(request: web.Request) -> web.Response:
        made[0].there.append(request.path)
        return web.Response()

    async with served(answered) as ours, served(called) as other:
        gateway = gateway_at(ours)
        made.append(Two(gateway, f"{other}/stolen"))
        yield made[0]
        await gateway.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", CALLS)
async def test_no_call_follows_a_redirect(name: str, status: int, two: Two) -> None:
    two.status = status
    with pytest.raises(PaidcaseError):
        await CALLS[name](two.gateway)
    assert len(two.here) == 1
    assert two.there == []


async def test_addresses_inside_an_answer_are_never_called(two: Two) -> None:
    told = (("status", "PENDING"), ("redirecturl", two.elsewhere), ("orderID", "case-1-1"), ("remoteID", "9ABC"))
    two.body = signed("transaction", told, KEY)
    assert (await two.gateway.open(PAYMENT)).redirect_url == two.elsewhere
    assert two.there == []


@pytest.mark.parametrize("name", CALLS)
async def test_a_document_that_names_another_address_makes_nobody_call_it(name: str, two: Two) -> None:
    two.body = (
        f'<?xml version="1.0"?><?xml-stylesheet href="{two.elsewhere}"?>'
        f'<!DOCTYPE a SYSTEM "{two.elsewhere}" [<!ENTITY b SYSTEM "{two.elsewhere}">]>'
        f'<transaction xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{two.elsewhere}"/>&b;</transaction>'
    )
    with pytest.raises(PaidcaseError):
        await CALLS[name](two.gateway)
    assert two.there == []


@pytest.mark.parametrize("name", CALLS)
async def test_a_proxy_in_the_environment_is_not_used(name: str, two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, two.elsewhere.removesuffix("/stolen"))
    with pytest.raises(PaidcaseError):
        await CALLS[name](two.gateway)
    assert (len(two.here), two.there) == (1, [])


@pytest.mark.parametrize("name", CALLS)
async def test_neither_the_key_nor_personal_data_reach_logs_or_errors(
    name: str, two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = []
    for two.status, two.body in ((200, "ERROR"), (500, KEY), (406, f"<error><name>{KEY}</name></error>")):
        with pytest.raises(PaidcaseError) as fault:
            await CALLS[name](two.gateway)
        faults.append(fault.value)
    with refusing() as address:
        dead = gateway_at(address)
        with pytest.raises(PaidcaseError) as fault:
            await CALLS[name](dead)
        await dead.close()
        faults.append(fault.value)
    shown = caplog.text + "".join(f"{fault!r} {fault} {fault.__cause__!r} {fault.__context__!r}" for fault in faults)
    assert KEY not in shown
    assert EMAIL not in shown


HOSTILE = {
    "markup in the order": transaction_list(changed(SUCCESS, orderID="<script>alert(1)</script>"), key=KEY),
    "markup in the status": transaction_list(changed(SUCCESS, paymentStatus="<b>PAID</b>"), key=KEY),
    "a header in the order": transaction_list(changed(SUCCESS, orderID="a\r\nSet-Cookie: b=c"), key=KEY),
    "personal data": transaction_list(SUCCESS, customer=CUSTOMER, key="another"),
    "a strange service": transaction_list(SUCCESS, service_id="<i>2</i>", key=KEY),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("reading", ["read", "read_transfer"])
def test_nothing_of_a_hostile_message_is_reflected(reading: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    notifications = AutopayNotifications(
        AutopayServices([AutopayService("2", "PLN", (KEY,), HashKind.SHA256, "https://pay.example")])
    )
    with pytest.raises(BadNotification) as fault:
        getattr(notifications, reading)(encoded(HOSTILE[name]))
    shown = f"{fault.value!r} {fault.value} {caplog.text} {fault.value.order_id} {fault.value.service_id}"
    for forbidden in ("script", "Cookie", "<", "Kowalski", KEY):
        assert forbidden not in shown


def test_a_replayed_message_reads_the_same_and_its_answer_is_the_same() -> None:
    service = AutopayService("2", "PLN", (KEY,), HashKind.SHA256, "https://pay.example")
    notifications = AutopayNotifications(AutopayServices([service]))
    message = encoded(transaction_list(SUCCESS, key=KEY))
    assert len({notifications.read(message) for _ in range(5)}) == 1
    assert len({notifications.answer("2", "case-1-1", confirmed=True) for _ in range(5)}) == 1
