"""Starting a transaction: by browser form, or by a server's pretransaction.

Guarantee: a start is not idempotent. The same fields sent twice make two transactions under one OrderID; after a
successful cancel of the OrderID none. Source: manual, "pretransaction" and "start parameters"; reasons of a
NOTCONFIRMED answer from the same manual's lists.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from aiohttp import web

from invoicing.sandbox.autopay import messages
from invoicing.sandbox.autopay.channels import CHANNELS
from invoicing.sandbox.autopay.desk import Desk
from invoicing.sandbox.autopay.ledger import Transaction
from invoicing.sandbox.autopay.protocol import (
    START_FIELDS,
    START_REQUIRED,
    Refusal,
    Service,
    invalid_format,
    parse_local_time,
    read_signed,
)
from invoicing.sandbox.page import html_page

CONTINUE_HEADER = "pay-bm-continue-transaction-url"
BACKGROUND_HEADER = "pay-bm"
DEFAULT_VALIDITY = timedelta(days=6)
LONGEST_VALIDITY = timedelta(days=31)
LARGEST_AMOUNT = Decimal("100000.00")


class NotConfirmed(Exception):
    """Nothing was ordered; carries the service that signs the answer and the reason."""

    def __init__(self, service: Service, reason: str) -> None:
        super().__init__(reason)
        self.service = service
        self.reason = reason


def start(desk: Desk, request: web.Request, fields: Mapping[str, str], refuse_with: str | None) -> web.Response:
    """The answer to one POST at the payment path."""
    header = request.headers.get("BmHeader")
    if header is None:
        return _from_browser(desk, fields, refuse_with)
    if header != CONTINUE_HEADER:
        known = "background starts are not offered" if header == BACKGROUND_HEADER else "unknown BmHeader"
        raise invalid_format(known)
    try:
        item = _order(desk, fields, refuse_with)
    except NotConfirmed as refused:
        answer = messages.no_continuation(refused.service, fields["OrderID"], refused.reason)
        return web.Response(text=answer, content_type="application/xml")
    answer = messages.continue_answer(item.service, desk.link(item), item.order_id, item.remote_id)
    return web.Response(text=answer, content_type="application/xml")


def _from_browser(desk: Desk, fields: Mapping[str, str], refuse_with: str | None) -> web.Response:
    """The customer lands on the paywall; a wrong form stops on a page with no way back to the shop."""
    try:
        item = _order(desk, fields, refuse_with)
    except NotConfirmed as refused:
        return html_page("Nie można rozpocząć płatności", f"<p>{refused.reason}</p>", "pl", status=400)
    except Refusal as refused:
        return html_page("Nie można rozpocząć płatności", f"<p>{refused.name}</p>", "pl", status=400)
    return web.Response(status=303, headers={"Location": desk.link(item)})


def _order(desk: Desk, fields: Mapping[str, str], refuse_with: str | None) -> Transaction:
    service = read_signed(fields, START_FIELDS, START_REQUIRED, desk.services)
    if fields.get("Currency", "") not in ("", service.currency):
        raise invalid_format("this currency was not agreed for the service")
    now = desk.clock.now()
    valid_until, link_valid_until = _validity(fields, now)
    reason = refuse_with or _objection(desk, service, fields, now, valid_until, link_valid_until)
    if reason is not None:
        raise NotConfirmed(service, reason)
    remote_id, token = desk.ledger.fresh_ids()
    item = Transaction(
        service=service,
        order_id=fields["OrderID"],
        remote_id=remote_id,
        token=token,
        amount=fields["Amount"],
        started_at=now,
        valid_until=valid_until,
        link_valid_until=min(link_valid_until, valid_until),
        description=fields.get("Description", ""),
        language=fields.get("Language") or "PL",
        return_url=fields.get("ReturnURL") or None,
        gateway_id=fields.get("GatewayID", "").lstrip("0") or None,
    )
    desk.ledger.add(item)
    desk.started(item)
    return item


def _validity(fields: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """Ends of transaction and link; longer than 31 days is cut without a word."""
    written = fields.get("ValidityTime")
    valid_until = parse_local_time(written) if written else now + DEFAULT_VALIDITY
    valid_until = min(valid_until, now + LONGEST_VALIDITY)
    written = fields.get("LinkValidityTime")
    return valid_until, parse_local_time(written) if written else valid_until


def _objection(
    desk: Desk,
    service: Service,
    fields: Mapping[str, str],
    now: datetime,
    valid_until: datetime,
    link_valid_until: datetime,
) -> str | None:
    """Why a well-formed, well-signed start is not accepted."""
    amount = Decimal(fields["Amount"])
    channel = fields.get("GatewayID", "").lstrip("0")
    if (service.service_id, fields["OrderID"]) in desk.ledger.burnt:
        return "TRANSACTION_CANCELED"
    if amount <= 0:
        return "INSUFFICIENT_START_AMOUNT"
    if amount > LARGEST_AMOUNT:
        return "START_AMOUNT_OUT_OF_RANGE"
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", fields["CustomerEmail"]):
        return "INVALID_EMAIL"
    if valid_until <= now:
        return "TRANSACTION_VALIDITY_TIME_OUTDATED"
    if link_valid_until <= now:
        return "LINK_VALIDITY_TIME_OUTDATED"
    if channel and int(channel) not in CHANNELS:
        return "PAYWAY_NOT_FOUND"
    return None
