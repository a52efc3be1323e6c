"""Instant transaction notifications: proved first, understood afterwards.

Guarantee: no meaning is read before the hash over all leaves fits. The hash signs values and not names, so the fields
we rely on must be the first ones, in the manual's order and each in its own alphabet: a signed message whose elements
were renamed or moved (a payer's transfer title called paymentStatus) is not believed. Nothing of a message is echoed
but ids of ours in their alphabet. Source: Autopay online gateway manual, "itn", "hashing", "customer-redirect".
"""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from xml.sax.saxutils import escape

from invoicing.domain.payments import Transaction, TransactionStatus
from invoicing.errors import BadNotification
from invoicing.gateways.autopay import wire
from invoicing.gateways.autopay.document import Document, Node, parse
from invoicing.gateways.autopay.services import AutopayService, AutopayServices
from invoicing.gateways.autopay.signing import SEPARATOR, is_signed, sign
from invoicing.ports import GatewayNotification

LONGEST = 32 * 1024
"""Characters of an encoded message; real ones have two to four thousand."""

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


class UnprovenNotification(BadNotification):
    """A message that is not believed. The ids are set only when the signed NOTCONFIRMED answer may echo them."""

    def __init__(self, message: str, *, service_id: str | None = None, order_id: str | None = None) -> None:
        super().__init__("notification_rejected", message)
        self.service_id = service_id
        self.order_id = order_id


class AutopayNotifications:
    """Reads and answers the gateway's messages, as the port `PaymentNotifications` asks for it."""

    def __init__(self, services: AutopayServices) -> None:
        self._services = services

    def read(self, encoded: str) -> GatewayNotification:
        """The form field `transactions`, decoded, verified and understood. Raises `UnprovenNotification`."""
        document = parse(_decoded(encoded), LONGEST)
        if document is None:
            raise UnprovenNotification("the message is not a document that may be read")
        service = self._services.find(document.root.only("serviceID") or "")
        if service is None:
            raise UnprovenNotification("the message names no service of ours")
        found = document.root.all("transaction")
        told = found[0].only("orderID") if len(found) == 1 else None
        order_id = told if told and wire.ORDER_ID.fullmatch(told) else None
        if document.hash is None or not is_signed(service, document.values(), document.hash):
            raise UnprovenNotification("the hash does not fit", service_id=service.service_id, order_id=order_id)
        transaction = _understood(document, service)
        if transaction is None:
            raise UnprovenNotification("the meaning is unclear", service_id=service.service_id, order_id=order_id)
        return GatewayNotification(service.service_id, transaction)

    def answer(self, service_id: str, order_id: str, *, confirmed: bool) -> bytes:
        """The signed confirmation; the order id goes back byte for byte."""
        service = self._services.find(service_id)
        if service is None:
            raise UnprovenNotification("no answer can be signed for this service")
        if not order_id or not order_id.isprintable() or SEPARATOR in order_id:
            raise UnprovenNotification("no answer can be signed for this order id", service_id=service_id)
        verdict = "CONFIRMED" if confirmed else "NOTCONFIRMED"
        signature = sign(service, (service_id, order_id, verdict))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<confirmationList><serviceID>{service_id}</serviceID><transactionsConfirmations><transactionConfirmed>"
            f"<orderID>{escape(order_id)}</orderID><confirmation>{verdict}</confirmation>"
            f"</transactionConfirmed></transactionsConfirmations><hash>{signature}</hash></confirmationList>"
        ).encode()

    def return_is_authentic(self, service_id: str, order_id: str, hash_value: str) -> bool:
        """Whether the customer's return address is signed. It says nothing about the payment."""
        service = self._services.find(service_id)
        if service is None or not wire.ORDER_ID.fullmatch(order_id):
            return False
        return is_signed(service, (service_id, order_id), hash_value)


def _decoded(encoded: str) -> bytes:
    if len(encoded) > LONGEST:
        raise UnprovenNotification("the message is too large")
    # A sender that does not escape "+" in a form has it arrive as a space; line breaks are part of Base64 in mail.
    whole = encoded.replace("\r", "").replace("\n", "").replace(" ", "+")
    try:
        return base64.b64decode(whole, validate=True)
    except (binascii.Error, ValueError):
        raise UnprovenNotification("the message is not Base64") from None


def _understood(document: Document, service: AutopayService) -> Transaction | None:
    """The one transaction of a message whose hash fits."""
    root = document.root
    if root.name != "transactionList" or [child.name for child in root.children] != ["serviceID", "transactions"]:
        return None
    inner = root.children[1].children
    if len(inner) != 1 or inner[0].name != "transaction":
        return None
    fields = _relied_on(inner[0])
    if fields is None or fields["paymentStatus"] not in set(TransactionStatus):
        return None
    return Transaction(
        order_id=fields["orderID"],
        remote_id=fields["remoteID"],
        amount=Decimal(fields["amount"]),
        currency=fields["currency"],
        status=TransactionStatus(fields["paymentStatus"]),
        details=wire.word(inner[0].only("paymentStatusDetails")),
        paid_at=wire.moment(fields["paymentDate"]),
    )


def _relied_on(transaction: Node) -> dict[str, str] | None:
    """Values of the leading fields, or None when they are not exactly those."""
    present = [child for child in transaction.children if child.children or child.text.strip()]
    names = [name for name in RELIED_ON if name != "gatewayID" or any(child.name == name for child in present)]
    leading = present[: len(names)]
    if [child.name for child in leading] != names or any(child.children for child in leading):
        return None
    if any(child.name in RELIED_ON for child in present[len(names) :]):
        return None
    values = {child.name: child.text for child in leading}
    return values if all(RELIED_ON[name].fullmatch(value) for name, value in values.items()) else None
