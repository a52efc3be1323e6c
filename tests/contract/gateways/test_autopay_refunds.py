"""Refund orders, their progress and the channel list: every way in which the gateway can answer, or not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from invoicing.domain.refunds import RefundProgress, RefundStage
from invoicing.errors import (
    ConnectivityFault,
    InternalFault,
    OutcomeUnknown,
    PaidcaseError,
    Refused,
    SettingsFault,
    Throttled,
)
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.document import ANSWER_LIMIT
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.ports import PaymentGateway, utc_now
from tests.contract.gateways.far_server import FarServer, served
from tests.unit.gateways.autopay_messages import KEY, signature, signed

M = "0123456789abcdef0123456789abcdef"
REMOTE = "96VSD39Z7F"
QUEUED = signed("transactionRefund", (("serviceID", "2"), ("messageID", M)))


class Gateway(FarServer):
    """Answers what a test tells it, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str | None, str, bytes]] = []

    async def keep(self, request: web.Request) -> None:
        self.asked.append((request.path, request.headers.get("BmHeader"), request.content_type, await request.read()))

    def tells(self, told: object, status: int = 200, **headers: str) -> None:
        self.says(told if isinstance(told, str) else json.dumps(told), status, **headers)

    def form(self) -> dict[str, str]:
        pairs = (pair.split("=") for pair in self.asked[-1][3].decode().split("&"))
        return {name: value for name, value in pairs}


@pytest.fixture
async def remote() -> AsyncIterator[tuple[Gateway, str]]:
    gateway = Gateway()
    async with served(gateway.handle) as address:
        yield gateway, address


@pytest.fixture
def far(remote: tuple[Gateway, str]) -> Gateway:
    return remote[0]


@asynccontextmanager
async def client_at(
    address: str, *keys: str, kind: HashKind = HashKind.SHA256, seconds: float = 20.0
) -> AsyncIterator[AutopayGateway]:
    service = AutopayService("2", "PLN", keys or (KEY,), kind, address)
    gateway = AutopayGateway(AutopayServices([service]), utc_now, timeout=timedelta(seconds=seconds))
    yield gateway
    await gateway.close()


@pytest.fixture
async def client(remote: tuple[Gateway, str]) -> AsyncIterator[AutopayGateway]:
    async with client_at(remote[1]) as gateway:
        yield gateway


async def fault_of(call: Awaitable[object]) -> PaidcaseError:
    with pytest.raises(PaidcaseError) as fault:
        await call
    assert KEY not in f"{fault.value!r} {fault.value} {fault.value.__cause__!r}"
    return fault.value


def error(name: str) -> str:
    return f"<error><statusCode>1</statusCode><name>{name}</name><description>anna</description></error>"


def refund(client: PaymentGateway, amount: str | None = "123.00") -> Awaitable[None]:
    return client.refund("2", REMOTE, Decimal(amount) if amount else None, "PLN", M)


# --- ordering ---------------------------------------------------------------------------------------------------------


async def test_an_order_posts_the_derived_vector(far: Gateway, client: AutopayGateway) -> None:
    far.says(QUEUED)
    await refund(client)
    assert far.asked[0][:3] == (
        "/settlementapi/transactionRefund",
        "pay-bm",
        "application/x-www-form-urlencoded",
    )
    assert far.form() == {
        "ServiceID": "2",
        "MessageID": M,
        "RemoteID": REMOTE,
        "Amount": "123.00",
        "Currency": "PLN",
        "Hash": "7c3035da557b177002eca6a6ffedf83d6acb33b50719f4b529e735ce1ab6efda",
    }


async def test_the_answer_of_the_derived_vector_is_believed(far: Gateway, client: AutopayGateway) -> None:
    told = "fca0d7a16ce12c38e74979c2666ce4ca9d70edb60adfc785c2f7a74e557c13d1"
    far.tells(
        f"<transactionRefund><serviceID>2</serviceID><messageID>{M}</messageID><hash>{told}</hash></transactionRefund>"
    )
    await refund(client)


async def test_a_refund_of_everything_has_no_amount_at_all(far: Gateway, client: AutopayGateway) -> None:
    far.says(QUEUED)
    await refund(client, None)
    assert "Amount" not in far.form()
    assert far.form()["Hash"] == signature(["2", M, REMOTE, "PLN"])


@pytest.mark.parametrize(
    "name",
    [
        "TRANSACTION_NOT_FOUND",
        "TRANSACTION_NOT_IN_REFUNDABLE_STATUS",
        "TRANSACTION_TOO_OLD_TO_REFUND",
        "PARTIAL_TRANSACTION_REFUNDS_FORBIDDEN",
        "VALIDATION_FAILED",
        "BALANCE_ERROR",
    ],
)
async def test_a_definite_no_is_a_refusal_with_the_gateways_word(
    name: str, far: Gateway, client: AutopayGateway
) -> None:
    far.says(error(name), 406)
    fault = await fault_of(refund(client))
    assert isinstance(fault, Refused)
    assert (fault.code, fault.message) == ("refund_refused", name)


