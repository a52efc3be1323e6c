"""What a postal code looks like, country by country.

Source: the addressing sheets of the Universal Postal Union for the member states of the EU and Poland's other
neighbours and usual partners. Spaces inside a code may be left out; the prefixes that Latvia, Lithuania and Luxembourg
put before theirs may be written or not. A country without a row takes any short code.
"""

from __future__ import annotations

import re

_SHAPES = {
    "PL": r"\d{2}-\d{3}",
    "AT BE BG CY DK HU SI CH NO": r"\d{4}",
    "LU": r"(L-)?\d{4}",
    "LV": r"(LV-)?\d{4}",
    "LT": r"(LT-)?\d{5}",
    "DE FR ES IT FI HR EE UA TR": r"\d{5}",
    "CZ SK SE GR": r"\d{3} ?\d{2}",
    "RO": r"\d{6}",
    "NL": r"[1-9]\d{3} ?[A-Z]{2}",
    "PT": r"\d{4}-\d{3}",
    "IE": r"[A-Z]\d[\dW] ?[A-Z\d]{4}",
    "MT": r"[A-Z]{3} ?\d{4}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "US": r"\d{5}(-\d{4})?",
}
_BY_COUNTRY = {
    country: re.compile(shape, re.ASCII | re.IGNORECASE)
    for countries, shape in _SHAPES.items()
    for country in countries.split()
}
_ANY = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{0,14}")


def is_postal_code(code: str, country: str) -> bool:
    """Whether the code has the shape of its country (ISO 3166 alpha-2)."""
    return _BY_COUNTRY.get(country, _ANY).fullmatch(code) is not None
