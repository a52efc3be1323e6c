"""Settlement notifications (ISTN): money that the gateway pays out, and what must not be taken for it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from invoicing.domain.refunds import TransferStatus
from invoicing.errors import BadNotification
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


def receiver() -> AutopayNotifications:
    service = AutopayService("2", "PLN", (KEY,), HashKind.SHA256, "https://testpay.autopay.eu")
    return AutopayNotifications(AutopayServices([service]))


RECEIVER = (("title", "Zwrot"), ("receiverNRB", "26105014451000002276470461"), ("receiverName", "Jan Kowalski"))


def transfer_of(*changes: tuple[str, str], left_out: tuple[str, ...] = ()) -> str:
    fields = changed(without((*TRANSFER, *RECEIVER), *left_out), **dict(changes))
    return encoded(transaction_list(fields))


def test_a_refund_is_told_by_a_settlement_notification() -> None:
    message = receiver().read_transfer(transfer_of())
    told = message.transfer
    assert message.service_id == "2"
    assert (told.is_refund, told.remote_id, told.remote_out_id) == (True, "96VSD39Z7F", "ZWTR_6063048773")
    assert (told.amount, told.currency, told.status) == (Decimal("23.00"), "PLN", TransferStatus.SUCCESS)
    assert (told.order_id, told.details) == ("case-2026-0001", "CONFIRMED")
    assert told.transferred_at == datetime(2026, 1, 15, 11, 7, tzinfo=UTC)


@pytest.mark.parametrize("status", ["PENDING", "SUCCESS", "FAILURE"])
def test_a_transfer_has_three_statuses_and_a_date_only_sometimes(status: str) -> None:
    told = receiver().read_transfer(transfer_of(("transferStatus", status), left_out=("transferDate",))).transfer
    assert (told.status.value, told.transferred_at) == (status, None)


def test_a_settlement_is_no_refund() -> None:
    assert not receiver().read_transfer(transfer_of(("isRefund", "false"))).transfer.is_refund
    bare = receiver().read_transfer(transfer_of(left_out=("isRefund", "orderID", "remoteID"))).transfer
    assert (bare.is_refund, bare.remote_id, bare.order_id) == (False, None, None)


def test_a_transfer_without_an_id_of_its_own_cannot_be_answered() -> None:
    with pytest.raises(BadNotification) as fault:
        receiver().read_transfer(transfer_of(left_out=("remoteOutID",)))
    assert (fault.value.service_id, fault.value.remote_out_id) == ("2", None)


def test_a_payment_is_no_transfer_and_a_transfer_no_payment() -> None:
    with pytest.raises(BadNotification):
        receiver().read_transfer(encoded(transaction_list(SUCCESS, customer=CUSTOMER)))
    with pytest.raises(BadNotification) as fault:
        receiver().read(transfer_of())
    assert fault.value.order_id == "case-2026-0001"


def test_a_payment_dressed_up_as_a_refund_is_not_taken_for_one() -> None:
    # The same signed values under the names of a transfer: it may be read, but never as money going back.
    names = {"remoteID": "remoteOutID", "paymentDate": "transferDate", "paymentStatus": "transferStatus"}
    document = transaction_list(without(SUCCESS, "gatewayID", "paymentStatusDetails"))
    for name, other in names.items():
        document = document.replace(f"{name}>", f"{other}>")
    assert not receiver().read_transfer(encoded(document)).transfer.is_refund
    with pytest.raises(BadNotification):
        receiver().read_transfer(encoded(document.replace("orderID>", "isRefund>")))


TRANSFER_JUNK = {
    "another hash": encoded(transaction_list(TRANSFER, key="somebody else's")),
    "an unknown status": transfer_of(("transferStatus", "DONE")),
    "refund in words": transfer_of(("isRefund", "yes")),
    "a negative amount": transfer_of(("amount", "-23.00")),
    "no amount": transfer_of(left_out=("amount",)),
    "no currency": transfer_of(left_out=("currency",)),
    "another order of fields": encoded(transaction_list(tuple(reversed(TRANSFER)))),
    "two transfers": encoded(transaction_list(TRANSFER, TRANSFER)),
    "a status twice": encoded(transaction_list((*TRANSFER, ("transferStatus", "FAILURE")))),
}


@pytest.mark.parametrize("name", TRANSFER_JUNK)
def test_a_transfer_without_one_clear_meaning_is_rejected(name: str) -> None:
    with pytest.raises(BadNotification) as fault:
        receiver().read_transfer(TRANSFER_JUNK[name])
    assert fault.value.code == "notification_rejected"
    assert fault.value.service_id == "2"


def test_a_failed_transfer_whose_title_says_success_stays_failed() -> None:
    fields = (*changed(without(TRANSFER, "transferStatusDetails"), transferStatus="FAILURE"), ("title", "SUCCESS"))
    document = transaction_list(fields)
    assert receiver().read_transfer(encoded(document)).transfer.status is TransferStatus.FAILURE
    renamed = document.replace("transferStatus>", "transferStatusDetails>").replace("title>", "transferStatus>")
    with pytest.raises(BadNotification):
        receiver().read_transfer(encoded(renamed))


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_transfer_is_confirmed_by_its_own_id(confirmed: bool) -> None:
    verdict = "CONFIRMED" if confirmed else "NOTCONFIRMED"
    root = ElementTree.fromstring(receiver().answer_transfer("2", "ZWTR_1", confirmed=confirmed))  # noqa: S314  # ours
    inner = "transactionsConfirmations/transactionConfirmed/"
    assert [root.findtext(inner + name) for name in ("remoteOutID", "orderID", "confirmation")] == [
        "ZWTR_1",
        None,
        verdict,
    ]
    assert root.findtext("hash") == signature(["2", "ZWTR_1", verdict])
