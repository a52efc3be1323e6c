"""Seller and buyer side by side (VAT Act art. 106e ust. 1 pkt 3 to 5).

Under them, on a correction, its reason (art. 106j ust. 2 pkt 4) and the buyer as he stood before, where his data were
what was wrong.
"""

from __future__ import annotations

from typing import Final

from babel import Locale

from invoicing.documents.pdf.draft import Draft, Tongue
from invoicing.documents.pdf.labels import both, draw_beside
from invoicing.documents.pdf.layout import LEFT, WIDTH, Align, wrap
from invoicing.documents.pdf.look import HAIRLINE
from invoicing.domain.invoices import Party
from invoicing.domain.parties import EU
from invoicing.domain.tax import VatRate

GUTTER: Final = 36.0
PARTY_WIDTH: Final = (WIDTH - GUTTER) / 2
SECOND_COLUMN: Final = LEFT + PARTY_WIDTH + GUTTER


def draw_parties(draft: Draft) -> None:
    """Seller and buyer under a hairline, and what a correction has to say about itself."""
    sheet, invoice = draft.sheet, draft.invoice
    sheet.mark(draft.word("outline.parties"))
    sheet.bar(LEFT, sheet.y, WIDTH, 0.5, HAIRLINE)
    top = sheet.y - 18
    left = _draw_party(draft, LEFT, top, "party.seller", invoice.seller)
    right = _draw_party(draft, SECOND_COLUMN, top, "party.buyer", invoice.buyer)
    sheet.y = min(left, right) - 20
    if invoice.correction:
        _draw_correction(draft)


def _draw_party(draft: Draft, x: float, top: float, title: str, party: Party) -> float:
    sheet, look = draft.sheet, draft.look
    first, second = both(draft, title)
    top -= look.heading.size
    top -= draw_beside(draft, x, top, PARTY_WIDTH, (first.upper(), second), look.heading)
    top = sheet.lines(x, top - 7.5, wrap(party.name, look.name, PARTY_WIDTH), look.name) - 2
    town = f"{party.postal_code} {party.city}" if party.postal_code else party.city
    for text in (party.street, town):
        top = sheet.lines(x, top, wrap(text, look.body, PARTY_WIDTH), look.body)
    if _abroad(draft):
        names = _country(draft.first, party.country), _country(draft.second, party.country)
        top -= draw_beside(draft, x, top - look.body.size, PARTY_WIDTH, names, look.body) + look.body.leading
    if party.tax_id:
        label, other = both(draft, _tax_label(party))
        lines = wrap(f"{label} {_tax_number(draft, party)}", look.strong, PARTY_WIDTH)
        top = sheet.lines(x, top - 3, lines[:-1], look.strong)
        top -= draw_beside(draft, x, top - look.strong.size, PARTY_WIDTH, (lines[-1], other), look.strong)
        top -= look.strong.leading
    return top


def _draw_correction(draft: Draft) -> None:
    sheet, look, correction = draft.sheet, draft.look, draft.invoice.correction
    if correction is None:
        return
    top = sheet.y + 2
    right = top
    if correction.before_buyer:
        right = _draw_party(draft, SECOND_COLUMN, top, "party.buyer_before", correction.before_buyer)
    first, second = both(draft, "correction.reason")
    top -= look.heading.size
    top -= draw_beside(draft, LEFT, top, PARTY_WIDTH, (first.upper(), second), look.heading) + 6
    key = f"reason.{correction.reason_key}"
    reasons = draft.said(key) if key in draft.first.texts else []
    if correction.reason_text:
        reasons.insert(1 if reasons else 0, correction.reason_text)
    for place, text in enumerate(reasons):
        translated = place == len(reasons) - 1 and place > 0 and draft.second is not None
        style = look.small if translated else look.body
        leftward = bool(translated and draft.second and draft.second.leftward)
        x, align = (LEFT + PARTY_WIDTH, Align.END) if leftward else (LEFT, Align.START)
        top = sheet.lines(x, top, wrap(text, style, PARTY_WIDTH), style, align)
    sheet.y = min(top, right) - 18


def _abroad(draft: Draft) -> bool:
    return {draft.invoice.seller.country, draft.invoice.buyer.country} != {"PL"}


def _tax_label(party: Party) -> str:
    if party.country == "PL":
        return "party.nip"
    return "party.eu_vat" if party.country in EU else "party.tax_number"


def _tax_number(draft: Draft, party: Party) -> str:
    """The number as given; a Polish seller of services to EU businesses uses it with PL (art. 97 ust. 10 pkt 2)."""
    number = party.tax_id or ""
    with_prefix = party == draft.invoice.seller and any(row.rate is VatRate.EU_SERVICE for row in draft.invoice.rates)
    return f"PL{number}" if with_prefix and party.country == "PL" and number.isdigit() else number


def _country(tongue: Tongue | None, code: str) -> str:
    """Name of a country in a language; the code itself for one that CLDR does not know."""
    return str(Locale(tongue.language).territories.get(code, code)) if tongue else ""
