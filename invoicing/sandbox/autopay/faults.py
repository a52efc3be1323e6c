"""Which faults the gateway stand-in knows, and how a fault looks on the wire.

Before acceptance: ``hang`` (holds the line, then drops it), ``drop_before``, ``http_500``, ``http_429``,
``maintenance``, ``refuse`` (an honest refusal with a reason). After acceptance, when the work is done and only
the answer is lost or spoiled: ``drop_after_accept``, ``http_500_after_accept``, ``garbage``, ``bad_hash``. With
``seconds`` the answer of any of them waits first. On an ITN or ISTN, ``hang`` sends late, ``drop_before`` loses the
message, ``drop_after_accept`` the receiver's answer, ``garbage`` is no Base64 XML, ``bad_hash`` alters the amount on
the way.
"""

import asyncio
import re
from enum import StrEnum

from aiohttp import web

from invoicing.sandbox import connections, switches
from invoicing.sandbox.connections import dropped, failed, held
from invoicing.sandbox.switches import BadSwitch, Switch


class Operation(StrEnum):
    """Calls that can be disturbed; ``itn`` and ``istn`` are the stand-in's own calls to the receiver."""

    START = "start"
    STATUS = "status"
    CANCEL = "cancel"
    REFUND = "refund"
    OUT_DETAILS = "out_details"
    GATEWAY_LIST = "gateway_list"
    ITN = "itn"
    ISTN = "istn"


class Fault(StrEnum):
    """What can go wrong with a call."""

    HANG = connections.HANG
    DROP_BEFORE = "drop_before"
    DROP_AFTER_ACCEPT = "drop_after_accept"
    HTTP_500 = "http_500"
    HTTP_500_AFTER_ACCEPT = "http_500_after_accept"
    HTTP_429 = "http_429"
    GARBAGE = "garbage"
    BAD_HASH = "bad_hash"
    REFUSE = "refuse"
    MAINTENANCE = "maintenance"


BEFORE = frozenset({Fault.HANG, Fault.DROP_BEFORE, Fault.HTTP_500, Fault.HTTP_429, Fault.MAINTENANCE})
# The sender of a notification can lose or spoil the message or the answer; HTTP statuses are the receiver's.
OF_ITN = frozenset({Fault.HANG, Fault.DROP_BEFORE, Fault.DROP_AFTER_ACCEPT, Fault.GARBAGE, Fault.BAD_HASH})
HEX = "0123456789abcdef"
HTML_503 = "<html><body><h1>Przerwa techniczna</h1></body></html>"


def read_switch(body: object) -> Switch:
    """A fault switch from the JSON of a control call."""
    fields = switches.known_fields(body, {"operation", "fault", "reason", "times", "order_prefix", "seconds"})
    operation, fault = switches.text(fields, "operation"), switches.text(fields, "fault")
    if operation not in set(Operation):
        raise BadSwitch(f"operation must be one of {', '.join(Operation)}")
    if fault not in set(Fault):
        raise BadSwitch(f"fault must be one of {', '.join(Fault)}")
    if operation in (Operation.ITN, Operation.ISTN) and fault not in OF_ITN:
        raise BadSwitch(f"an {operation} can have only the faults {', '.join(sorted(OF_ITN))}")
    if operation == Operation.GATEWAY_LIST and fault in (Fault.BAD_HASH, Fault.REFUSE):
        raise BadSwitch("the channel list is neither signed nor refused")
    reason = switches.text(fields, "reason", "")
    if reason and not re.fullmatch("[A-Z_]{1,100}", reason):
        raise BadSwitch("reason must be a protocol word of capital letters")
    return Switch(
        operation=operation,
        fault=fault,
        match=switches.text(fields, "order_prefix", ""),
        times=switches.count(fields, "times"),
        seconds=switches.seconds(fields, "seconds"),
        reason=reason or None,
    )


async def instead(switch: Switch, request: web.Request, closing: asyncio.Event) -> web.Response:
    """The answer to a request that was never looked at."""
    await held(switch, closing)
    if switch.fault == Fault.HTTP_500:
        return failed()
    if switch.fault == Fault.HTTP_429:
        return web.Response(status=429, text="ERROR", headers={"Retry-After": "1"})
    if switch.fault == Fault.MAINTENANCE:
        return web.Response(status=503, text=HTML_503, content_type="text/html", headers={"Retry-After": "1"})
    return dropped(request)


def _other_hash(found: re.Match[str]) -> str:
    return found[1] + found[0].removeprefix(found[1]).translate(str.maketrans(HEX, HEX[1:] + HEX[0]))


async def spoiled(switch: Switch, answer: web.Response, request: web.Request, closing: asyncio.Event) -> web.Response:
    """What arrives of the answer to a request that was carried out."""
    await held(switch, closing)
    if switch.fault == Fault.DROP_AFTER_ACCEPT:
        return dropped(request)
    if switch.fault == Fault.HTTP_500_AFTER_ACCEPT:
        return failed()
    if switch.fault == Fault.GARBAGE:
        return web.Response(text="<transaction><status>PENDI", content_type=answer.content_type)
    if switch.fault == Fault.BAD_HASH:
        return web.Response(
            status=answer.status,
            text=re.sub(r'(<hash>|"hash": ")[0-9a-f]+', _other_hash, answer.text or ""),
            content_type=answer.content_type,
        )
    return answer
