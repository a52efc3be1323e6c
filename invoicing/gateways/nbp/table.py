"""Exchange rates from a CSV file with the columns `date,currency,rate,table`.

The file is read when a rate is wanted, so that a row added today counts without a restart. A row older than
`STALE_AFTER` is not used: no two tables of the bank are further apart, so rows are missing. Which days had a table is
known to who keeps the file.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from invoicing.domain.exchange import ExchangeRate
from invoicing.errors import SettingsFault

COLUMNS = ("date", "currency", "rate", "table")
STALE_AFTER = timedelta(days=7)
_RATE = re.compile(r"[0-9]{1,8}(\.[0-9]{1,8})?")


class TableRates:
    """Rates of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def before(self, currency: str, day: date) -> ExchangeRate:
        """The newest row of the currency that is older than the day, and not much older."""
        rows = await asyncio.to_thread(read_rates, self._path)
        known = [row for row in rows if row.currency == currency and day - STALE_AFTER <= row.on < day]
        if not known:
            raise SettingsFault(
                "exchange_rate_missing", f"the file of rates has no {currency} of the days before {day}"
            )
        return max(known, key=lambda row: row.on)


def read_rates(path: Path) -> tuple[ExchangeRate, ...]:
    """Every row of a file. Raises `SettingsFault("exchange_rate_missing")` naming the first line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise SettingsFault("exchange_rate_missing", "EXCHANGE_RATES_FILE cannot be read as UTF-8") from None
    rows = csv.DictReader(io.StringIO(text), strict=True)
    found: dict[tuple[date, str], ExchangeRate] = {}
    try:
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError("the first line must be " + ",".join(COLUMNS))
        for row in rows:
            rate = _rate(row)
            if found.setdefault((rate.on, rate.currency), rate) != rate:
                raise ValueError("a second rate of the same day and currency")
    except (ValueError, csv.Error) as error:
        where = f"EXCHANGE_RATES_FILE, line {rows.line_num}: {error}"
        raise SettingsFault("exchange_rate_missing", where) from None
    return tuple(found.values())


def _rate(row: dict[str, str]) -> ExchangeRate:
    values = [row.get(name) or "" for name in COLUMNS]
    if None in row or not all(values):
        raise ValueError("expected four values")
    on, currency, rate, table = values
    if not re.fullmatch(r"[A-Z]{3}", currency) or not _RATE.fullmatch(rate) or Decimal(rate) == 0:
        raise ValueError("expected a currency such as EUR and a rate such as 4.2518")
    return ExchangeRate(currency, Decimal(rate), table, date.fromisoformat(on))
