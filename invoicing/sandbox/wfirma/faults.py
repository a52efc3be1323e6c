"""Which faults the wFirma stand-in knows, and how a fault looks on the wire.

Instead of any work: ``hang``, ``drop_before``, ``http_500``, ``http_429`` (``reason`` is its Retry-After), ``html``,
``validation`` (``reason`` names the field: ``date``, ``contractor.nip``, ``invoicecontents.0.name``) and every status
code that wFirma documents. After the work: ``drop_after_commit``, ``http_500_after_commit``, ``fatal_after_commit``,
``html_after_commit``, ``truncated_json``, ``slow`` (the answer waits). ``late_commit`` drops the line and does the work
``seconds`` later. ``not_a_pdf`` and ``wrong_total`` spoil a download; ``wrong_total`` on invoices/add makes wFirma's
sum differ by a grosz; ``ignore_conditions`` lets a find give back everything.
"""

import asyncio
import re
from enum import StrEnum

from aiohttp import web

from invoicing.sandbox import connections, switches
from invoicing.sandbox.connections import dropped, failed, held
from invoicing.sandbox.switches import BadSwitch, Switch

CODES = {
    "out_of_service": "OUT OF SERVICE",
    "snapshot_lock": "SNAPSHOT LOCK",
    "requests_limit": "TOTAL REQUESTS LIMIT EXCEEDED",
    "execution_time_limit": "TOTAL EXECUTION TIME LIMIT EXCEEDED",
    "fatal": "FATAL",
    "auth": "AUTH",
    "auth_limit": "AUTH FAILED LIMIT WAIT 5 MINUTES",
    "access_denied": "ACCESS DENIED",
    "denied_scope": "DENIED SCOPE REQUESTED",
    "company_id_required": "COMPANY ID REQUIRED",
    "input_error": "INPUT ERROR",
    "not_found": "NOT FOUND",
    "action_not_found": "ACTION NOT FOUND",
}
"""Faults that are one status code and nothing else."""


class Fault(StrEnum):
    """Faults that are more than a code."""

    HANG = connections.HANG
    DROP_BEFORE = "drop_before"
    HTTP_500 = "http_500"
    HTTP_429 = "http_429"
    HTML = "html"
    VALIDATION = "validation"
    DROP_AFTER_COMMIT = "drop_after_commit"
    HTTP_500_AFTER_COMMIT = "http_500_after_commit"
    FATAL_AFTER_COMMIT = "fatal_after_commit"
    HTML_AFTER_COMMIT = "html_after_commit"
    TRUNCATED_JSON = "truncated_json"
    SLOW = "slow"
    LATE_COMMIT = "late_commit"
    NOT_A_PDF = "not_a_pdf"
    WRONG_TOTAL = "wrong_total"
    IGNORE_CONDITIONS = "ignore_conditions"


INSTEAD = frozenset({Fault.HANG, Fault.DROP_BEFORE, Fault.HTTP_500, Fault.HTTP_429, Fault.HTML})
ANY = "any"
OPERATION = re.compile("[a-z_]+/[a-z_]+")
HTML = "<html><body><h1>Przerwa techniczna</h1></body></html>"


def read_switch(body: object) -> Switch:
    """A fault switch from the JSON of a control call; ``match`` begins an id_external, a NIP or a name."""
    fields = switches.known_fields(body, {"operation", "fault", "reason", "times", "match", "seconds"})
    operation, fault = switches.text(fields, "operation", ANY), switches.text(fields, "fault")
    if operation != ANY and not OPERATION.fullmatch(operation):
        raise BadSwitch("operation must be module/action, for example invoices/add, or any")
    if fault not in {*CODES, *Fault}:
        raise BadSwitch(f"fault must be one of {', '.join([*CODES, *Fault])}")
    return Switch(
        operation=operation,
        fault=fault,
        match=switches.text(fields, "match", ""),
        times=switches.count(fields, "times"),
        seconds=switches.seconds(fields, "seconds"),
        reason=switches.text(fields, "reason", "") or None,
    )


async def instead(switch: Switch, request: web.Request, closing: asyncio.Event) -> web.Response:
    """The answer to a request that was never looked at."""
    await held(switch, closing)
    if switch.fault == Fault.HTTP_500:
        return failed()
    if switch.fault == Fault.HTTP_429:
        headers = {"Retry-After": switch.reason or "7"}
        return web.Response(status=429, text="Too Many Requests", headers=headers)
    if switch.fault == Fault.HTML:
        return web.Response(text=HTML, content_type="text/html")
    return dropped(request)


async def spoiled(switch: Switch, answer: web.Response, request: web.Request, closing: asyncio.Event) -> web.Response:
    """What arrives of the answer to a request that was carried out."""
    await held(switch, closing)
    body = answer.body if isinstance(answer.body, bytes) else b""
    match switch.fault:
        case Fault.DROP_AFTER_COMMIT:
            return dropped(request)
        case Fault.HTTP_500_AFTER_COMMIT:
            return failed()
        case Fault.HTML_AFTER_COMMIT:
            return web.Response(text=HTML, content_type="text/html")
        case Fault.TRUNCATED_JSON:
            return web.Response(body=body[: len(body) // 2], content_type=answer.content_type)
        case Fault.NOT_A_PDF:
            return web.Response(body=b"<html>%PDF-1.4</html>", content_type="application/pdf")
    return answer
