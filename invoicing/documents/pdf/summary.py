"""Foot of a document: totals, payment and the notes that rates demand, on one page.

VAT Act art. 106e ust. 1 pkt 18 (the words "odwrotne obciążenie"), pkt 18a ("mechanizm podzielonej płatności") and
pkt 19 (basis of exemption).
"""

from __future__ import annotations

from typing import Final

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.figures import account_number
from invoicing.documents.pdf.labels import both, draw_beside
from invoicing.documents.pdf.layout import LEFT, RIGHT, WIDTH, Align, wrap
from invoicing.documents.pdf.look import HAIRLINE, INK, Style
from invoicing.documents.pdf.totals import INSET, draw_due, draw_exchange, draw_totals
from invoicing.documents.pdf.transfer import modules, transfer_text
from invoicing.documents.pdf.words import amount_in_words
from invoicing.domain.tax import VatRate

GUTTER: Final = 36.0
CODE: Final = 78.0

Entry = tuple[str, list[tuple[str, bool]]]
"""A label and its paragraphs, each with whether it is a translation of the one before."""


def draw_summary(draft: Draft) -> None:
    """Everything below the positions, on one page."""
    draft.sheet.keep_together(lambda: _draw(draft))


def _draw(draft: Draft) -> None:
    sheet = draft.sheet
    sheet.mark(draft.word("outline.summary"))
    top = sheet.y - 22
    wide, bottom = draw_totals(draft, top)
    bottom = draw_exchange(draft, bottom, wide)
    bottom = draw_due(draft, bottom - 12, wide)
    bottom = _draw_transfer(draft, bottom - 12, wide)
    sheet.y = min(_draw_payment(draft, top, WIDTH - wide - GUTTER), bottom)


def _draw_transfer(draft: Draft, top: float, wide: float) -> float:
    """The code for a banking app with its instruction beside it, where money is due; gives back the bottom."""
    text = transfer_text(draft.invoice)
    if text is None:
        return top + 12
    sheet, look = draft.sheet, draft.look
    x = RIGHT - wide
    rows = modules(text)
    quiet = 4 * CODE / len(rows)  # the empty edge that a scanner needs (ISO/IEC 18004)
    high = CODE + 2 * quiet
    for place in (0.0, high - 0.5):
        sheet.bar(x, top - high + place, wide, 0.5, HAIRLINE)
    sheet.grid(x + quiet, top - high + quiet, CODE, rows, INK)
    start, room = x + high + 6, wide - high - 6 - INSET
    line = top - high / 2 + 14
    for key, style in (("transfer.title", look.strong), ("transfer.hint", look.small)):
        for place, said in enumerate(draft.said(key)):
            line = _paragraph(draft, start, line, said, look.second if place else style, room, translated=place > 0)
        line -= 3
    return top - high


def _draw_payment(draft: Draft, top: float, wide: float) -> float:
    """How and when it was paid or is to be, the amount in words, the account and the notes, label over value."""
    look = draft.look
    for key, texts in _entries(draft):
        if not texts:
            continue
        baseline = top - look.label.size
        top -= draw_beside(draft, LEFT, baseline, wide, both(draft, key), look.label) + look.label.leading + 1.5
        for text, translated in texts:
            style = look.small if translated else look.body
            top = _paragraph(draft, LEFT, top, text, style, wide, translated=translated)
        top -= 6.5
    return top


def _paragraph(draft: Draft, x: float, top: float, text: str, style: Style, wide: float, *, translated: bool) -> float:
    """A wrapped text; a translation into Arabic stands flush right."""
    lines = wrap(text, style, wide)
    if translated and draft.second and draft.second.leftward:
        return draft.sheet.lines(x + wide, top, lines, style, Align.END)
    return draft.sheet.lines(x, top, lines, style)


def _entries(draft: Draft) -> list[Entry]:
    invoice, seller = draft.invoice, draft.invoice.seller
    entries: list[Entry] = []
    if invoice.kind == "invoice" and (invoice.gross != invoice.amount_due or not invoice.gross):
        entries.append(("payment.paid", _translated(_paid(draft))))
        entries.append(("payment.reference", [(invoice.payment_reference, False)]))
    if invoice.amount_due > 0:
        if invoice.due_on:
            entries.append(("date.due", [(draft.figures.day(invoice.due_on), False)]))
        if seller.bank_account:
            entries.append(("payment.title", [(invoice.number, False)]))
    if invoice.correction is None or invoice.correction.difference_gross:
        entries.append(("payment.words", _translated(_words(draft))))
    if seller.bank_account:
        entries.append(("payment.account", [(account_number(seller.bank_account), False)]))
    if invoice.exchange:
        exchange = invoice.exchange
        said = [
            tongue.word(
                "exchange.rate",
                currency=invoice.currency,
                rate=draft.figures.number(exchange.rate),
                table=exchange.table,
                on=exchange.on,
            )
            for tongue in (draft.first, draft.second)
            if tongue
        ]
        entries.append(("exchange.title", _translated(said)))
    notes = [paragraph for key in _notes(draft) for paragraph in _translated(_note(draft, key))]
    entries.append(("note.title", notes))
    return entries


def _translated(texts: list[str]) -> list[tuple[str, bool]]:
    return [(text, place > 0) for place, text in enumerate(texts)]


def _paid(draft: Draft) -> list[str]:
    invoice, key = draft.invoice, f"payment.method_{draft.invoice.payment_method}"
    tongues = [tongue for tongue in (draft.first, draft.second) if tongue]
    return [tongue.word("payment.paid_on", paid_on=invoice.paid_on, method=tongue.word(key)) for tongue in tongues]


def _words(draft: Draft) -> list[str]:
    """The amount that the document is about: on a correction, the one that changes hands."""
    invoice, correction = draft.invoice, draft.invoice.correction
    amount = abs(correction.difference_gross) if correction else invoice.gross
    tongues = [tongue for tongue in (draft.first, draft.second) if tongue]
    return [amount_in_words(amount, invoice.currency, tongue.language) for tongue in tongues]


def _note(draft: Draft, key: str) -> list[str]:
    if key == "note.exempt":
        return draft.said(key, basis=draft.invoice.exemption_basis or "")
    return draft.said(key)


def _notes(draft: Draft) -> list[str]:
    invoice = draft.invoice
    rates = {row.rate for row in invoice.rates}
    if invoice.correction:
        rates |= {row.rate for row in invoice.correction.before_rates}
    notes: list[str] = []
    if rates & {VatRate.EU_SERVICE, VatRate.REVERSE_CHARGE}:
        notes.append("note.reverse_charge")
    if VatRate.EXEMPT in rates and invoice.exemption_basis:
        notes.append("note.exempt")
    if VatRate.OUTSIDE_POLAND in rates:
        notes.append("note.outside")
    if invoice.split_payment:
        notes.append("note.split_payment")
    if invoice.kind == "proforma":
        notes.append("note.proforma")
    return notes
