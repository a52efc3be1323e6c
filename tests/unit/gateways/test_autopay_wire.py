"""Fields of requests, alphabets and times, and the reading of answers."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.payments import TransactionStatus
from invoicing.errors import InternalFault, Refused
from invoicing.gateways.autopay import wire
from invoicing.gateways.autopay.document import DEEPEST, MOST_ELEMENTS, parse
from invoicing.gateways.autopay.registry import AutopayService, HashKind
from invoicing.ports import OpenPayment
from tests.unit.gateways.autopay_messages import (
    KEY,
    SUCCESS,
    Fields,
    changed,
    signature,
    signed,
    transaction_list,
    without,
)

M = "0123456789abcdef0123456789abcdef"
SERVICE = AutopayService("2", "PLN", (KEY,), HashKind.SHA256, "https://testpay.autopay.eu")
PAYMENT = OpenPayment(
    service_id="2",
    order_id="case-2026-0001",
    amount=Decimal("123.00"),
    currency="PLN",
    description="Konsultacja case-2026-0001",
    customer_email="jan@example.com",
    language="pl",
    valid_until=datetime(2026, 1, 15, 11, 15, tzinfo=UTC),
    return_url="https://example.com/return",
)
LINK = "https://testpay.autopay.eu/payment/continue/96VSD39Z6E/L6CGP5BH"
CONTINUE = (("status", "PENDING"), ("redirecturl", LINK), ("orderID", "case-2026-0001"), ("remoteID", "96VSD39Z6E"))


def body(fields: Fields, root: str = "transaction") -> bytes:
    return signed(root, fields).encode()


def test_a_start_has_its_fields_in_hash_order_and_nothing_empty() -> None:
    form = wire.start_form(SERVICE, PAYMENT)
    assert list(form) == [
        *("ServiceID", "OrderID", "Amount", "Description", "Currency", "CustomerEmail", "Language"),
        *("ValidityTime", "LinkValidityTime", "ReturnURL", "Hash"),
    ]
    assert form["ValidityTime"] == form["LinkValidityTime"] == "2026-01-15 12:15:00"
    assert form["Hash"] == signature(list(form.values())[:-1])
    assert "Description" not in wire.start_form(SERVICE, dataclasses.replace(PAYMENT, description=""))


def test_the_derived_start_vector_comes_out_of_the_field_table() -> None:
    values = {
        "ReturnURL": "https://example.com/return",
        "LinkValidityTime": "2026-01-15 12:10:00",
        "ValidityTime": "2026-01-15 12:15:00",
        "CustomerIP": "127.0.0.1",
        "Language": "PL",
        "CustomerEmail": "jan@example.com",
        "Currency": "PLN",
        "GatewayID": "0",
        "Description": "Konsultacja case-2026-0001",
        "Amount": "123.00",
        "OrderID": "case-2026-0001",
        "ServiceID": "2",
        "Nip": "",
    }
    form = wire.signed_form(SERVICE, wire.START_ORDER, values)
    assert form["Hash"] == "bc856f96225b745925c98abcda4c63eda450927464183b1af7a34efcdd502808"


def test_a_field_that_the_request_does_not_have_is_our_fault() -> None:
    with pytest.raises(InternalFault):
        wire.signed_form(SERVICE, wire.STATUS_ORDER, {"ServiceID": "2", "orderID": "x"})


@pytest.mark.parametrize(
    ("utc", "written"),
    [
        (datetime(2026, 7, 1, 10, 0, 5, tzinfo=UTC), "2026-07-01 12:00:05"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "2027-01-01 00:30:00"),
    ],
)
def test_validity_is_written_in_warsaw_time(utc: datetime, written: str) -> None:
    assert wire.start_form(SERVICE, dataclasses.replace(PAYMENT, valid_until=utc))["ValidityTime"] == written


@pytest.mark.parametrize(
    ("ours", "theirs"), [("pl", "PL"), ("en", "EN"), ("fr", "FR"), ("ru", "EN"), ("ar", "EN"), ("PL", "PL")]
)
def test_a_language_that_the_gateway_lacks_becomes_english(ours: str, theirs: str) -> None:
    assert wire.start_form(SERVICE, dataclasses.replace(PAYMENT, language=ours))["Language"] == theirs


@pytest.mark.parametrize(
    ("text", "reduced"),
    [
        ("Konsultacja 2026-000123", "Konsultacja 2026-000123"),
        ("Zażółć gęślą jaźń, ŁÓDŹ", "Zazolc gesla jazn, LODZ"),
        ("a/b #c @d | e", "a b c d e"),
        ("x" * 200, "x" * 79),
        ("y" * 78 + " zz", "y" * 78),
        ("консультация", ""),
    ],
)
def test_a_description_is_reduced_to_the_gateways_alphabet(text: str, reduced: str) -> None:
    assert wire.description(text) == reduced


@given(st.text())
def test_any_description_ends_in_the_alphabet_and_is_stable(text: str) -> None:
    reduced = wire.description(text)
    assert len(reduced) <= 79
    assert set(reduced) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-, ")
    assert wire.description(reduced) == reduced


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": Decimal("1.001")},
        {"amount": Decimal(0)},
        {"amount": Decimal("-1.00")},
        {"amount": Decimal("NaN")},
        {"amount": Decimal("100000000000000.00")},
        {"currency": "EUR"},
        {"service_id": "3"},
        {"order_id": "a b"},
        {"order_id": "x" * 33},
    ],
)
def test_what_earlier_checks_exclude_never_reaches_the_gateway(wrong: dict[str, object]) -> None:
    with pytest.raises(InternalFault):
        wire.start_form(SERVICE, dataclasses.replace(PAYMENT, **wrong))  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("address", ["", "a@", "x" * 250 + "@b.example"])
def test_an_address_that_the_gateway_cannot_take_is_refused_before_anything_leaves(address: str) -> None:
    with pytest.raises(Refused) as fault:
        wire.start_form(SERVICE, dataclasses.replace(PAYMENT, customer_email=address))
    assert fault.value.message == "INVALID_EMAIL"


def test_the_continue_answer_gives_id_and_address() -> None:
    told = wire.read_start(SERVICE, "case-2026-0001", body(CONTINUE))
    assert told == wire.Continued("96VSD39Z6E", LINK)


def test_whitespace_around_address_and_hash_is_stripped_before_hashing() -> None:
    loose = body(CONTINUE).replace(LINK.encode(), b"\n  " + LINK.encode() + b"\n")
    loose = loose.replace(b"<hash>", b"<hash>\n ").replace(b"</hash>", b"\n</hash>")
    assert wire.read_start(SERVICE, "case-2026-0001", loose) == wire.Continued("96VSD39Z6E", LINK)


@pytest.mark.parametrize(
    "fields",
    [
        changed(CONTINUE, orderID="case-2026-0002"),
        changed(CONTINUE, status="SUCCESS"),
        changed(CONTINUE, remoteID="a b"),
        changed(CONTINUE, redirecturl="javascript:alert(1)"),
        changed(CONTINUE, redirecturl="http://testpay.autopay.eu/x"),
        changed(CONTINUE, redirecturl="https://testpay.autopay.eu/x\r\nSet-Cookie: a"),
        without(CONTINUE, "redirecturl"),
        without(CONTINUE, "remoteID"),
        (*CONTINUE, ("orderID", "case-2026-0001")),
        (("orderID", "case-2026-0001"), ("confirmation", "PERHAPS")),
    ],
)
def test_a_signed_start_answer_that_is_not_about_us_is_not_believed(fields: Fields) -> None:
    assert wire.read_start(SERVICE, "case-2026-0001", body(fields)) is None


@pytest.mark.parametrize(
    "spoiled",
    [
        body(CONTINUE).replace(b"</hash>", b"0</hash>"),
        body(CONTINUE).replace(b"96VSD39Z6E", b"96VSD39Z6F"),
        body(CONTINUE, root="other"),
        body(CONTINUE).replace(b"</transaction>", b"<hash>x</hash></transaction>"),
        b"ERROR",
        b"",
        b"<html><body>503</body></html>",
        b"<error><statusCode>7</statusCode><name>not a word</name></error>",
    ],
)
def test_a_start_answer_that_is_not_proved_is_not_believed(spoiled: bytes) -> None:
    assert wire.read_start(SERVICE, "case-2026-0001", spoiled) is None


def test_decisions_and_errors_are_told_apart() -> None:
    confirmed = (("orderID", "case-2026-0001"), ("remoteID", "96VSD39Z6E"), ("confirmation", "CONFIRMED"))
    yes = (*confirmed, ("paymentStatus", "SUCCESS"))
    no = (("orderID", "case-2026-0001"), ("confirmation", "NOTCONFIRMED"), ("reason", "BANK_DISABLED"))
    error = b"<error><statusCode>7</statusCode><name>INVALID_HASH</name><description/></error>"
    assert wire.read_start(SERVICE, "case-2026-0001", body(yes)) == wire.Decided(True, "UNNAMED")
    assert wire.read_start(SERVICE, "case-2026-0001", body(no)) == wire.Decided(False, "BANK_DISABLED")
    assert wire.read_start(SERVICE, "case-2026-0001", error) == wire.ErrorDocument("INVALID_HASH")
    unsigned = body(no).replace(b"</hash>", b"0</hash>")
    assert wire.read_start(SERVICE, "case-2026-0001", unsigned) is None


def test_a_status_answer_lists_every_transaction() -> None:
    failed = changed(SUCCESS, remoteID="OTHER", paymentStatus="FAILURE", paymentStatusDetails="REJECTED")
    answer = transaction_list(SUCCESS, without(failed, "gatewayID", "orderID")).encode()
    told = wire.read_status(SERVICE, "case-2026-0001", answer)
    assert isinstance(told, tuple)
    assert [(item.remote_id, item.status, item.details) for item in told] == [
        ("96VSD39Z7F", TransactionStatus.SUCCESS, "AUTHORIZED"),
        ("OTHER", TransactionStatus.FAILURE, "REJECTED"),
    ]


def test_an_unknown_order_is_a_signed_empty_list_and_an_unsigned_one_is_nothing() -> None:
    assert wire.read_status(SERVICE, "case-2026-0001", transaction_list().encode()) == ()
    assert wire.read_status(SERVICE, "case-2026-0001", transaction_list(told="0" * 64).encode()) is None


def test_a_status_outside_our_contract_waits() -> None:
    told = wire.read_status(
        SERVICE, "case-2026-0001", transaction_list(changed(SUCCESS, paymentStatus="ON_HOLD")).encode()
    )
    assert isinstance(told, tuple)
    assert (told[0].status, told[0].details) == (TransactionStatus.PENDING, "ON_HOLD")


@pytest.mark.parametrize(
    "answer",
    [
        transaction_list(changed(SUCCESS, orderID="another")),
        transaction_list(changed(SUCCESS, amount="many")),
        transaction_list(changed(SUCCESS, currency="zł")),
        transaction_list(without(SUCCESS, "remoteID")),
        transaction_list(without(SUCCESS, "paymentStatus")),
        transaction_list(SUCCESS, service_id="3"),
    ],
)
def test_one_transaction_that_cannot_be_read_spoils_the_whole_status_answer(answer: str) -> None:
    assert wire.read_status(SERVICE, "case-2026-0001", answer.encode()) is None


def test_a_cancel_answer_is_for_our_message_only() -> None:
    fields = (("serviceID", "2"), ("messageID", M), ("confirmation", "CONFIRMED"), ("reason", "CANCELED_FULLY"))
    assert wire.read_cancel(SERVICE, M, body(fields)) == wire.Decided(True, "CANCELED_FULLY")
    assert wire.read_cancel(SERVICE, M[::-1], body(fields)) is None
    assert wire.read_cancel(SERVICE, M, body(changed(fields, confirmation="MAYBE"))) is None
    assert wire.read_cancel(SERVICE, M, b"<error><name>INVALID_HASH</name></error>") == wire.ErrorDocument(
        "INVALID_HASH"
    )
    assert wire.read_cancel(SERVICE, M, b"<") is None


def test_the_size_limit_comes_before_parsing() -> None:
    answer = transaction_list(SUCCESS).encode()
    assert parse(answer, len(answer)) is not None
    assert parse(answer, len(answer) - 1) is None


def test_nesting_is_limited() -> None:
    assert parse(b"<a>" * DEEPEST + b"</a>" * DEEPEST, 1000) is not None
    assert parse(b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1), 1000) is None


def test_the_number_of_elements_is_limited() -> None:
    flood = b"<a>" + b"<b/>" * (MOST_ELEMENTS - 1) + b"</a>"
    assert parse(flood, len(flood)) is not None
    assert parse(flood.replace(b"</a>", b"<b/></a>"), 2 * len(flood)) is None


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise(junk: bytes) -> None:
    for content in (junk, b"<a>" + junk + b"</a>"):
        assert wire.read_start(SERVICE, "x", content) is None
        assert wire.read_status(SERVICE, "x", content) is None
