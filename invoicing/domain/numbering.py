"""Invoice numbers: series templates, the period a counter belongs to, and the full number.

VAT Act art. 106e ust. 1 pkt 2 asks for consecutive numbers within one or more series. A series is the seller's tax id
plus the template; its counter starts again every month when the template has `{month}`, every quarter with
`{quarter}`, every year with only `{year}`, and never otherwise. `{number}` may be padded, `{number:4}` prints `0007`.
The number is taken in the database transaction that stores the invoice, so that no number is lost or used twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from invoicing.domain.parties import compact_tax_id

WARSAW = ZoneInfo("Europe/Warsaw")
_FIELD = re.compile(r"\{([a-z]+)(?::([1-9]))?\}")
_LITERAL = re.compile(r"[A-Za-z0-9 ./_\\-]*")


class TemplateFault(ValueError):
    """The template cannot give unique consecutive numbers; `rule` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class SeriesTemplate:
    """A template that was checked by `parse`."""

    text: str
    fields: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> SeriesTemplate:
        """Check a template. Raises `TemplateFault` when numbers of two periods could be the same."""
        found = _FIELD.findall(text)
        names = [name for name, _ in found]
        fields = frozenset(names)
        unknown = fields - {"number", "month", "quarter", "year"}
        if unknown or not _LITERAL.fullmatch(_FIELD.sub("", text)):
            raise TemplateFault("only {number}, {month}, {quarter}, {year}, letters, digits and . / _ - are allowed")
        if names.count("number") != 1:
            raise TemplateFault("{number} must stand exactly once")
        if any(width for name, width in found if name != "number"):
            raise TemplateFault("only {number} may be padded")
        if fields & {"month", "quarter"} and "year" not in fields:
            raise TemplateFault("{month} and {quarter} need {year}")
        if re.search(r"\}\{|\}[0-9]|[0-9]\{", text):
            raise TemplateFault("a field must be set apart from other digits by a letter or a sign")
        return cls(text, fields)

    def period(self, on: date) -> str:
        """The period whose counter the number belongs to: `2026-11`, `2026-Q4`, `2026` or `` for ever."""
        if "month" in self.fields:
            return f"{on.year}-{on.month:02}"
        if "quarter" in self.fields:
            return f"{on.year}-Q{_quarter(on)}"
        return str(on.year) if "year" in self.fields else ""

    def full_number(self, number: int, on: date) -> str:
        """The number as it stands on the invoice, `FV/1/11/2026`."""
        values = {"month": f"{on.month:02}", "quarter": str(_quarter(on)), "year": str(on.year)}

        def written(match: re.Match[str]) -> str:
            if match[1] == "number":
                return str(number).zfill(int(match[2] or 1))
            return values[match[1]]

        return _FIELD.sub(written, self.text)


def series_key(seller_tax_id: str, template: str) -> str:
    """Identity of a series: the seller's tax id, however it is spelled, plus the template."""
    return f"{compact_tax_id(seller_tax_id)}|{template}"


def series_template(key: str) -> str:
    """The template of a series, from its key."""
    return key.partition("|")[2]


def issue_date(now: datetime) -> date:
    """The day on which a number is taken, by the calendar of Warsaw."""
    return now.astimezone(WARSAW).date()


def _quarter(on: date) -> int:
    return (on.month - 1) // 3 + 1
