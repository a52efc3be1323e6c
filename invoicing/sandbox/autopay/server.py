"""The HTTP side of the gateway stand-in: paths, forms, error shapes and the place where faults strike.

Source: manual, "environments" (paths) and "errors". An error is an XML document with HTTP 406; the JSON calls
say the same in their own error fields with HTTP 200.
"""

import json
from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from invoicing.sandbox.autopay import messages, operations
from invoicing.sandbox.autopay.control import Control
from invoicing.sandbox.autopay.desk import Desk
from invoicing.sandbox.autopay.faults import BEFORE, Fault, Operation, instead, spoiled
from invoicing.sandbox.autopay.paywall import Paywall
from invoicing.sandbox.autopay.protocol import Refusal, invalid_format
from invoicing.sandbox.autopay.start import start

DEFAULT_REASONS = {
    Operation.START: "BANK_DISABLED",
    Operation.CANCEL: "OTHER_ERROR",
    Operation.REFUND: "BALANCE_ERROR",
    Operation.STATUS: "INVALID_FORMAT",
    Operation.OUT_DETAILS: "OTHER_ERROR",
}


class Work(Protocol):
    """One operation: from fields to an answer, or a Refusal."""

    def __call__(
        self, desk: Desk, request: web.Request, fields: Mapping[str, str], refuse_with: str | None
    ) -> web.Response: ...


class Counter:
    """One operation's HTTP handler: reads, counts, lets faults strike, works, answers."""

    def __init__(self, desk: Desk, operation: Operation, work: Work, in_json: bool = False) -> None:
        self._desk = desk
        self._operation = operation
        self._work = work
        self._in_json = in_json

    async def answer(self, request: web.Request) -> web.StreamResponse:
        desk = self._desk
        desk.expire_due()
        try:
            fields = await (_json_fields(request) if self._in_json else _form_fields(request))
        except Refusal as refusal:
            return self._error(refusal)
        order_id = self._order_of(fields)
        desk.ledger.count(self._operation, order_id)
        switch = desk.switches.take(self._operation, order_id)
        if switch is not None and switch.fault in BEFORE:
            return await instead(switch, request, desk.notifier.closing)
        refuse_with = None
        if switch is not None and switch.fault == Fault.REFUSE:
            refuse_with = switch.reason or DEFAULT_REASONS[self._operation]
        try:
            answer = self._work(desk, request, fields, refuse_with)
        except Refusal as refusal:
            answer = self._error(refusal)
        if switch is not None:
            return await spoiled(switch, answer, request, desk.notifier.closing)
        return answer

    def _error(self, refusal: Refusal) -> web.Response:
        if self._in_json:
            told = {
                "errorStatus": refusal.name,
                "errorStatusCode": refusal.status_code,
                "errorMessages": [refusal.description],
            }
            return web.json_response(told)
        document = messages.error(refusal.status_code, refusal.name, refusal.description)
        return web.Response(text=document, content_type="application/xml", status=406)

    def _order_of(self, fields: Mapping[str, str]) -> str:
        """The OrderID that a call is about, also when it names only a remoteID or a refund's messageId."""
        if order_id := fields.get("OrderID"):
            return order_id
        item = self._desk.ledger.by_remote.get(fields.get("RemoteID", ""))
        refund = self._desk.refunds.find(fields.get("serviceId", ""), fields.get("messageId", ""))
        item = refund.transaction if refund is not None else item
        return item.order_id if item is not None else ""


async def _form_fields(request: web.Request) -> dict[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise invalid_format("application/x-www-form-urlencoded is expected")
    form = await request.post()
    if len(set(form)) != len(form):
        raise invalid_format("a field is sent twice")
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _json_fields(request: web.Request) -> dict[str, str]:
    try:
        body = json.loads(await request.text())
    except ValueError:
        raise invalid_format("the body is not JSON") from None
    if not isinstance(body, dict):
        raise invalid_format("a JSON object is expected")
    if bad := [name for name, value in body.items() if isinstance(value, bool | dict | list)]:
        raise invalid_format(f"field {bad[0]} is not a text or a number")
    return {name: str(value) for name, value in body.items() if value is not None}


def application(desk: Desk) -> web.Application:
    """The whole gateway: protocol, paywall and control calls."""

    def post(path: str, operation: Operation, work: Work, in_json: bool = False) -> web.RouteDef:
        return web.post(path, Counter(desk, operation, work, in_json).answer)

    app = web.Application()
    app.add_routes(
        [
            post(desk.options.payment_path, Operation.START, start),
            post("/webapi/transactionStatus", Operation.STATUS, operations.status),
            post("/webapi/transactionCancel", Operation.CANCEL, operations.cancel),
            post("/settlementapi/transactionRefund", Operation.REFUND, operations.refund),
            post("/settlementapi/outDetails/v2", Operation.OUT_DETAILS, operations.out_details, in_json=True),
            post("/gatewayList/v3", Operation.GATEWAY_LIST, operations.channel_list, in_json=True),
            *Paywall(desk).routes(),
            *Control(desk).routes(),
        ]
    )
    return app
