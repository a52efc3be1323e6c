"""Notifications: what is believed, what is not, and what is answered."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.payments import TransactionStatus
from invoicing.errors import BadNotification
from invoicing.gateways.autopay import notifications as notifications_module
from invoicing.gateways.autopay import transfers
from invoicing.gateways.autopay.envelope import LONGEST, UnprovenNotification
from invoicing.gateways.autopay.notifications import AutopayNotifications
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from tests.unit.gateways.autopay_messages import (
    CUSTOMER,
    KEY,
    SUCCESS,
    TRANSFER,
    changed,
    encoded,
    signature,
    transaction_list,
    without,
)

KQ = "QCBm3N0oFjzQAWsTIVN8mPLK12TW6HU6InSfjvnF"


def receiver(service_id: str = "2", *keys: str, kind: HashKind = HashKind.SHA256) -> AutopayNotifications:
    service = AutopayService(service_id, "PLN", keys or (KEY,), kind, "https://testpay.autopay.eu")
    return AutopayNotifications(AutopayServices([service]))


def rejected(message: str, notifications: AutopayNotifications | None = None) -> UnprovenNotification:
    with pytest.raises(BadNotification) as fault:
        (notifications or receiver()).read(message)
    assert isinstance(fault.value, UnprovenNotification)
    assert fault.value.code == "notification_rejected"
    return fault.value


def test_a_signed_success_with_customer_data_is_understood() -> None:
    message = receiver().read(encoded(transaction_list(SUCCESS, customer=CUSTOMER)))
    assert message.service_id == "2"
    told = message.transaction
    assert (told.order_id, told.remote_id, told.amount, told.currency) == (
        "case-2026-0001",
        "96VSD39Z7F",
        Decimal("123.00"),
        "PLN",
    )
    assert told.status is TransactionStatus.SUCCESS
    assert told.details == "AUTHORIZED"
    assert told.paid_at == datetime(2026, 1, 15, 11, 7, tzinfo=UTC)


def test_the_derived_vector_with_customer_data_is_verified_whole() -> None:
    told = "ad15041c4d6da18f8a43566ec3dbaaef54fe39aa087f16bfc74d2edf8f6848e9"
    assert receiver().read(encoded(transaction_list(SUCCESS, customer=CUSTOMER, told=told.upper())))


def test_the_published_notification_is_verified_and_its_altered_hash_is_not() -> None:
    fields = (
        ("orderID", "123"),
        ("remoteID", "102686"),
        ("amount", "500.00"),
        ("currency", "PLN"),
        ("gatewayID", "106"),
        ("paymentDate", "20200621171238"),
        ("paymentStatus", "SUCCESS"),
        ("paymentStatusDetails", "ACCEPTED"),
    )
    good = "422fbd7c1bbac1eb745b647980dd63c2e8ccf261ea196739ab8043eff8dd4e17"
    published = receiver("123456", KQ)
    message = published.read(encoded(transaction_list(fields, service_id="123456", told=good)))
    assert message.transaction.paid_at == datetime(2020, 6, 21, 15, 12, 38, tzinfo=UTC)
    fault = rejected(encoded(transaction_list(fields, service_id="123456", told="w4ongha6s")), published)
    assert (fault.service_id, fault.order_id) == ("123456", "123")


@pytest.mark.parametrize("left_out", [("paymentStatusDetails",), ("gatewayID",), ("gatewayID", "paymentStatusDetails")])
def test_optional_fields_may_be_missing(left_out: tuple[str, ...]) -> None:
    assert receiver().read(encoded(transaction_list(without(SUCCESS, *left_out)))).transaction.remote_id == "96VSD39Z7F"


def test_an_empty_optional_element_has_no_part_in_the_hash() -> None:
    assert receiver().read(encoded(transaction_list(changed(SUCCESS, gatewayID=""))))


def test_unknown_details_do_not_break_acceptance_and_are_kept_only_when_they_are_a_word() -> None:
    new = changed(SUCCESS, paymentStatusDetails="BRAND_NEW")
    assert receiver().read(encoded(transaction_list(new))).transaction.details == "BRAND_NEW"
    odd = changed(SUCCESS, paymentStatusDetails="<b>Jan</b>")
    assert receiver().read(encoded(transaction_list(odd))).transaction.details is None


def test_a_payment_date_that_is_no_date_is_no_fault() -> None:
    odd = changed(SUCCESS, paymentDate="20261399999999")
    assert receiver().read(encoded(transaction_list(odd))).transaction.paid_at is None


def test_spaces_and_line_breaks_of_transport_are_repaired() -> None:
    # This title has a "+" in its Base64.
    fields = (*SUCCESS, ("title", "~~~>>>???ÿÿÿ"))
    message = encoded(transaction_list(fields))
    assert "+" in message
    broken = "\r\n".join(message[start : start + 76] for start in range(0, len(message), 76)).replace("+", " ")
    assert receiver().read(broken).transaction.order_id == "case-2026-0001"


@pytest.mark.parametrize("key", ["fresh", "old"])
def test_every_key_of_the_ring_verifies(key: str) -> None:
    assert receiver("2", "fresh", "old").read(encoded(transaction_list(SUCCESS, key=key)))


def test_an_unknown_key_proves_nothing() -> None:
    fault = rejected(encoded(transaction_list(SUCCESS, key="somebody else's")))
    assert (fault.service_id, fault.order_id) == ("2", "case-2026-0001")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "nope",
        "PD94bWwgdmVyc2lvbj0iMS4wIiBlbmNvZGluZz0iVVRGLTgiP",
        "ż",
        "\udc80",
        "AAAA=AAA",
        encoded("<transactionList/>"),
        encoded("not xml"),
        base64.b64encode(b"\xff\xfe\x00<").decode(),
    ],
)
def test_what_is_no_document_is_rejected_without_ids(message: str) -> None:
    fault = rejected(message)
    assert (fault.service_id, fault.order_id) == (None, None)


BOMB = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("prologue", [BOMB, EXTERNAL, "<!DOCTYPE transactionList>"])
def test_documents_with_a_dtd_are_not_read_at_all(prologue: str) -> None:
    _, _, rest = transaction_list(SUCCESS).partition("?>")
    fault = rejected(encoded(prologue + rest.replace("AUTHORIZED", "&a;")))
    assert fault.service_id is None


def test_a_message_beyond_the_size_limit_is_rejected_before_it_is_decoded() -> None:
    assert "too large" in str(rejected("A" * (LONGEST + 1)))
    assert "not Base64" in str(rejected("!" * LONGEST))


def test_deep_nesting_is_not_read() -> None:
    assert rejected(encoded("<a>" * 5000 + "</a>" * 5000)).service_id is None


def test_a_service_that_is_not_ours_gets_no_signed_answer() -> None:
    fault = rejected(encoded(transaction_list(SUCCESS, service_id="77")))
    assert fault.service_id is None


@pytest.mark.parametrize("order_id", ["case 1", "case/1", "x" * 33, "sprawa-ż", "a|b"])
def test_an_order_id_outside_the_alphabet_is_not_kept_for_the_answer(order_id: str) -> None:
    fault = rejected(encoded(transaction_list(changed(SUCCESS, orderID=order_id))))
    assert (fault.service_id, fault.order_id) == ("2", None)


MEANINGLESS = {
    "no transaction": transaction_list(),
    "two transactions": transaction_list(SUCCESS, SUCCESS),
    "unknown status": transaction_list(changed(SUCCESS, paymentStatus="ON_HOLD")),
    "status of another case": transaction_list(changed(SUCCESS, paymentStatus="success")),
    "amount in words": transaction_list(changed(SUCCESS, amount="1e3")),
    "negative amount": transaction_list(changed(SUCCESS, amount="-1.00")),
    "amount with three decimals": transaction_list(changed(SUCCESS, amount="1.001")),
    "no currency": transaction_list(without(SUCCESS, "currency")),
    "no remote id": transaction_list(without(SUCCESS, "remoteID")),
    "a field twice": transaction_list((*SUCCESS, ("paymentStatus", "FAILURE"))),
    "separator in the remote id": transaction_list(changed(SUCCESS, remoteID="A|B")),
    "another order of fields": transaction_list(tuple(reversed(SUCCESS))),
    "fields before ours": transaction_list((("title", "x"), *SUCCESS)),
    "another root": transaction_list(SUCCESS).replace("transactionList", "transactionBasket"),
}


@pytest.mark.parametrize("name", MEANINGLESS)
def test_a_signed_message_without_one_clear_meaning_is_rejected(name: str) -> None:
    assert rejected(encoded(MEANINGLESS[name])).service_id == "2"


def test_renaming_elements_of_a_signed_message_does_not_change_its_meaning() -> None:
    # The hash covers values only: here a failure whose transfer title says SUCCESS is dressed up as a success.
    failed = (*changed(without(SUCCESS, "paymentStatusDetails"), paymentStatus="FAILURE"), ("title", "SUCCESS"))
    assert receiver().read(encoded(transaction_list(failed))).transaction.status is TransactionStatus.FAILURE
    renamed = transaction_list(failed)
    renamed = renamed.replace("paymentStatus>", "paymentStatusDetails>").replace("title>", "paymentStatus>")
    fault = rejected(encoded(renamed))
    assert "meaning" in str(fault)


def test_values_moved_over_the_border_of_two_fields_are_rejected() -> None:
    moved = transaction_list(SUCCESS).replace(
        "<remoteID>96VSD39Z7F</remoteID><amount>123.00</amount>", "<remoteID>96VSD39Z7F|123.00</remoteID><amount/>"
    )
    assert "meaning" in str(rejected(encoded(moved)))


def test_text_beside_elements_is_never_skipped() -> None:
    assert rejected(encoded(transaction_list(SUCCESS).replace("<orderID>", "stray<orderID>"))).service_id is None


LEAVES = [text for _, text in (*SUCCESS, *CUSTOMER)]


@given(st.integers(0, len(LEAVES) - 1), st.text("ABCabc0189.", min_size=1, max_size=8))
def test_altering_any_leaf_of_a_signed_message_makes_it_bad(index: int, other: str) -> None:
    fields = [*SUCCESS, *CUSTOMER]
    name, text = fields[index]
    if other == text:
        return
    fields[index] = (name, other)
    told = signature(["2", *LEAVES])
    altered = transaction_list(fields[: len(SUCCESS)], customer=fields[len(SUCCESS) :], told=told)
    assert "hash" in str(rejected(encoded(altered)))


@pytest.mark.parametrize(
    ("confirmed", "told"),
    [
        (True, "c9bf2386f7ae573b96b880666b0977d1822842318904e84e5c9a1b8c7bf33f24"),
        (False, "f153642309e07f3437df5e3e132694837fc754281f17f8b6b0493318a731fbd3"),
    ],
)
def test_the_answer_is_the_signed_confirmation_document(confirmed: bool, told: str) -> None:
    verdict = "CONFIRMED" if confirmed else "NOTCONFIRMED"
    expected = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<confirmationList><serviceID>2</serviceID><transactionsConfirmations><transactionConfirmed>"
        f"<orderID>case-2026-0001</orderID><confirmation>{verdict}</confirmation>"
        f"</transactionConfirmed></transactionsConfirmations><hash>{told}</hash></confirmationList>"
    )
    assert receiver().answer("2", "case-2026-0001", confirmed=confirmed) == expected.encode()


def test_the_order_id_is_echoed_as_it_came() -> None:
    root = ElementTree.fromstring(receiver().answer("2", "a<&>ż 1", confirmed=False))  # noqa: S314  # our own bytes
    assert root.findtext(".//orderID") == "a<&>ż 1"
    assert root.findtext("hash") == signature(["2", "a<&>ż 1", "NOTCONFIRMED"])


@pytest.mark.parametrize(("service_id", "order_id"), [("77", "case-1"), ("2", ""), ("2", "a\nb"), ("2", "a|b")])
def test_nothing_is_signed_for_strangers_or_for_ids_that_cannot_be_written(service_id: str, order_id: str) -> None:
    with pytest.raises(BadNotification):
        receiver().answer(service_id, order_id, confirmed=False)


def test_the_return_address_is_believed_only_with_our_signature() -> None:
    published = "254eac9980db56f425acf8a9df715cbd6f56de3c410b05f05016630f7d30a4ed"
    assert receiver().return_is_authentic("2", "100", published)
    assert not receiver().return_is_authentic("2", "101", published)
    assert not receiver().return_is_authentic("3", "100", published)
    # The hash of "2|100" also fits one field "2|100": ids outside the alphabet are not compared at all.
    assert not receiver().return_is_authentic("2", "100|x", signature(["2", "100|x"]))


@pytest.mark.parametrize("reading", ["read", "read_transfer"])
@pytest.mark.parametrize("key", ["fresh", "old"])
def test_every_key_and_the_longer_digest_verify_both_kinds_of_notification(reading: str, key: str) -> None:
    fields = TRANSFER if reading == "read_transfer" else SUCCESS
    told = hashlib.sha512("|".join(["2", *(text for _, text in fields), key]).encode()).hexdigest()
    notifications = receiver("2", "fresh", "old", kind=HashKind.SHA512)
    assert getattr(notifications, reading)(encoded(transaction_list(fields, told=told)))
    with pytest.raises(BadNotification):
        getattr(notifications, reading)(encoded(transaction_list(fields, key=key)))


def test_meaning_is_looked_at_only_after_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    for module, name in ((notifications_module, "_understood"), (transfers, "understood")):
        monkeypatch.setattr(module, name, lambda _node: looked.append("looked"))
    for message in (encoded(transaction_list(SUCCESS, key="x")), encoded(transaction_list(TRANSFER, key="x"))):
        for reading in (receiver().read, receiver().read_transfer):
            with pytest.raises(BadNotification, match="hash"):
                reading(message)
    assert looked == []


def test_hashes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return first == second

    monkeypatch.setattr("invoicing.gateways.autopay.signing.hmac.compare_digest", compare)
    assert receiver("2", KEY, "second", "third").read(encoded(transaction_list(SUCCESS)))
    # every key is tried although the first one fits, and always against the same received hash
    assert len(compared) == 3
    assert len({received for _, received in compared}) == 1


def test_errors_carry_neither_keys_nor_content() -> None:
    for message in (transaction_list(SUCCESS, customer=CUSTOMER, key="x"), MEANINGLESS["unknown status"]):
        fault = rejected(encoded(message))
        text = f"{fault!r} {fault} {fault.__cause__!r}"
        assert not any(secret in text for secret in (KEY, "Kowalski", "96VSD39Z7F", "ON_HOLD"))
