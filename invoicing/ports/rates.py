"""Exchange rates of the National Bank of Poland."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from invoicing.domain.exchange import ExchangeRate


class ExchangeRates(Protocol):
    """Average rates (table A)."""

    async def before(self, currency: str, day: date) -> ExchangeRate:
        """The rate of the newest table that is older than the day.

        Raises `SettingsFault("exchange_rate_missing")` when no source has one, `ConnectivityFault` or `Throttled` when
        the source was not reached.
        """
