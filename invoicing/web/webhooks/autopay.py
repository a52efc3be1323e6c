"""Autopay's notifications (ITN, ISTN): verified, stored, then confirmed; Temporal is not spoken to here.

CONFIRMED means that the inbox row is committed; a repeat is confirmed too. A message that is not believed, or does not
fit the order, gets the signed NOTCONFIRMED where an answer can be signed at all. When the database is away the answer
is 503 and the gateway repeats. Source: Autopay online gateway manual, "itn", "istn".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response
from starlette.routing import Route

from invoicing.domain.records import InboxMessage
from invoicing.errors import BadNotification
from invoicing.ports import GatewayNotification, TransferNotification
from invoicing.web.bodies import raw_body
from invoicing.web.openapi import problems
from invoicing.web.parts import Parts, WebParts
from invoicing.web.webhooks.rejections import Allowance, reject_amount, reject_unknown_order, reject_unproven
from invoicing.web.webhooks.settlements import note_transfer

LARGEST = 64 * 1024
"""Bytes of a body; real messages have two to four thousand."""

FORM = "application/x-www-form-urlencoded"
FIELD = "transactions"
_MOST_FIELDS = 8
_BASE64_ESCAPES = tuple(
    (f"%{escape}", character)
    for code, character in (("2B", "+"), ("2F", "/"), ("3D", "="))
    for escape in {code, code.lower()}
)
_MOST_OTHER_ESCAPES = 400
"""Line breaks of a message as long as it may be."""

router = APIRouter(prefix="/webhooks/autopay", tags=["webhooks"])
_SCHEMA = {"type": "object", "required": [FIELD], "properties": {FIELD: {"type": "string", "format": "byte"}}}


_DESCRIBED: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "The signed confirmation: CONFIRMED or NOTCONFIRMED.",
            "content": {"text/xml": {"schema": {"type": "string"}}},
        },
        **problems(413, 415, 422, 503),
    },
    "openapi_extra": {"requestBody": {"required": True, "content": {FORM: {"schema": _SCHEMA}}}},
}


@router.post("/itn", operation_id="receiveAutopayNotification", **_DESCRIBED)
async def receive_notification(request: Request, parts: Parts) -> Response:
    """Take one notification about a payment; one about money paid out is taken as well."""
    return await _taken(request, parts)


@router.post("/istn", operation_id="receiveAutopaySettlement", **_DESCRIBED)
async def receive_settlement(request: Request, parts: Parts) -> Response:
    """Take one notification about money paid out: it is kept in the activity log and decides nothing."""
    return await _taken(request, parts)


async def answer_directly(request: Request) -> Response:
    """The same without the framework's dependencies, which cost several times as much as a bad message."""
    return await _taken(request, request.app.state.parts)


DIRECT = tuple(Route(f"{router.prefix}/{kind}", answer_directly, methods=["POST"]) for kind in ("itn", "istn"))
"""Answers in front of the routes above, which describe these calls in the OpenAPI document."""


async def _taken(request: Request, parts: WebParts) -> Response:
    body = await raw_body(request, FORM, LARGEST)
    allowance: Allowance = request.app.state.allowance
    encoded: str | None = None
    try:
        encoded = _field(body)
        message = parts.notifications.read(encoded)
    except BadNotification as error:
        transfer = _transfer(parts, encoded) if encoded is not None and error.proved else None
        if transfer is not None:
            await note_transfer(parts.store, parts.clock(), transfer)
            return _answer_transfer(parts, transfer.service_id, transfer.transfer.remote_out_id, confirmed=True)
        # only an error that names both ids may be answered with a signature (port `PaymentNotifications`)
        service_id, order_id, out_id = error.service_id, error.order_id, error.remote_out_id
        if allowance.take():
            async with parts.store.transaction() as db:
                await reject_unproven(db, parts.clock(), service_id, order_id)
        if service_id is not None and out_id is not None:
            return _answer_transfer(parts, service_id, out_id, confirmed=False)
        if service_id is None or order_id is None:
            raise
        return _answer(parts, service_id, order_id, confirmed=False)
    believed = await _received(parts, message)
    if believed:
        parts.wake()
    return _answer(parts, message.service_id, message.transaction.order_id, confirmed=believed)


def _transfer(parts: WebParts, encoded: str) -> TransferNotification | None:
    """An authentic message that is no ITN, as the one about money paid out that it may be."""
    try:
        return parts.notifications.read_transfer(encoded)
    except BadNotification:
        return None


def _field(body: bytes) -> str:
    fields = [field.partition(b"=") for field in body.split(b"&", _MOST_FIELDS)]
    if not body.isascii() or len(fields) > _MOST_FIELDS or not all(equals for _, equals, _ in fields):
        raise BadNotification("notification_rejected", "the body is not a form")
    found = [value for name, _, value in fields if name == FIELD.encode() and value]
    if len(found) != 1:
        raise BadNotification("notification_rejected", "the form has not one field with the message")
    return _unescaped(found[0].decode("ascii"))


def _unescaped(value: str) -> str:
    """The value with the escapes of Base64 resolved, and few others: to resolve any escape costs more than to read."""
    if "%" not in value:
        return value
    for escape, character in _BASE64_ESCAPES:
        value = value.replace(escape, character)
    if value.count("%") > _MOST_OTHER_ESCAPES:
        raise BadNotification("notification_rejected", "the message is not Base64")
    return unquote(value)


async def _received(parts: WebParts, message: GatewayNotification) -> bool:
    """Store the message with its order, or store why it is not believed; committed when this returns."""
    told, now = message.transaction, parts.clock()
    async with parts.store.transaction() as db:
        attempt = await db.attempt_by_order(message.service_id, told.order_id)
        if attempt is None:
            await reject_unknown_order(db, now, message.service_id, told)
            return False
        if (told.amount, told.currency) != (attempt.amount, attempt.currency):
            await reject_amount(db, now, attempt, told)
            return False
        row = InboxMessage(
            service_id=message.service_id,
            order_id=told.order_id,
            remote_id=told.remote_id,
            status=told.status.value,
            amount=told.amount,
            currency=told.currency,
            details=told.details,
            paid_at=told.paid_at,
            case_id=attempt.case_id,
            received_at=now,
        )
        await db.receive(row)
    return True


def _answer(parts: WebParts, service_id: str, order_id: str, *, confirmed: bool) -> Response:
    content = parts.notifications.answer(service_id, order_id, confirmed=confirmed)
    return Response(content, media_type="text/xml; charset=utf-8")


def _answer_transfer(parts: WebParts, service_id: str, remote_out_id: str, *, confirmed: bool) -> Response:
    content = parts.notifications.answer_transfer(service_id, remote_out_id, confirmed=confirmed)
    return Response(content, media_type="text/xml; charset=utf-8")
