"""VAT: what each rate means, and the totals of an invoice.

Rules (VAT Act of 11 March 2004):
- net prices: the value of a line is rounded to the grosz, net values are summed per rate and the VAT of a rate is
  computed from that sum (art. 106e ust. 1 pkt 13 and 14);
- gross prices: gross values are summed per rate and VAT = gross * rate / (100 + rate) (art. 106e ust. 7 and 8);
- every rounding is half up to the grosz (art. 106e ust. 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from invoicing.domain.money import round_to_minor

HUNDRED = Decimal(100)


class VatRate(StrEnum):
    """Rates and markings that an invoice line may carry."""

    STANDARD = "23"
    REDUCED_8 = "8"
    REDUCED_5 = "5"
    ZERO = "0"
    EXEMPT = "zw"
    OUTSIDE_POLAND = "np"
    EU_SERVICE = "np_eu"
    REVERSE_CHARGE = "oo"

    @property
    def percent(self) -> Decimal:
        """Percent of VAT; nought for every marking without tax."""
        return Decimal(self.value) if self.value.isdigit() else Decimal(0)


class Prices(StrEnum):
    """Whether the prices of a case are net or gross."""

    NET = "net"
    GROSS = "gross"


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What is sold: quantity times unit price less one discount (percent, or an amount off the line's value)."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    vat_rate: VatRate
    discount_percent: Decimal = Decimal(0)
    discount_amount: Decimal = Decimal(0)
    annex_15: bool = False

    def value(self, currency: str = "PLN") -> Decimal:
        """Value of the line in the price kind of the case, rounded half up to the minor unit."""
        before = self.quantity * self.unit_price * (HUNDRED - self.discount_percent) / HUNDRED
        return round_to_minor(before - self.discount_amount, currency)


@dataclass(frozen=True, slots=True)
class RateTotal:
    """Net, VAT and gross of one rate; `net + vat == gross` always."""

    rate: VatRate
    net: Decimal
    vat: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of an invoice and of each rate, in the order of `VatRate`."""

    rates: tuple[RateTotal, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal


def totals(lines: Sequence[PricedLine], prices: Prices, currency: str = "PLN") -> Totals:
    """Totals per rate and of the whole; the order of the lines changes nothing."""
    rates = tuple(
        _rate_total(rate, [line for line in lines if line.vat_rate is rate], prices, currency)
        for rate in VatRate
        if any(line.vat_rate is rate for line in lines)
    )
    return Totals(
        rates=rates,
        net=sum((r.net for r in rates), Decimal(0)),
        vat=sum((r.vat for r in rates), Decimal(0)),
        gross=sum((r.gross for r in rates), Decimal(0)),
    )


def _rate_total(rate: VatRate, lines: Iterable[PricedLine], prices: Prices, currency: str) -> RateTotal:
    value = sum((line.value(currency) for line in lines), Decimal(0))
    if prices is Prices.NET:
        vat = round_to_minor(value * rate.percent / HUNDRED, currency)
        return RateTotal(rate, net=value, vat=vat, gross=value + vat)
    vat = round_to_minor(value * rate.percent / (HUNDRED + rate.percent), currency)
    return RateTotal(rate, net=value - vat, vat=vat, gross=value)
