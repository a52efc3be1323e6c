"""Instant transaction notifications (ITN) and settlement notifications (ISTN): proved first, understood afterwards.

Guarantee: a signed message whose elements were renamed or moved (a payer's transfer title called paymentStatus) is not
believed, and neither an ITN can be dressed up as the message about a refund nor the other way round. Source: Autopay
online gateway manual, "itn", "istn", "customer-redirect"; what both kinds have in common is in `envelope`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from invoicing.domain.payments import Transaction, TransactionStatus
from invoicing.gateways.autopay import transfers, wire
from invoicing.gateways.autopay.document import Node
from invoicing.gateways.autopay.envelope import confirmation, leading, opened
from invoicing.gateways.autopay.registry import AutopayServices
from invoicing.gateways.autopay.signing import is_signed
from invoicing.ports import GatewayNotification, TransferNotification

RELIED_ON = {
    "orderID": wire.ORDER_ID,
    "remoteID": wire.REMOTE_ID,
    "amount": wire.AMOUNT,
    "currency": wire.CURRENCY,
    "gatewayID": re.compile("[0-9]{1,9}"),
    "paymentDate": re.compile("[0-9]{14}"),
    "paymentStatus": wire.WORD,
}
"""Leading fields of a transaction, in order. No alphabet has the separator, and `gatewayID`, the only one that may be
missing, cannot be taken for a `paymentDate`: so one signed text can be read in one way only."""


class AutopayNotifications:
    """Reads and answers the gateway's messages, as the port `PaymentNotifications` asks for it."""

    def __init__(self, services: AutopayServices) -> None:
        self._services = services

    def read(self, encoded: str) -> GatewayNotification:
        """The form field `transactions` of an ITN. Raises `UnprovenNotification`."""
        message = opened(self._services, encoded)
        transaction = _understood(message.transaction()) if message.proved else None
        if transaction is None:
            raise message.not_believed()
        return GatewayNotification(message.service.service_id, transaction)

    def answer(self, service_id: str, order_id: str, *, confirmed: bool) -> bytes:
        """The signed confirmation of an ITN."""
        return confirmation(self._services, service_id, "orderID", order_id, confirmed=confirmed)

    def read_transfer(self, encoded: str) -> TransferNotification:
        """The form field `transactions` of an ISTN. Raises `UnprovenNotification`, also for an ITN."""
        message = opened(self._services, encoded)
        transfer = transfers.understood(message.transaction()) if message.proved else None
        if transfer is None:
            raise message.not_believed()
        return TransferNotification(message.service.service_id, transfer)

    def answer_transfer(self, service_id: str, remote_out_id: str, *, confirmed: bool) -> bytes:
        """The signed confirmation of an ISTN."""
        return confirmation(self._services, service_id, "remoteOutID", remote_out_id, confirmed=confirmed)

    def return_is_authentic(self, service_id: str, order_id: str, hash_value: str) -> bool:
        """Whether the customer's return address is signed. It says nothing about the payment."""
        service = self._services.find(service_id)
        if service is None or not wire.ORDER_ID.fullmatch(order_id):
            return False
        return is_signed(service, (service_id, order_id), hash_value)


def _understood(node: Node | None) -> Transaction | None:
    """The one transaction of a message whose hash fits."""
    fields = leading(node, RELIED_ON, {"gatewayID"}) if node is not None else None
    if node is None or fields is None or fields["paymentStatus"] not in set(TransactionStatus):
        return None
    return Transaction(
        order_id=fields["orderID"],
        remote_id=fields["remoteID"],
        amount=Decimal(fields["amount"]),
        currency=fields["currency"],
        status=TransactionStatus(fields["paymentStatus"]),
        details=wire.word(node.only("paymentStatusDetails")),
        paid_at=wire.moment(fields["paymentDate"]),
    )
