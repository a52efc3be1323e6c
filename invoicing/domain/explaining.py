"""Why a total is what it is: each line, each rate and each sum of a case with the formula that leads to it.

The figures are those of `invoicing.domain.tax`, never computed a second way; a formula shows how they come about, exact
up to its rounding, which is marked `≈`. Rules: VAT Act art. 106e ust. 1 pkt 13 and 14 (net prices), ust. 7 and 8 (gross
prices), ust. 11 (rounding). Sentences are keys, the edges translate them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from invoicing.domain.cases import CaseDocument
from invoicing.domain.money import amount_text
from invoicing.domain.tax import HUNDRED, PricedLine, Prices, RateTotal, Totals, VatRate, totals
from invoicing.domain.validation import priced_lines

EXACT_DIGITS = 60
"""Digits that hold any product of a quantity, a price and a percentage without rounding."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text key, and the formula that the text is filled with; a formula reads the same in every language."""

    key: str
    formula: str


@dataclass(frozen=True, slots=True)
class LineExplained:
    """`before_discount - discount + rounding == value`; all but `value` are exact."""

    position: int
    description: str
    vat_rate: VatRate
    before_discount: Decimal
    discount: Decimal
    rounding: Decimal
    value: Decimal
    said: Sentence


@dataclass(frozen=True, slots=True)
class RateExplained:
    """One rate: which positions make its sum, and how the other two amounts follow from that."""

    positions: tuple[int, ...]
    total: RateTotal
    said: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every total of a case, from its lines up."""

    prices: Prices
    currency: str
    lines: tuple[LineExplained, ...]
    rates: tuple[RateExplained, ...]
    totals: Totals
    said: tuple[Sentence, ...]


def explain_case(document: CaseDocument) -> Explanation | None:
    """The totals of a case explained; None while a rate is not one we know."""
    lines = priced_lines(document)
    return None if lines is None else explain(lines, document.prices, document.currency)


def explain(lines: Sequence[PricedLine], prices: Prices, currency: str = "PLN") -> Explanation:
    """The totals of these lines explained."""
    sums = totals(lines, prices, currency)
    explained = tuple(_line(position, line, currency) for position, line in enumerate(lines, 1))
    return Explanation(
        prices=prices,
        currency=currency,
        lines=explained,
        rates=tuple(_rate(row, [one for one in explained if one.vat_rate is row.rate], prices) for row in sums.rates),
        totals=sums,
        said=(
            Sentence("explain.total_net", _sum((row.net for row in sums.rates), sums.net)),
            Sentence("explain.total_vat", _sum((row.vat for row in sums.rates), sums.vat)),
            Sentence("explain.total_gross", _sum((row.gross for row in sums.rates), sums.gross)),
        ),
    )


def exact_text(value: Decimal) -> str:
    """A figure with as many decimals as it needs."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _line(position: int, line: PricedLine, currency: str) -> LineExplained:
    value = line.value(currency)
    with localcontext(prec=EXACT_DIGITS):
        before = line.quantity * line.unit_price
        discount = before * line.discount_percent / HUNDRED + line.discount_amount
        exact = before - discount
        rounding = value - exact
    formula = f"{exact_text(line.quantity)} × {amount_text(line.unit_price, currency)}"
    if line.discount_percent:
        formula += f" × (100 − {exact_text(line.discount_percent)}) / 100"
    if line.discount_amount:
        formula += f" − {amount_text(line.discount_amount, currency)}"
    formula += f" = {exact_text(exact)} ≈ {value:f}" if rounding else f" = {value:f}"
    return LineExplained(
        position=position,
        description=line.description,
        vat_rate=line.vat_rate,
        before_discount=before,
        discount=discount,
        rounding=rounding,
        value=value,
        said=Sentence("explain.line_rounded" if rounding else "explain.line", formula),
    )


def _rate(row: RateTotal, lines: Sequence[LineExplained], prices: Prices) -> RateExplained:
    base = row.net if prices is Prices.NET else row.gross
    if prices is Prices.NET:
        rest = Sentence("explain.gross_of_rate", f"{row.net:f} + {row.vat:f} = {row.gross:f}")
    else:
        rest = Sentence("explain.net_of_rate", f"{row.gross:f} − {row.vat:f} = {row.net:f}")
    return RateExplained(
        positions=tuple(line.position for line in lines),
        total=row,
        said=(Sentence("explain.rate_sum", _sum((line.value for line in lines), base)), _vat(row, base, prices), rest),
    )


def _vat(row: RateTotal, base: Decimal, prices: Prices) -> Sentence:
    percent = row.rate.percent
    if not percent:
        return Sentence("explain.vat_none", f"{row.vat:f}")
    if prices is Prices.NET:
        key, divisor = "explain.vat_of_net", HUNDRED
    else:
        key, divisor = "explain.vat_out_of_gross", HUNDRED + percent
    with localcontext(prec=EXACT_DIGITS):
        sign = "=" if base * percent == row.vat * divisor else "≈"
    return Sentence(key, f"{base:f} × {percent:f} / {divisor:f} {sign} {row.vat:f}")


def _sum(parts: Iterable[Decimal], whole: Decimal) -> str:
    added = [f"{part:f}" for part in parts]
    return added[0] if len(added) == 1 else f"{' + '.join(added)} = {whole:f}"
