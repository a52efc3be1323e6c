"""Several sources of exchange rates, asked in their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from invoicing.domain.exchange import ExchangeRate
from invoicing.errors import SettingsFault
from invoicing.ports import ExchangeRates


class RatesInOrder:
    """The first source that has the rate; what went wrong at the last one is what is told."""

    def __init__(self, sources: Sequence[ExchangeRates]) -> None:
        self._sources = tuple(sources)

    async def before(self, currency: str, day: date) -> ExchangeRate:
        """A source that lacks the rate is passed over."""
        missing = SettingsFault("exchange_rate_missing", "no source of exchange rates is configured")
        for source in self._sources:
            try:
                return await source.before(currency, day)
            except SettingsFault as fault:
                missing = fault
        raise missing
