"""Exchange rates from the public API of the National Bank of Poland.

`GET {base}/exchangerates/rates/a/{currency}/{day}/` answers 404 on days without a table (weekends, holidays), so days
are asked one by one, newest first. A published rate never changes, so what was found is kept. Reading changes nothing
at the bank: whatever goes wrong may be asked again.
"""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from invoicing.domain.exchange import ExchangeRate
from invoicing.errors import ConnectivityFault, SettingsFault
from invoicing.gateways.outward import Outward, Request
from invoicing.ports import Clock

DAYS_BACK = 10
"""More days in a row than the bank ever was without a table."""

MOST_KEPT = 1000
ANSWER_LIMIT = 64 * 1024
CONNECT_TIMEOUT = timedelta(seconds=8)
UNREACHABLE = "exchange_rates_unreachable"


class NbpRates:
    """The API at one address. `close` gives the connections back."""

    def __init__(self, base_url: str, clock: Clock, *, timeout: timedelta = timedelta(seconds=20)) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._outward = Outward(timeout, CONNECT_TIMEOUT, clock, unreachable=UNREACHABLE)
        self._kept: dict[tuple[str, date], ExchangeRate] = {}

    async def before(self, currency: str, day: date) -> ExchangeRate:
        """Asks day after day backwards; all of it within one timeout."""
        known = self._kept.get((currency, day))
        if known is not None:
            return known
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                found = await self._found(currency, day)
        except TimeoutError:
            raise _lost("TimeoutError") from None
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[currency, day] = found
        return found

    async def _found(self, currency: str, day: date) -> ExchangeRate:
        for back in range(1, DAYS_BACK + 1):
            on = day - timedelta(days=back)
            address = f"{self._base_url}/exchangerates/rates/a/{currency.lower()}/{on.isoformat()}/"
            request = Request(address, {"Accept": "application/json"}, query={"format": "json"}, method="GET")
            reply = await self._outward.send(request, limit=ANSWER_LIMIT, lost=_lost)
            if reply.status == 404:
                continue
            if reply.status != 200:
                raise ConnectivityFault(
                    UNREACHABLE, f"the bank's rates: HTTP {reply.status}", retry_after=reply.retry_after
                )
            return _rate(reply.body, currency, on)
        raise SettingsFault("exchange_rate_missing", f"the bank has no rate of {currency} before {day}")

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        await self._outward.close()


def _lost(kind: str) -> ConnectivityFault:
    return ConnectivityFault(UNREACHABLE, f"the bank's rates: {kind}")


def _rate(body: bytes, currency: str, on: date) -> ExchangeRate:
    try:
        told: Any = json.loads(body, parse_float=Decimal, parse_int=Decimal)
        (row,) = told["rates"]
        rate, table = row["mid"], row["no"]
        sound = isinstance(rate, Decimal) and rate.is_finite() and rate > 0 and isinstance(table, str) and table
        if not sound or told["code"] != currency or row["effectiveDate"] != on.isoformat():
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConnectivityFault(UNREACHABLE, "the bank's rates: an answer that cannot be understood") from None
    return ExchangeRate(currency, rate, table, on)
