"""The meaning of a settlement notification (ISTN): money that the gateway pays out, among it refunds.

Guarantee: status, currency and amount stand side by side in the signed text, so that none of them can be a renamed
other field; only what begins with `isRefund` is taken for a refund, which an ITN never does. Which of the ids are
present is not signed, therefore a notification is a reason to ask for the refund's progress and decides nothing.
Source: Autopay online gateway manual, "istn".
"""

from __future__ import annotations

import re
from decimal import Decimal

from invoicing.domain.refunds import Transfer, TransferStatus
from invoicing.gateways.autopay import wire
from invoicing.gateways.autopay.document import Node
from invoicing.gateways.autopay.envelope import leading

RELIED_ON = {
    "isRefund": re.compile("true|false"),
    "productID": re.compile(r"[^|\x00-\x1f]{1,36}"),
    "orderID": wire.ORDER_ID,
    "orderOutID": wire.ORDER_ID,
    "remoteID": wire.REMOTE_ID,
    "remoteOutID": wire.REMOTE_ID,
    "amount": wire.AMOUNT,
    "currency": wire.CURRENCY,
    "transferDate": re.compile("[0-9]{14}"),
    "transferStatus": wire.WORD,
}
"""Leading fields of a transaction, in order."""

OPTIONAL = frozenset({"isRefund", "productID", "orderID", "orderOutID", "remoteID", "transferDate"})
"""What may be missing. The manual lets `remoteOutID` be missing too, but then no answer could name the message."""


def understood(node: Node | None) -> Transfer | None:
    """The one transfer of a message whose hash fits; None for an ITN, which has no `transferStatus`."""
    fields = leading(node, RELIED_ON, OPTIONAL) if node is not None else None
    if node is None or fields is None or fields["transferStatus"] not in set(TransferStatus):
        return None
    return Transfer(
        is_refund=fields.get("isRefund") == "true",
        remote_out_id=fields["remoteOutID"],
        remote_id=fields.get("remoteID"),
        order_id=fields.get("orderID"),
        amount=Decimal(fields["amount"]),
        currency=fields["currency"],
        status=TransferStatus(fields["transferStatus"]),
        details=wire.word(node.only("transferStatusDetails")),
        transferred_at=wire.moment(fields.get("transferDate")),
    )
