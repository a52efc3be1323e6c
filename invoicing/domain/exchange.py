"""VAT of an invoice in a foreign currency, in PLN.

The amounts of tax are stated in PLN whatever the currency of the invoice (VAT Act art. 106e ust. 11), converted at the
average rate of the National Bank of Poland of the last business day before the tax point, or before the day of issue
when the invoice is issued earlier (art. 31a ust. 1 and 2). Each rate's tax is converted and rounded half up to the
grosz, and the sum is the sum of those, so that the printed rows make the printed total. An invoice without tax needs
no rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from invoicing.domain.money import round_to_minor
from invoicing.domain.tax import VatRate

NATIONAL = "PLN"


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """The average rate of a currency in PLN: the table that states it, and that table's day."""

    currency: str
    rate: Decimal
    table: str
    on: date


class _TaxOfRate(Protocol):
    """What a row of totals has, whether it is computed or stored."""

    @property
    def rate(self) -> VatRate: ...

    @property
    def vat(self) -> Decimal: ...


def needs_rate(currency: str, vat: Decimal) -> bool:
    """Whether tax has to be stated in PLN beside the currency of the invoice."""
    return currency != NATIONAL and vat != 0


def rate_before(sold_on: date, issued_on: date) -> date:
    """The day before which the rate's business day is looked for."""
    return min(sold_on, issued_on)


def in_pln(rows: Iterable[_TaxOfRate], rate: Decimal) -> tuple[tuple[VatRate, Decimal], ...]:
    """The tax of each taxed rate in PLN."""
    return tuple((row.rate, round_to_minor(row.vat * rate, NATIONAL)) for row in rows if row.rate.percent)