@pytest.mark.parametrize("name", ["INVALID_HASH", "SERVICE_NOT_FOUND", "PARTNER_DISABLED", "BALANCE_DISABLED"])
async def test_what_an_administrator_has_to_cure_is_a_matter_of_settings(
    name: str, far: Gateway, client: AutopayGateway
) -> None:
    far.says(error(name), 406)
    assert isinstance(await fault_of(refund(client)), SettingsFault)


async def test_a_blocked_caller_waits_as_long_as_the_block(far: Gateway, client: AutopayGateway) -> None:
    far.says(error("TEMPORARY_DISABLED"), 406)
    fault = await fault_of(refund(client))
    assert isinstance(fault, Throttled)
    assert fault.retry_after == timedelta(minutes=10)


UNKNOWN = {
    "an error nobody documented": (error("SOMETHING_NEW"), 406),
    "the message id is known": (error("MESSAGE_ID_NOT_UNIQUE"), 406),
    "an error that may pass": (error("ON_DEMAND_ERROR"), 406),
    "about another message": (signed("transactionRefund", (("serviceID", "2"), ("messageID", M[::-1]))), 200),
    "about another service": (signed("transactionRefund", (("serviceID", "3"), ("messageID", M))), 200),
    "another root": (signed("balancePayoff", (("serviceID", "2"), ("messageID", M))), 200),
    "signed by a stranger": (signed("transactionRefund", (("serviceID", "2"), ("messageID", M)), key="x"), 200),
    "not signed": (f"<transactionRefund><serviceID>2</serviceID><messageID>{M}</messageID></transactionRefund>", 200),
    "a page": ("<html><body>Witamy</body></html>", 200),
    "bare word": ("ERROR", 200),
    "cut": (QUEUED[:-9], 200),
    "empty": ("", 200),
    "redirect": ("", 302),
    "server error": (QUEUED, 500),
    "unavailable": ("", 503),
    "more than is ever read": ("<transactionRefund>" + "x" * ANSWER_LIMIT, 200),
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_an_answer_that_proves_nothing_is_unknown(name: str, far: Gateway, client: AutopayGateway) -> None:
    told, status = UNKNOWN[name]
    far.tells(told, status, Location="/elsewhere")
    fault = await fault_of(refund(client))
    assert isinstance(fault, OutcomeUnknown)
    assert fault.code == "gateway_outcome_unknown"
    assert len(far.asked) == 1


@pytest.mark.parametrize("way", ["hang", "reset"])
async def test_a_lost_answer_is_unknown_and_the_order_is_sent_once(way: str, remote: tuple[Gateway, str]) -> None:
    remote[0].answer = getattr(remote[0], way)
    async with client_at(remote[1], seconds=0.5) as hasty:
        assert isinstance(await fault_of(refund(hasty)), OutcomeUnknown)
    assert len(remote[0].asked) == 1


@pytest.mark.parametrize(("named", "pause"), [({"Retry_After": "7"}, 7), ({}, 600)])
async def test_too_many_requests_are_throttled(
    named: dict[str, str], pause: int, far: Gateway, client: AutopayGateway
) -> None:
    far.says("", 429, **named)
    fault = await fault_of(refund(client))
    assert isinstance(fault, Throttled)
    assert fault.retry_after == timedelta(seconds=pause)


async def test_what_no_earlier_check_may_let_through_never_leaves(far: Gateway, client: AutopayGateway) -> None:
    wrong: list[tuple[str, Decimal | None, str, str]] = [
        (REMOTE, Decimal("0.00"), "PLN", M),
        (REMOTE, Decimal("-1"), "PLN", M),
        (REMOTE, Decimal("1.001"), "PLN", M),
        (REMOTE, Decimal("NaN"), "PLN", M),
        (REMOTE, Decimal("1.00"), "EUR", M),
        ("no such|id", Decimal("1.00"), "PLN", M),
        (REMOTE, Decimal("1.00"), "PLN", "short"),
    ]
    for remote_id, amount, currency, message_id in wrong:
        call = client.refund("2", remote_id, amount, currency, message_id)
        assert isinstance(await fault_of(call), InternalFault)
    assert isinstance(await fault_of(client.refund_status("2", "short")), InternalFault)
    assert (await fault_of(client.refund("9", REMOTE, None, "PLN", M))).code == "autopay_disabled"
    assert far.asked == []


# --- progress ---------------------------------------------------------------------------------------------------------


def progress(status: str, out_id: str | None = None, **changes: object) -> dict[str, object]:
    told = [value for value in ("2", M, status, out_id) if value]
    return {
        "serviceId": 2,
        "balancePointId": None,
        "messageId": M,
        "status": status,
        "remoteOutId": out_id,
        "hash": signature(told),
        "errorStatus": None,
        "errorStatusCode": None,
        "errorMessages": None,
        **changes,
    }


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        *(
            (progress(name), RefundProgress(stage=RefundStage.PENDING, reason=name))
            for name in (
                "NEW",
                "WAITING_FOR_TRANSFER_DATA",
                "COMMISSIONS_CALCULATED",
                "FAILED_ATTEMPT_OF_BALANCE_CHANGE",
                "PROCESSING",
                "SOMETHING_NEW",
            )
        ),
        (
            progress("DONE", "ZWTR_6063048773"),
            RefundProgress(stage=RefundStage.DONE, remote_out_id="ZWTR_6063048773"),
        ),
        (progress("DONE"), RefundProgress(stage=RefundStage.DONE)),
        (
            progress("CANCELED_NO_FUNDS_ON_BALANCE"),
            RefundProgress(
                stage=RefundStage.FAILED, reason="CANCELED_NO_FUNDS_ON_BALANCE", retry_with_new_message=True
            ),
        ),
        (
            progress("CANCELED_AMOUNT_EXCEEDS_TRANSACTION"),
            RefundProgress(stage=RefundStage.FAILED, reason="CANCELED_AMOUNT_EXCEEDS_TRANSACTION"),
        ),
        (
            progress("CANCELED_MANUALLY_BY_SERVICES"),
            RefundProgress(stage=RefundStage.FAILED, reason="CANCELED_MANUALLY_BY_SERVICES"),
        ),
        (
            {"errorStatus": "TRANSACTION_NOT_FOUND", "errorStatusCode": -10, "errorMessages": "no such"},
            RefundProgress(stage=RefundStage.ABSENT),
        ),
    ],
    ids=lambda value: value.stage.value if isinstance(value, RefundProgress) else str(value.get("status", "error")),
)
async def test_every_status_has_its_stage(
    told: dict[str, object], expected: RefundProgress, far: Gateway, client: AutopayGateway
) -> None:
    far.tells(told)
    assert await client.refund_status("2", M) == expected


