"""What wFirma computes: values of lines, tax of each rate, totals.

Recorded behaviour: amounts have two decimals and counts four; the tax of a rate is taken from the sum of its lines
(from net sums, or out of gross sums), so the gross values of lines may differ from the total by a grosz.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

HUNDRED = Decimal(100)


@dataclass(frozen=True)
class VatCode:
    """A rate of the catalogue; ``code`` is how a request spells it."""

    id: int
    code: str
    label: str
    rate: Decimal
    type: str = "other"


NO_VAT = VatCode(230, "", "bez VAT", Decimal(0))
VAT_CODES = (
    VatCode(222, "23", "23%", Decimal(23), "standard"),
    VatCode(223, "8", "8%", Decimal(8), "reduced"),
    VatCode(224, "5", "5%", Decimal(5), "reduced"),
    VatCode(225, "0", "0%", Decimal(0)),
    VatCode(226, "ZW", "zw.", Decimal(0)),
    VatCode(227, "NP", "np.", Decimal(0)),
    VatCode(228, "NPUE", "np. UE", Decimal(0)),
    VatCode(229, "WDT", "WDT", Decimal(0)),
    NO_VAT,
    VatCode(231, "EXP", "eksport", Decimal(0)),
    VatCode(232, "VAT_BUYER", "VAT rozlicza nabywca", Decimal(0)),
)


@dataclass(frozen=True)
class Line:
    """One position as priced."""

    count: Decimal
    price: Decimal
    discount: Decimal
    code: VatCode

    @property
    def value(self) -> Decimal:
        """Net or gross, as the prices of the document are."""
        return money(self.count * self.price * (HUNDRED - self.discount) / HUNDRED)


@dataclass(frozen=True)
class Sums:
    """Net, tax and gross of a line, a rate or a document."""

    net: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.net + other.net, self.tax + other.tax, self.gross + other.gross)

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(self.net - other.net, self.tax - other.tax, self.gross - other.gross)


def money(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def taxed(value: Decimal, rate: Decimal, gross: bool) -> Sums:
    """The tax on a net value, or in a gross one."""
    tax = money(value * rate / (HUNDRED + rate if gross else HUNDRED))
    return Sums(value - tax, tax, value) if gross else Sums(value, tax, value + tax)


def by_rate(lines: Iterable[Line], gross: bool) -> dict[VatCode, Sums]:
    """Sums of each rate, in the order of the lines."""
    values: dict[VatCode, Decimal] = {}
    for line in lines:
        values[line.code] = values.get(line.code, Decimal(0)) + line.value
    return {code: taxed(value, code.rate, gross) for code, value in values.items()}


def total(rates: Iterable[Sums]) -> Sums:
    return sum(rates, Sums())
