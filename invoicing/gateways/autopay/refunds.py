"""Wire format of refunds: the order, its answer, and how far it is.

Guarantee: an answer is believed only with its hash and for the message that was asked about; a status that is not
listed goes on waiting. Source: Autopay online gateway manual, "refunds" (transactionRefund, outDetails/v2).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Literal

from invoicing.domain.money import HIGHEST, amount_text
from invoicing.domain.refunds import RefundProgress, RefundStage
from invoicing.errors import InternalFault
from invoicing.gateways.autopay import json_document, wire
from invoicing.gateways.autopay.document import ANSWER_LIMIT, parse
from invoicing.gateways.autopay.reasons import NOT_FOUND
from invoicing.gateways.autopay.registry import AutopayService
from invoicing.gateways.autopay.signing import is_signed, sign

REFUND_ORDER = ("ServiceID", "MessageID", "RemoteID", "Amount", "Currency")
PROGRESS_ORDER = ("serviceId", "messageId", "status", "remoteOutId")
METHOD = "TRANSACTION_REFUND"

FAILED = {
    "CANCELED_NO_FUNDS_ON_BALANCE": True,
    "CANCELED_AMOUNT_EXCEEDS_TRANSACTION": False,
    "CANCELED_MANUALLY_BY_SERVICES": False,
}
"""Final ends without money, and whether the manual lets the refund be ordered again under a new message id."""


def demand_message_id(message_id: str) -> None:
    """Ids are ours, so a wrong one is our fault."""
    if not re.fullmatch("[A-Za-z0-9]{32}", message_id):
        raise InternalFault("internal", "a message id has 32 letters and digits")


def refund_form(
    service: AutopayService, remote_id: str, amount: Decimal | None, currency: str, message_id: str
) -> dict[str, str]:
    """Fields of a refund order. Raises `InternalFault` for what no earlier check may let through."""
    demand_message_id(message_id)
    if currency != service.currency:
        raise InternalFault("internal", "the refund is not in the currency of its service")
    if not wire.REMOTE_ID.fullmatch(remote_id):
        raise InternalFault("internal", "the transaction id is not in the gateway's alphabet")
    written = "" if amount is None else _written(amount, currency)
    values = {"ServiceID": service.service_id, "MessageID": message_id, "RemoteID": remote_id}
    return wire.signed_form(service, REFUND_ORDER, {**values, "Amount": written, "Currency": currency})


def _written(amount: Decimal, currency: str) -> str:
    if not (amount.is_finite() and 0 < amount <= HIGHEST and amount == Decimal(amount_text(amount, currency))):
        raise InternalFault("internal", "the amount cannot be written for the gateway")
    return amount_text(amount, currency)


def read_refund(service: AutopayService, message_id: str, body: bytes) -> Literal[True] | wire.ErrorDocument | None:
    """The answer to a refund order: queued, an error, or nothing that can be believed."""
    document = parse(body, ANSWER_LIMIT)
    if document is None:
        return None
    if not wire.is_believed(service, document):
        return wire.error_of(document)
    root = document.root
    ours = root.only("serviceID") == service.service_id and root.only("messageID") == message_id
    return True if ours and root.name == "transactionRefund" else None


def progress_request(service: AutopayService, message_id: str) -> bytes:
    """Body of the question how far a refund is."""
    demand_message_id(message_id)
    signed = sign(service, (service.service_id, message_id, METHOD))
    fields = {"serviceId": int(service.service_id), "messageId": message_id, "method": METHOD, "hash": signed}
    return json.dumps(fields).encode()


def read_progress(service: AutopayService, message_id: str, body: bytes) -> RefundProgress | wire.ErrorDocument | None:
    """How far the refund is; a refund that the gateway does not know is absent."""
    document = json_document.parse(body, ANSWER_LIMIT)
    if document is None:
        return None
    values = {name: json_document.text(document, name) or "" for name in PROGRESS_ORDER}
    told = json_document.text(document, "hash")
    if told is None or not is_signed(service, values.values(), told):
        error = wire.word(json_document.text(document, "errorStatus"))
        if error == NOT_FOUND:
            return RefundProgress(stage=RefundStage.ABSENT)
        return wire.ErrorDocument(error) if error else None
    if (values["serviceId"], values["messageId"]) != (service.service_id, message_id):
        return None
    return _progress(values["status"], values["remoteOutId"])


def _progress(status: str, remote_out_id: str) -> RefundProgress | None:
    if status == "DONE":
        known = remote_out_id if wire.REMOTE_ID.fullmatch(remote_out_id) else None
        return RefundProgress(stage=RefundStage.DONE, remote_out_id=known)
    if status in FAILED:
        return RefundProgress(stage=RefundStage.FAILED, reason=status, retry_with_new_message=FAILED[status])
    reason = wire.word(status)
    return RefundProgress(stage=RefundStage.PENDING, reason=reason) if reason else None
