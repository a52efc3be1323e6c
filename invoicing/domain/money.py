"""Money: one type, one rounding door.

An amount is a `Decimal` in major units with exactly the currency's number of decimals. Every rounding of money in the
project happens in `round_to_minor`, half up, as the VAT Act art. 106e ust. 11 asks (from half a grosz upwards).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

MINOR_DIGITS = {"PLN": 2, "EUR": 2, "GBP": 2, "USD": 2}
"""Decimals of each supported currency (ISO 4217)."""

HIGHEST = Decimal("99999999999999.99")
"""Fourteen digits before the dot: what the payment gateway can carry."""


def minor_digits(currency: str) -> int:
    """Decimals of a currency; two for any that is not listed."""
    return MINOR_DIGITS.get(currency, 2)


def round_to_minor(value: Decimal, currency: str = "PLN") -> Decimal:
    """The one rounding door: half up to the minor unit of the currency. Refuses values that are not finite."""
    if not value.is_finite():
        raise InvalidOperation("an amount must be finite")
    return value.quantize(Decimal(1).scaleb(-minor_digits(currency)), rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in a currency. Adding two currencies raises `ValueError`; amounts of two currencies are never equal."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if self.amount != round_to_minor(self.amount, self.currency):
            raise ValueError("an amount of money has no more decimals than its currency")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError("two currencies cannot be added")
        return other.amount

    def text(self) -> str:
        """The wire form: a dot and exactly the currency's decimals, `398.52`."""
        return f"{round_to_minor(self.amount, self.currency):f}"


def amount_text(value: Decimal, currency: str = "PLN") -> str:
    """An amount as the API and the gateway spell it: `398.52`."""
    return f"{round_to_minor(value, currency):f}"
