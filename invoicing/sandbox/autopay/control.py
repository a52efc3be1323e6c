"""Unsigned control calls for tests and the demo: faults, what payers do, and the ledger. Loopback only."""

from typing import Any

from aiohttp import web

from invoicing.sandbox import switches
from invoicing.sandbox.autopay import faults
from invoicing.sandbox.autopay.desk import DELAY_SECONDS, Action, AutoPayer, Desk
from invoicing.sandbox.autopay.ledger import IllegalMove, Transaction
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.autopay.report import ledger_json, order_json
from invoicing.sandbox.fault_calls import FaultCalls, told
from invoicing.sandbox.switches import BadSwitch


def _action(fields: Any) -> tuple[Action, ItnMode, float]:
    action, itn = switches.text(fields, "action"), switches.text(fields, "itn", ItnMode.SEND.value)
    if action not in set(Action):
        raise BadSwitch(f"action must be one of {', '.join(Action)}")
    if itn not in set(ItnMode):
        raise BadSwitch(f"itn must be one of {', '.join(ItnMode)}")
    delay = switches.seconds(fields, "delay_seconds", DELAY_SECONDS)
    return Action(action), ItnMode(itn), DELAY_SECONDS if delay is None else delay


class Control:
    """The ``/_sandbox`` calls of the gateway stand-in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            *FaultCalls(self._desk.switches, faults.read_switch).routes(),
            web.post("/_sandbox/auto", told(self.set_auto)),
            web.delete("/_sandbox/auto", self.clear_auto),
            web.post("/_sandbox/orders/{order_id}/act", told(self.act)),
            web.get("/_sandbox/ledger", self.ledger),
            web.get("/_sandbox/ledger/{order_id}", self.order),
        ]

    async def set_auto(self, request: web.Request) -> web.Response:
        names = {"order_prefix", "action", "itn", "after_seconds", "delay_seconds"}
        fields = switches.known_fields(switches.read_json(await request.text()), names)
        action, itn, delay = _action(fields)
        after = switches.seconds(fields, "after_seconds", 0.0) or 0.0
        prefix = switches.text(fields, "order_prefix", "")
        self._desk.payers.append(AutoPayer(prefix, action, itn, after, delay))
        return web.json_response({"payers": len(self._desk.payers)}, status=201)

    async def clear_auto(self, request: web.Request) -> web.Response:
        self._desk.payers.clear()
        return web.Response(status=204)

    async def act(self, request: web.Request) -> web.Response:
        """Act on the order's newest open transaction, or on its newest one when all are closed."""
        names = {"action", "itn", "delay_seconds"}
        action, itn, delay = _action(switches.known_fields(switches.read_json(await request.text()), names))
        order_id = request.match_info["order_id"]
        self._desk.expire_due()
        found = self._desk.ledger.anywhere(order_id)
        if not found:
            return web.json_response({"error": "no such order"}, status=404)
        try:
            self._desk.perform(_newest(found), action, itn, delay)
        except IllegalMove as illegal:
            return web.json_response({"error": str(illegal)}, status=409)
        return web.json_response(order_json(self._desk.ledger, self._desk.refunds, order_id))

    async def ledger(self, request: web.Request) -> web.Response:
        self._desk.expire_due()
        return web.json_response(ledger_json(self._desk.ledger, self._desk.refunds))

    async def order(self, request: web.Request) -> web.Response:
        self._desk.expire_due()
        told = order_json(self._desk.ledger, self._desk.refunds, request.match_info["order_id"])
        known = told["transactions"] or told["requests"]
        return web.json_response(told, status=200 if known else 404)


def _newest(found: list[Transaction]) -> Transaction:
    still_open = [item for item in found if item.open]
    return (still_open or found)[-1]
