"""Series: templates with Polish tokens, counters that start again, numbers without gaps.

The next number of a period is one more than the highest that exists there, so deleting the newest document gives its
number back and leaves no gap. Source: wFirma API v2, "series".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

RESETS = ("yearly", "monthly", "daily", "")
TOKENS = re.compile(r"\[(numer|dzień|miesiąc|kwartał|rok|dzień_roku|rok_krótki|numer_0{1,6}|dzień_0|miesiąc_0)\]")


@dataclass(frozen=True)
class Series:
    """One numbering series of a company."""

    id: int
    name: str
    template: str
    type: str = "normal"
    reset: str = "yearly"
    initnumber: int = 1
    created: str = ""

    def period(self, on: date) -> str:
        """Numbers are unique within it."""
        forms = {"yearly": "%Y", "monthly": "%Y-%m", "daily": "%Y-%m-%d"}
        return on.strftime(forms.get(self.reset, ""))

    def next_number(self, taken: Iterable[int]) -> int:
        return max((self.initnumber - 1, *taken)) + 1

    def half_written(self, on: date) -> str:
        """The template with everything but the number filled in."""
        return TOKENS.sub(
            lambda found: found[0] if found[1].startswith("numer") else _part(found[1], 0, on), self.template
        )

    def written(self, number: int, on: date) -> str:
        """The full number."""
        return TOKENS.sub(lambda found: _part(found[1], number, on), self.template)


def _part(token: str, number: int, on: date) -> str:
    if token.startswith("numer_"):
        return str(number).zfill(len(token) - len("numer_") + 1)
    parts = {
        "numer": str(number),
        "dzień": str(on.day),
        "dzień_0": f"{on.day:02}",
        "miesiąc": str(on.month),
        "miesiąc_0": f"{on.month:02}",
        "kwartał": str((on.month + 2) // 3),
        "rok": str(on.year),
        "rok_krótki": f"{on.year % 100:02}",
        "dzień_roku": str(on.timetuple().tm_yday),
    }
    return parts[token]


def template_faults(template: str, reset: str) -> list[str]:
    """What is wrong with a template, in wFirma's words."""
    found = {match.split("_")[0] for match in TOKENS.findall(template)}
    wrong = []
    if "numer" not in found:
        wrong.append("Brak obligatoryjnego znacznika [numer].")
    if reset in ("monthly", "daily") and "miesiąc" not in found:
        wrong.append("Brak obligatoryjnego znacznika [miesiąc].")
    if reset == "daily" and "dzień" not in found:
        wrong.append("Brak obligatoryjnego znacznika [dzień].")
    return wrong


DEFAULT_SERIES = (
    Series(101, "Faktury", "FV [numer]/[miesiąc]/[rok]", "normal", "monthly"),
    Series(102, "Rachunki", "R [numer]/[rok]", "bill"),
    Series(103, "Korekty", "FK [numer]/[rok]", "correction"),
    Series(104, "Pro formy", "PRO [numer]/[rok]", "proforma"),
)
"""What every new company has; a document without a series gets the first one of its kind."""