async def test_the_question_is_signed_and_names_the_refund(far: Gateway, client: AutopayGateway) -> None:
    far.tells(progress("NEW"))
    await client.refund_status("2", M)
    path, header, content_type, body = far.asked[0]
    assert (path, header, content_type) == ("/settlementapi/outDetails/v2", "pay-bm", "application/json")
    assert json.loads(body) == {
        "serviceId": 2,
        "messageId": M,
        "method": "TRANSACTION_REFUND",
        "hash": signature(["2", M, "TRANSACTION_REFUND"]),
    }


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (progress("DONE", "OUT1", hash="0" * 64), 200),
        (progress("DONE", "OUT1", hash=None), 200),
        ({**progress("NEW"), "status": "DONE"}, 200),
        (progress("NEW", messageId=M[::-1]), 200),
        ({**progress("NEW"), "serviceId": 3, "hash": signature(["3", M, "NEW"])}, 200),
        (progress("no word"), 200),
        ({"errorStatus": "OTHER_ERROR"}, 200),
        (progress("DONE", "OUT1"), 500),
        ([progress("NEW")], 200),
        ("[" * 100_000, 200),
        ('{"status": NaN}', 200),
        ('{"hash": "a", "hash": "b"}', 200),
        ("\\xff", 200),
        ("", 200),
        ("", 302),
        ("x" * (ANSWER_LIMIT + 1), 200),
    ],
    ids=str,
)
async def test_progress_that_proves_nothing_is_asked_for_again(
    told: object, status: int, far: Gateway, client: AutopayGateway
) -> None:
    far.tells(told, status, Location="/elsewhere")
    assert type(await fault_of(client.refund_status("2", M))) is ConnectivityFault
    assert len(far.asked) == 1


@pytest.mark.parametrize(
    ("told", "status", "kind"),
    [
        ({"errorStatus": "INVALID_HASH"}, 200, SettingsFault),
        ({"errorStatus": "SERVICE_NOT_FOUND"}, 200, SettingsFault),
        ({"errorStatus": "TEMPORARY_DISABLED"}, 200, Throttled),
        ("", 404, SettingsFault),
    ],
)
async def test_progress_that_is_refused_says_who_can_help(
    told: object, status: int, kind: type[PaidcaseError], far: Gateway, client: AutopayGateway
) -> None:
    far.tells(told, status)
    assert type(await fault_of(client.refund_status("2", M))) is kind


@pytest.mark.parametrize("way", ["hang", "reset"])
async def test_a_lost_progress_answer_is_asked_for_again(way: str, remote: tuple[Gateway, str]) -> None:
    remote[0].answer = getattr(remote[0], way)
    async with client_at(remote[1], seconds=0.5) as hasty:
        assert type(await fault_of(hasty.refund_status("2", M))) is ConnectivityFault


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_the_first_key_signs_and_every_key_verifies_refunds_and_progress(remote: tuple[Gateway, str]) -> None:
    far, address = remote
    async with client_at(address, "fresh", KEY) as client:
        far.says(QUEUED)
        await refund(client)
        assert far.form()["Hash"] == signature(["2", M, REMOTE, "123.00", "PLN"], "fresh")
        far.tells(progress("NEW"))
        assert (await client.refund_status("2", M)).stage is RefundStage.PENDING
        assert json.loads(far.asked[-1][3])["hash"] == signature(["2", M, "TRANSACTION_REFUND"], "fresh")
    async with client_at(address, "fresh") as client:
        far.says(QUEUED)
        assert isinstance(await fault_of(refund(client)), OutcomeUnknown)
