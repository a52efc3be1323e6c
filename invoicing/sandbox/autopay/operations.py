"""Status, cancel, refund, refund progress and channel list.

Source: manual, "transaction-status", "cancel-transaction", "refunds", "payouts" (outDetails), "gateway-list".
Guarantee: cancel and refund are safe to repeat under their MessageID; a start is the only call that is not.
"""

from collections.abc import Mapping

from aiohttp import web

from invoicing.sandbox.autopay import messages
from invoicing.sandbox.autopay.channels import gateway_list
from invoicing.sandbox.autopay.desk import Desk
from invoicing.sandbox.autopay.ledger import Status, Transaction
from invoicing.sandbox.autopay.notifier import status_fields
from invoicing.sandbox.autopay.protocol import (
    CANCEL_FIELDS,
    GATEWAY_LIST_FIELDS,
    OUT_DETAILS_FIELDS,
    REFUND_FIELDS,
    STATUS_FIELDS,
    Refusal,
    Service,
    invalid_format,
    read_signed,
)
from invoicing.sandbox.autopay.refunds import NOT_DONE, Refund, RefundStatus

MOST_TRANSACTIONS = 50


def _xml(answer: str, status: int = 200) -> web.Response:
    return web.Response(text=answer, content_type="application/xml", status=status)


def _demand_header(request: web.Request) -> None:
    if request.headers.get("BmHeader") != "pay-bm":
        raise invalid_format("BmHeader: pay-bm is missing")


def status(desk: Desk, request: web.Request, fields: Mapping[str, str], refuse_with: str | None) -> web.Response:
    """All attempts of an order; an unknown order is a signed empty list."""
    _demand_header(request)
    service = read_signed(fields, STATUS_FIELDS, ("ServiceID", "OrderID"), desk.services)
    if refuse_with:
        raise Refusal(2, refuse_with, "refused")
    found = desk.ledger.of_order(service.service_id, fields["OrderID"])
    if len(found) > MOST_TRANSACTIONS:
        return _xml(messages.too_many_transactions(), status=403)
    return _xml(messages.transaction_list(service, [status_fields(item) for item in found]))


def cancel(desk: Desk, request: web.Request, fields: Mapping[str, str], refuse_with: str | None) -> web.Response:
    """Cancel what is unpaid, by OrderID or by RemoteID, and burn the OrderID."""
    _demand_header(request)
    service = read_signed(fields, CANCEL_FIELDS, ("ServiceID", "MessageID"), desk.services)
    named = [name for name in ("RemoteID", "OrderID") if fields.get(name)]
    if len(named) != 1:
        raise invalid_format("exactly one of RemoteID and OrderID is needed")
    message_id = fields["MessageID"]
    if refuse_with:
        return _xml(messages.cancel_answer(service, message_id, False, refuse_with))
    subject = (named[0], fields[named[0]])
    done, replayed = desk.ledger.cancel(service.service_id, message_id, subject, desk.clock.now())
    if not replayed:
        for item in done.transactions:
            desk.notifier.announce(item)
    return _xml(messages.cancel_answer(service, message_id, done.confirmed, done.reason))


def refund(desk: Desk, request: web.Request, fields: Mapping[str, str], refuse_with: str | None) -> web.Response:
    """Queue a refund (v1). The answer only means "queued"; outDetails tells how it ended."""
    service = read_signed(fields, REFUND_FIELDS, ("ServiceID", "MessageID", "RemoteID"), desk.services)
    message_id, amount = fields["MessageID"], fields.get("Amount") or None
    known = desk.refunds.find(service.service_id, message_id)
    item = _refundable(desk, service, fields)
    if known is not None and not _same(known, item, amount):
        raise Refusal(76, "MESSAGE_ID_NOT_UNIQUE", "the MessageID belongs to another refund")
    if known is None and refuse_with and not refuse_with.startswith("CANCELED_"):
        raise Refusal(55, refuse_with, "refused")
    order, new = desk.refunds.order(message_id, item, amount, desk.ledger.fresh_ids()[0], desk.clock.now())
    if new:
        if refuse_with in NOT_DONE:
            order.end = RefundStatus(refuse_with)
        desk.refund_queued(order)
    return _xml(messages.refund_answer(service, message_id))


def _same(known: Refund, item: Transaction, amount: str | None) -> bool:
    return known.transaction is item and known.amount == (amount or item.reported_amount)


def _refundable(desk: Desk, service: Service, fields: Mapping[str, str]) -> Transaction:
    item = desk.ledger.by_remote.get(fields["RemoteID"])
    if item is None or item.service != service:
        raise Refusal(-10, "TRANSACTION_NOT_FOUND", "no such transaction")
    if item.status is not Status.SUCCESS:
        raise Refusal(54, "TRANSACTION_NOT_IN_REFUNDABLE_STATUS", "only a paid transaction is refunded")
    if fields.get("Currency", "") not in ("", service.currency):
        raise Refusal(49, "VALIDATION_FAILED", "the currency is not the transaction's")
    return item


def out_details(desk: Desk, request: web.Request, fields: Mapping[str, str], refuse_with: str | None) -> web.Response:
    """How far a refund is, by the MessageID under which it was ordered."""
    service = read_signed(fields, OUT_DETAILS_FIELDS, ("serviceId", "messageId", "method"), desk.services)
    if refuse_with:
        raise Refusal(200, refuse_with, "refused")
    order = desk.refunds.find(service.service_id, fields["messageId"])
    if order is None or fields["method"] != "TRANSACTION_REFUND":
        raise Refusal(-10, "TRANSACTION_NOT_FOUND", "no refund under this messageId")
    signed = {
        "serviceId": service.service_id,
        "messageId": order.message_id,
        "status": order.status.value,
        "remoteOutId": order.told_out_id or "",
    }
    no_error = {"errorStatus": None, "errorStatusCode": None, "errorMessages": None}
    answer = {**signed, "remoteOutId": order.told_out_id, "hash": service.sign(signed.values()), **no_error}
    return web.json_response(answer)


def channel_list(desk: Desk, request: web.Request, fields: Mapping[str, str], refuse_with: str | None) -> web.Response:
    """The channels of the service, unsigned."""
    _demand_header(request)
    service = read_signed(
        fields, GATEWAY_LIST_FIELDS, ("ServiceID", "MessageID", "Currencies", "Language"), desk.services
    )
    return web.json_response(gateway_list(service, fields["MessageID"], fields["Currencies"].split(",")))
