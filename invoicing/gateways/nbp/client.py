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

import aiohttp

from invoicing.domain.exchange import ExchangeRate
from invoicing.errors import ConnectivityFault, SettingsFault

DAYS_BACK = 10
"""More days in a row than the bank ever was without a table."""

MOST_KEPT = 1000
UNREACHABLE = "exchange_rates_unreachable"


class NbpRates:
    """The API at one address. `close` gives the connections back."""

    def __init__(self, base_url: str, *, timeout: timedelta = timedelta(seconds=20)) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._kept: dict[tuple[str, date], ExchangeRate] = {}

    async def before(self, currency: str, day: date) -> ExchangeRate:
        """Asks day after day backwards; all of it within one timeout."""
        known = self._kept.get((currency, day))
        if known is not None:
            return known
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                found = await self._found(currency, day)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise ConnectivityFault(UNREACHABLE, f"the bank's rates: {type(error).__name__}") from None
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[currency, day] = found
        return found

    async def _found(self, currency: str, day: date) -> ExchangeRate:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"Accept": "application/json"})
        for back in range(1, DAYS_BACK + 1):
            on = day - timedelta(days=back)
            address = f"{self._base_url}/exchangerates/rates/a/{currency.lower()}/{on.isoformat()}/"
            async with self._session.get(address, params={"format": "json"}, allow_redirects=False) as answer:
                if answer.status == 404:
                    continue
                if answer.status != 200:
                    raise ConnectivityFault(UNREACHABLE, f"the bank's rates: HTTP {answer.status}")
                return _rate(await answer.read(), currency, on)
        raise SettingsFault("exchange_rate_missing", f"the bank has no rate of {currency} before {day}")

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


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
