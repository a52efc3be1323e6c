"""Every way in which the gateway can answer, or not, and what each of them proves."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web

from invoicing.errors import (
    ConnectivityFault,
    InternalFault,
    OutcomeUnknown,
    Refused,
    SettingsFault,
    Throttled,
)
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.document import ANSWER_LIMIT
from invoicing.ports import PaymentGateway
from tests.contract.gateways.far_autopay import CONTINUE, OPENED, ORDER, PAYMENT, Gateway, M, client_at, fault_of
from tests.contract.gateways.far_server import refusing, served
from tests.unit.gateways.autopay_messages import SUCCESS, changed, signature, signed, transaction_list


@pytest.fixture
async def remote() -> AsyncIterator[tuple[Gateway, str]]:
    gateway = Gateway()
    async with served(gateway.handle) as address:
        yield gateway, address


@pytest.fixture
def far(remote: tuple[Gateway, str]) -> Gateway:
    return remote[0]


@pytest.fixture
async def client(remote: tuple[Gateway, str]) -> AsyncIterator[AutopayGateway]:
    gateway = client_at(remote[1])
    yield gateway
    await gateway.close()


@pytest.fixture
async def hasty(remote: tuple[Gateway, str]) -> AsyncIterator[AutopayGateway]:
    """A client that gives up soon; for answers that never come."""
    gateway = client_at(remote[1], timeout=timedelta(seconds=0.5))
    yield gateway
    await gateway.close()


def no(reason: str) -> str:
    return signed("transaction", (("orderID", ORDER), ("confirmation", "NOTCONFIRMED"), ("reason", reason)))


def error(name: str) -> str:
    return f"<error><statusCode>1</statusCode><name>{name}</name><description>anna</description></error>"


def test_the_client_is_a_payment_gateway() -> None:
    gateway: PaymentGateway = client_at("http://127.0.0.1:1")
    assert gateway.currencies == {"PLN"}
    assert gateway.service_for("PLN") == "2"
    with pytest.raises(SettingsFault) as fault:
        gateway.service_for("EUR")
    assert fault.value.code == "autopay_disabled"


async def test_a_start_posts_the_signed_form_once_and_gives_the_address(far: Gateway, client: AutopayGateway) -> None:
    far.says(signed("transaction", CONTINUE))
    assert await client.open(PAYMENT) == OPENED
    ((path, header, form, content_type),) = far.asked
    assert (path, header) == ("/payment", "pay-bm-continue-transaction-url")
    assert content_type == "application/x-www-form-urlencoded"
    assert form["CustomerEmail"] == PAYMENT.customer_email
    assert form["ReturnURL"] == PAYMENT.return_url
    assert form.pop("Hash") == signature(list(form.values()))


async def test_the_connection_is_used_again(far: Gateway, client: AutopayGateway) -> None:
    far.says(signed("transaction", CONTINUE))
    for _ in range(3):
        await client.open(PAYMENT)
    assert len(far.ports) == 1


async def test_a_closed_client_opens_a_new_session(far: Gateway, client: AutopayGateway) -> None:
    far.says(signed("transaction", CONTINUE))
    await client.open(PAYMENT)
    await client.close()
    await client.close()
    assert await client.open(PAYMENT) == OPENED


UNKNOWN_ANSWERS = {
    "server error": ("<html>500</html>", 500),
    "server error with a good answer's shape": (no("BANK_DISABLED"), 502),
    "unavailable": ("", 503),
    "too many requests": ("ERROR", 429),
    "request time-out": ("", 408),
    "redirect": ("", 302),
    "forbidden": ("<html>403</html>", 403),
    "bare word": ("ERROR", 200),
    "page": ("<html><body>Witamy</body></html>", 200),
    "empty": ("", 200),
    "cut": ("<transaction><status>PENDI", 200),
    "altered": (signed("transaction", CONTINUE).replace("96VSD39Z6E</remoteID>", "96VSD39Z6F</remoteID>"), 200),
    "signed by another key": (signed("transaction", CONTINUE, key="other"), 200),
    "refusal with a bad hash": (no("BANK_DISABLED").replace("BANK_DISABLED", "INVALID_EMAIL"), 200),
    "refusal without a hash": (no("BANK_DISABLED").split("<hash>")[0] + "</transaction>", 200),
    "about another order": (signed("transaction", changed(CONTINUE, orderID="case-2")), 200),
    "order exists already": (no("MULTIPLY_TRANSACTION"), 200),
    "order is paid already": (error("BLOCK_PAID_TRANSACTIONS"), 406),
    "error inside the gateway": (error("INTERNAL_SERVER_ERROR"), 406),
    "error nobody documented": (error("SOMETHING_NEW"), 406),
    "accepted without an address": (
        signed(
            "transaction",
            (
                ("orderID", ORDER),
                ("remoteID", "96VSD39Z6E"),
                ("confirmation", "CONFIRMED"),
                ("paymentStatus", "SUCCESS"),
            ),
        ),
        200,
    ),
    "more than is ever read": ("<transaction>" + "x" * ANSWER_LIMIT, 200),
}


@pytest.mark.parametrize("name", UNKNOWN_ANSWERS)
async def test_a_start_whose_answer_proves_nothing_is_unknown(name: str, far: Gateway, client: AutopayGateway) -> None:
    text, status = UNKNOWN_ANSWERS[name]
    far.says(text, status, Retry_After="7")
    fault = await fault_of(client.open(PAYMENT))
    assert isinstance(fault, OutcomeUnknown)
    assert fault.code == "gateway_outcome_unknown"
    assert len(far.asked) == 1


@pytest.mark.parametrize("way", ["hang", "reset", "half"])
async def test_a_start_whose_answer_is_lost_is_unknown_and_not_sent_again(
    way: str, far: Gateway, hasty: AutopayGateway
) -> None:
    far.answer = getattr(far, way)
    fault = await fault_of(hasty.open(PAYMENT))
    assert isinstance(fault, OutcomeUnknown)
    assert len(far.asked) == 1


async def test_a_start_lost_on_a_reused_connection_is_unknown_and_not_sent_again(
    far: Gateway, client: AutopayGateway
) -> None:
    far.says(signed("transaction", CONTINUE))
    await client.open(PAYMENT)
    far.answer = far.reset
    assert isinstance(await fault_of(client.open(PAYMENT)), OutcomeUnknown)
    assert len(far.asked) == 2
    assert len(far.ports) == 1


async def test_a_redirect_is_not_followed(far: Gateway, client: AutopayGateway) -> None:
    far.says("", 307, Location="/elsewhere")
    assert isinstance(await fault_of(client.open(PAYMENT)), OutcomeUnknown)
    assert [path for path, *_ in far.asked] == ["/payment"]


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        (no("BANK_DISABLED"), 200, "BANK_DISABLED"),
        (no("a reason that is no word"), 200, "UNNAMED"),
        (error("INVALID_FORMAT"), 406, "INVALID_FORMAT"),
        (error("INVALID_EMAIL"), 200, "INVALID_EMAIL"),
    ],
)
async def test_a_definite_no_is_a_refusal_that_names_its_reason(
    text: str, status: int, reason: str, far: Gateway, client: AutopayGateway
) -> None:
    far.says(text, status)
    fault = await fault_of(client.open(PAYMENT))
    assert isinstance(fault, Refused)
    assert (fault.code, fault.message) == ("payment_refused", reason)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (error("INVALID_HASH"), 406),
        (error("SERVICE_NOT_FOUND"), 406),
        (no("INVALID_HASH"), 200),
        ("<html>404</html>", 404),
        ("", 405),
    ],
)
async def test_a_wrong_key_service_or_path_is_a_matter_of_settings(
    text: str, status: int, far: Gateway, client: AutopayGateway
) -> None:
    far.says(text, status)
    for call in (client.open(PAYMENT), client.status("2", ORDER), client.cancel("2", ORDER, M)):
        if "NOTCONFIRMED" in text and far.asked:
            call.close()  # only a start is refused by this shape
            continue
        fault = await fault_of(call)
        assert isinstance(fault, SettingsFault)
        assert fault.code == "gateway_settings"


async def test_a_refused_connection_proves_that_nothing_happened() -> None:
    with refusing() as address:
        gateway = client_at(address)
        for call in (gateway.open(PAYMENT), gateway.status("2", ORDER), gateway.cancel("2", ORDER, M)):
            fault = await fault_of(call)
            assert type(fault) is ConnectivityFault
            assert fault.code == "gateway_unreachable"
        await gateway.close()


@pytest.mark.parametrize("which", ["timeout", "connect_timeout"])
async def test_a_connection_that_is_never_made_proves_that_nothing_happened(which: str) -> None:
    # With TLS wanted, a peer that accepts and says nothing keeps the connection from being made.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"https://127.0.0.1:{silent.getsockname()[1]}"
        gateway = client_at(address, **{which: timedelta(seconds=0.2)})
        fault = await fault_of(gateway.open(PAYMENT))
        assert type(fault) is ConnectivityFault
        await gateway.close()


async def test_a_name_that_does_not_resolve_proves_that_nothing_happened() -> None:
    gateway = client_at("http://gateway.invalid", timeout=timedelta(seconds=5))
    assert type(await fault_of(gateway.open(PAYMENT))) is ConnectivityFault
    await gateway.close()


async def test_the_status_of_an_order_is_all_its_transactions(far: Gateway, client: AutopayGateway) -> None:
    far.says(transaction_list(changed(SUCCESS, paymentStatus="FAILURE", remoteID="OLD"), SUCCESS))
    told = await client.status("2", ORDER)
    assert [(item.remote_id, item.status.value) for item in told] == [("OLD", "FAILURE"), ("96VSD39Z7F", "SUCCESS")]
    ((path, header, form, _),) = far.asked
    assert (path, header) == ("/webapi/transactionStatus", "pay-bm")
    assert form == {
        "ServiceID": "2",
        "OrderID": ORDER,
        "Hash": "31b81d30836064b8b9d1af6d729da0cc6b17e9553e280a4ca9b72646ad3e4c49",
    }


@pytest.mark.parametrize(("text", "status"), [(transaction_list(), 200), (error("TRANSACTION_NOT_FOUND"), 406)])
async def test_an_unknown_order_has_no_transactions(
    text: str, status: int, far: Gateway, client: AutopayGateway
) -> None:
    far.says(text, status)
    assert await client.status("2", ORDER) == ()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("ERROR", 200),
        ("", 200),
        ("<html/>", 500),
        ("", 302),
        (transaction_list(told="0" * 64), 200),
        (transaction_list(SUCCESS).replace("SUCCESS", "FAILURE"), 200),
        (transaction_list(SUCCESS), 500),
        (error("OTHER_ERROR"), 406),
        ("", 503),
    ],
)
async def test_a_status_answer_that_proves_nothing_is_asked_for_again_and_never_empty(
    text: str, status: int, far: Gateway, client: AutopayGateway
) -> None:
    far.says(text, status)
    assert type(await fault_of(client.status("2", ORDER))) is ConnectivityFault


@pytest.mark.parametrize("way", ["hang", "reset", "half"])
async def test_a_lost_status_answer_is_asked_for_again(way: str, far: Gateway, hasty: AutopayGateway) -> None:
    far.answer = getattr(far, way)
    assert type(await fault_of(hasty.status("2", ORDER))) is ConnectivityFault


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("named", "pause"),
    [
        ("7", timedelta(seconds=7)),
        ("Sun, 22 Nov 2026 10:02:00 GMT", timedelta(minutes=2)),
        ("Sun, 22 Nov 2026 09:00:00 GMT", timedelta(0)),
        ("999999999", timedelta(hours=6)),
    ],
)
async def test_a_named_pause_is_carried_by_calls_that_may_be_repeated(
    status: int, named: str, pause: timedelta, far: Gateway, client: AutopayGateway
) -> None:
    far.says("", status, Retry_After=named)
    for call in (client.status("2", ORDER), client.cancel("2", ORDER, M)):
        fault = await fault_of(call)
        assert isinstance(fault, Throttled)
        assert fault.retry_after == pause


async def test_a_pause_that_cannot_be_read_is_no_pause(far: Gateway, client: AutopayGateway) -> None:
    far.says("", 429, Retry_After="soon")
    assert type(await fault_of(client.status("2", ORDER))) is ConnectivityFault


async def test_too_many_transactions_of_an_order_are_a_limit_and_not_an_empty_list(
    far: Gateway, client: AutopayGateway
) -> None:
    reason = "LIMIT_REQUESTED_TRANSACTIONS_WITH_THE_SAME_ORDER_ID_AND_SERVICE_ID_EXCEEDED"
    far.says(f"<transaction><reason>{reason}</reason><description/></transaction>", 403)
    fault = await fault_of(client.status("2", ORDER))
    assert isinstance(fault, Throttled)
    assert fault.message == reason


def cancelled(verdict: str, reason: str, message_id: str = M) -> str:
    told = (("serviceID", "2"), ("messageID", message_id), ("confirmation", verdict), ("reason", reason))
    return signed("transaction", told)


@pytest.mark.parametrize(
    ("text", "done"),
    [
        (cancelled("CONFIRMED", "CANCELED_FULLY"), True),
        (cancelled("NOTCONFIRMED", "INCORRECT_PAYMENT_STATUS"), False),
        (cancelled("NOTCONFIRMED", "TRANSACTION_NOT_FOUND"), False),
        (error("TRANSACTION_NOT_FOUND"), False),
    ],
)
async def test_a_cancel_says_whether_it_was_done(text: str, done: bool, far: Gateway, client: AutopayGateway) -> None:
    far.says(text)
    assert await client.cancel("2", ORDER, M) is done
    ((path, header, form, _),) = far.asked
    assert (path, header) == ("/webapi/transactionCancel", "pay-bm")
    assert form.pop("Hash") == "cac0f079f8e0dbc75fc87b813952a7195575c65a868064855a5a4a9c22f95903"
    assert form == {"ServiceID": "2", "MessageID": M, "OrderID": ORDER}


@pytest.mark.parametrize(
    "text",
    [
        cancelled("CONFIRMED", "CANCELED_FULLY", M[::-1]),
        cancelled("NOTCONFIRMED", "OTHER_ERROR").replace("NOTCONFIRMED", "CONFIRMED"),
        error("OTHER_ERROR"),
        "ERROR",
    ],
)
async def test_a_cancel_answer_that_proves_nothing_is_unknown(text: str, far: Gateway, client: AutopayGateway) -> None:
    far.says(text)
    assert isinstance(await fault_of(client.cancel("2", ORDER, M)), OutcomeUnknown)


@pytest.mark.parametrize("way", ["hang", "reset", "half"])
async def test_a_lost_cancel_answer_is_unknown(way: str, far: Gateway, hasty: AutopayGateway) -> None:
    far.answer = getattr(far, way)
    assert isinstance(await fault_of(hasty.cancel("2", ORDER, M)), OutcomeUnknown)


async def test_ids_of_ours_that_are_wrong_never_leave(far: Gateway, client: AutopayGateway) -> None:
    for call in (client.status("2", "a b"), client.cancel("2", "a b", M), client.cancel("2", ORDER, "short")):
        assert isinstance(await fault_of(call), InternalFault)
    unknown = dataclasses.replace(PAYMENT, service_id="9")
    assert (await fault_of(client.open(unknown))).code == "autopay_disabled"
    assert (await fault_of(client.status("9", ORDER))).code == "autopay_disabled"
    assert far.asked == []


async def test_cookies_of_the_gateway_are_not_kept(far: Gateway, client: AutopayGateway) -> None:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        return web.Response(text=transaction_list(), headers={"Set-Cookie": "a=b; Path=/"})

    far.answer = answer
    await client.status("2", ORDER)
    await client.status("2", ORDER)
    assert seen == [None, None]
