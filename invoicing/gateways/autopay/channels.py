"""Ways to pay, as the gateway lists them: asked for once a minute, and kept when it does not answer.

The answer carries no hash. It therefore only informs: nothing about money is decided by it, and nothing of it is shown
that is not a plain short text. Source: Autopay online gateway manual, "gateway-list" (refresh each minute; an empty
answer, a time-out and empty lists are failures, after which the last good list stays).
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from invoicing.errors import PaidcaseError
from invoicing.gateways.autopay import json_document, wire
from invoicing.gateways.autopay.document import ANSWER_LIMIT
from invoicing.gateways.autopay.json_document import Json
from invoicing.gateways.autopay.registry import AutopayService
from invoicing.gateways.autopay.signing import sign
from invoicing.ports import Channel, Clock

FRESH = timedelta(minutes=1)
LONGEST_NAME = 200
MOST_CHANNELS = 500

Ask = Callable[[AutopayService, str], Awaitable[tuple[Channel, ...]]]


@dataclass(frozen=True, slots=True)
class _Held:
    channels: tuple[Channel, ...]
    asked_at: datetime


class ChannelLists:
    """The last good list of every service and language."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._held: dict[tuple[str, str], _Held] = {}
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    async def of(self, service: AutopayService, language: str) -> tuple[Channel, ...]:
        """The list; one caller asks while the others wait. Raises what asking raises while there is no good one."""
        key = (service.service_id, language)
        async with self._turns.setdefault(key, asyncio.Lock()):
            held, now = self._held.get(key), self._clock()
            if held is not None and timedelta(0) <= now - held.asked_at < FRESH:
                return held.channels
            try:
                channels = await self._ask(service, language)
            except PaidcaseError:
                if held is None:
                    raise
                channels = held.channels  # and the gateway is left alone for another minute
            self._held[key] = _Held(channels, now)
            return channels


def list_request(service: AutopayService, language: str) -> tuple[str, bytes]:
    """A message id that was never used, and the body of the question."""
    message_id = secrets.token_hex(16)
    told = wire.gateway_language(language)
    signed = sign(service, (service.service_id, message_id, service.currency, told))
    fields = {
        "ServiceID": int(service.service_id),
        "MessageID": message_id,
        "Currencies": service.currency,
        "Language": told,
        "Hash": signed,
    }
    return message_id, json.dumps(fields).encode()


def read_list(service: AutopayService, message_id: str, body: bytes) -> tuple[Channel, ...] | wire.ErrorDocument | None:
    """The channels of the service's currency; None for an empty list and for whatever is not an answer to us."""
    document = json_document.parse(body, ANSWER_LIMIT)
    if document is None:
        return None
    if error := wire.word(json_document.text(document, "errorStatus")):
        return wire.ErrorDocument(error)
    told = tuple(json_document.text(document, name) for name in ("result", "serviceID", "messageID"))
    listed, groups = document.get("gatewayList"), document.get("gatewayGroups")
    if told != ("OK", service.service_id, message_id) or not isinstance(listed, list) or not groups:
        return None
    found = [_channel(entry, service.currency) for entry in listed[:MOST_CHANNELS] if isinstance(entry, dict)]
    return tuple(channel for channel in found if channel is not None) or None


def _channel(entry: dict[str, Json], currency: str) -> Channel | None:
    """One entry; None when it is not of the currency, or cannot be shown."""
    number = json_document.text(entry, "gatewayID") or json_document.text(entry, "id") or ""
    name = json_document.text(entry, "name") or ""
    offers = entry.get("currencies")
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and name.isprintable()):
        return None
    if not 0 < len(name) <= LONGEST_NAME or not isinstance(offers, list):
        return None
    offer = next((o for o in offers if isinstance(o, dict) and o.get("currency") == currency), None)
    if offer is None:
        return None
    minutes = json_document.text(entry, "minValidityTime") or ""
    lasts = minutes.isascii() and minutes.isdigit() and len(minutes) <= 6
    return Channel(
        gateway_id=int(number),
        name=name,
        group=wire.word(json_document.text(entry, "groupType")) or "",
        available=json_document.text(entry, "state") == "OK",
        currency=currency,
        minimum=_amount(offer, "minAmount"),
        maximum=_amount(offer, "maxAmount"),
        minimum_validity=timedelta(minutes=int(minutes)) if lasts else None,
    )


def _amount(offer: dict[str, Json], name: str) -> Decimal | None:
    written = json_document.text(offer, name)
    return Decimal(written) if written and wire.AMOUNT.fullmatch(written) else None
