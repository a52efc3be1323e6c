"""Top of the invoice: title, number, dates and the two parties (VAT Act art. 106e ust. 1 pkt 1 to 6)."""

from __future__ import annotations

from datetime import date
from typing import Final

from babel import Locale

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.layout import (
    LEFT,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    RIGHT,
    RUNNING_HEAD,
    TOP,
    WIDTH,
    Align,
    fitted,
    wrap,
)
from invoicing.documents.pdf.look import HAIRLINE
from invoicing.domain.invoices import Party
from invoicing.domain.parties import EU
from invoicing.domain.tax import VatRate

BAND: Final = 6.0
DATE_COLUMN: Final = 86.0
GUTTER: Final = 36.0
PARTY_WIDTH: Final = (WIDTH - GUTTER) / 2


def draw_heading(draft: Draft) -> None:
    """Title, number and dates of the first page."""
    sheet, look, invoice = draft.sheet, draft.look, draft.invoice
    draw_band(draft)
    baseline = TOP - 22
    sheet.text(LEFT, baseline, draft.word("invoice.title").upper(), look.title)
    number = draft.word("invoice.number", number=invoice.number)
    sheet.text(LEFT, baseline - 21, number, fitted(number, look.number, WIDTH))
    dates: tuple[tuple[str, date], ...] = (
        ("date.issued", invoice.issued_on),
        ("date.sold", invoice.sold_on),
        ("date.paid", invoice.paid_on),
    )
    for place, (key, day) in enumerate(dates):
        x = RIGHT - DATE_COLUMN * (len(dates) - 1 - place)
        sheet.text(x, baseline + 13, draft.word(key), look.label, Align.END)
        sheet.text(x, baseline, draft.figures.day(day), look.strong, Align.END)
    sheet.y = baseline - 39


def draw_running_head(draft: Draft) -> None:
    """Top of every further page: which invoice it belongs to."""
    sheet, look = draft.sheet, draft.look
    draw_band(draft)
    text = draft.word("invoice.running_head", number=draft.invoice.number)
    sheet.text(LEFT, TOP - 8, text, fitted(text, look.heading, WIDTH))
    sheet.y = TOP - RUNNING_HEAD


def draw_band(draft: Draft) -> None:
    """The coloured edge of the page."""
    draft.sheet.bar(0, PAGE_HEIGHT - BAND, PAGE_WIDTH, BAND, draft.look.accent)


def draw_parties(draft: Draft) -> None:
    """Seller and buyer side by side under a hairline."""
    sheet, invoice = draft.sheet, draft.invoice
    sheet.bar(LEFT, sheet.y, WIDTH, 0.5, HAIRLINE)
    top = sheet.y - 18
    abroad = {invoice.seller.country, invoice.buyer.country} != {"PL"}
    with_prefix = any(row.rate is VatRate.EU_SERVICE for row in invoice.rates)
    left = _party(draft, LEFT, top, "party.seller", invoice.seller, named=abroad, with_prefix=with_prefix)
    x = LEFT + PARTY_WIDTH + GUTTER
    right = _party(draft, x, top, "party.buyer", invoice.buyer, named=abroad, with_prefix=False)
    sheet.y = min(left, right) - 20


def _party(draft: Draft, x: float, top: float, title: str, party: Party, *, named: bool, with_prefix: bool) -> float:
    sheet, look = draft.sheet, draft.look
    top = sheet.lines(x, top, [draft.word(title).upper()], look.heading) - 5
    top = sheet.lines(x, top, wrap(party.name, look.name, PARTY_WIDTH), look.name) - 2
    town = f"{party.postal_code} {party.city}" if party.postal_code else party.city
    address = [party.street, town]
    if named:
        address.append(_country(party.country))
    for text in address:
        top = sheet.lines(x, top, wrap(text, look.body, PARTY_WIDTH), look.body)
    if party.tax_id:
        tax_id = f"{draft.word(_tax_label(party))} {_tax_number(party, with_prefix=with_prefix)}"
        top = sheet.lines(x, top - 3, wrap(tax_id, look.strong, PARTY_WIDTH), look.strong)
    return top


def _tax_label(party: Party) -> str:
    if party.country == "PL":
        return "party.nip"
    return "party.eu_vat" if party.country in EU else "party.tax_number"


def _tax_number(party: Party, *, with_prefix: bool) -> str:
    """The number as given; a Polish seller of services to EU businesses uses it with PL (art. 97 ust. 10 pkt 2)."""
    number = party.tax_id or ""
    return f"PL{number}" if with_prefix and party.country == "PL" and number.isdigit() else number


def _country(code: str) -> str:
    """Polish name of a country; the code itself for one that CLDR does not know."""
    return str(Locale("pl").territories.get(code, code))
