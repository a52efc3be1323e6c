"""Amounts in Polish words: `pięć złotych, dwa grosze`, with the right inflection.

The law does not ask for words; Polish custom does. The plural rule is CLDR's for Polish: one, few (2 to 4, but not 12
to 14), many.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from num2words import num2words

Forms = tuple[str, str, str]

_NAMES: Final[dict[str, tuple[Forms, Forms]]] = {
    "PLN": (("złoty", "złote", "złotych"), ("grosz", "grosze", "groszy")),
    "EUR": (("euro", "euro", "euro"), ("cent", "centy", "centów")),
    "USD": (
        ("dolar amerykański", "dolary amerykańskie", "dolarów amerykańskich"),
        ("cent", "centy", "centów"),
    ),
    "GBP": (("funt szterling", "funty szterlingi", "funtów szterlingów"), ("pens", "pensy", "pensów")),
}


def amount_in_words(amount: Decimal, currency: str) -> str:
    """The amount said in full; a currency without Polish names keeps its code and hundredths."""
    whole, hundredths = divmod(int(abs(amount).scaleb(2)), 100)
    sign = "minus " if amount < 0 else ""
    if currency not in _NAMES:
        return f"{sign}{_cardinal(whole)} {currency} {hundredths:02d}/100"
    major, minor = _NAMES[currency]
    spoken = "jedno" if whole == 1 and currency == "EUR" else _cardinal(whole)  # euro is neuter
    return f"{sign}{spoken} {_inflected(whole, major)}, {_cardinal(hundredths)} {_inflected(hundredths, minor)}"


def _cardinal(number: int) -> str:
    return str(num2words(number, lang="pl"))


def _inflected(number: int, forms: Forms) -> str:
    if number == 1:
        return forms[0]
    few = 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14
    return forms[1] if few else forms[2]
