"""Taking the next number of a series, past every number that the seller has given out under another template.

Two templates may spell the same number (`FV/{number}/{year}` and `FV/{number:2}/{year}` both say `FV/10/2026`). Such a
number is passed over and its ordinal with it: a number identifies one document (VAT Act art. 106e ust. 1 pkt 2), so the
series goes on behind it. All of it happens in the transaction that stores the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from invoicing.domain.numbering import SeriesTemplate, series_key
from invoicing.domain.parties import compact_tax_id
from invoicing.ports import UnitOfWork

LOOKED_AT = 500
"""Candidates of one look, once a first one was found to be given out."""


@dataclass(frozen=True, slots=True)
class TakenNumber:
    """A number with its place: what the document and its row need."""

    series: str
    period: str
    ordinal: int
    full_number: str


async def take(db: UnitOfWork, seller_tax_id: str, template: SeriesTemplate, on: date) -> TakenNumber:
    """The next number of the template for that day which no document of the seller has."""
    seller = compact_tax_id(seller_tax_id)
    series, period = series_key(seller_tax_id, template.text), template.period(on)
    ordinal, looked_at = await db.take_number(series, period), 1
    while True:
        candidates = [template.full_number(ordinal + more, on) for more in range(looked_at)]
        used = await db.used_numbers(seller, candidates)
        if candidates[0] not in used:
            return TakenNumber(series, period, ordinal, candidates[0])
        free = next((more for more, number in enumerate(candidates) if number not in used), looked_at)
        ordinal, looked_at = await db.take_number(series, period, ordinal + free), LOOKED_AT
