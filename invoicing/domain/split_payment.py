"""When an invoice has to say "mechanizm podzielonej płatności" (VAT Act art. 106e ust. 1 pkt 18a).

It does when the amount due is above 15,000 PLN, or what equals that in another currency at the rate of the tax, and it
covers a taxed service of Annex 15 for a business. What carries no tax leaves nothing to be paid to a VAT account. That
the money came before the invoice changes nothing about the words.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Protocol

from invoicing.domain.exchange import NATIONAL
from invoicing.domain.money import round_to_minor
from invoicing.domain.tax import VatRate

ABOVE: Final = Decimal("15000.00")
"""In PLN; an amount of exactly this much does not demand the words."""


class _Sold(Protocol):
    """What a line has, whether it is priced or printed."""

    @property
    def annex_15(self) -> bool: ...

    @property
    def vat_rate(self) -> VatRate: ...


def demands_split_payment(
    lines: Iterable[_Sold], gross: Decimal, currency: str, rate: Decimal | None, *, to_business: bool
) -> bool:
    """Whether the words are demanded; `rate` is that of the tax, which a taxed invoice in a foreign currency has."""
    if not to_business or not any(line.annex_15 and line.vat_rate.percent for line in lines):
        return False
    if currency == NATIONAL:
        return gross > ABOVE
    return rate is not None and round_to_minor(gross * rate, NATIONAL) > ABOVE
