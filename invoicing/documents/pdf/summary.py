"""Foot of the invoice: totals per rate, amount due, payment and the notes that rates demand.

VAT Act art. 106e ust. 1 pkt 13 to 15 (sums and amount due), pkt 18 (the words "odwrotne obciążenie") and pkt 19 (basis
of exemption). Taxless rates show a dash where others show their VAT; only 0% has a VAT of nought.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.figures import account_number
from invoicing.documents.pdf.fonts import width
from invoicing.documents.pdf.layout import LEFT, RIGHT, WIDTH, Align, fitted, wrap
from invoicing.documents.pdf.look import HAIRLINE, Style
from invoicing.documents.pdf.words import amount_in_words
from invoicing.domain.tax import VatRate

GAP: Final = 16.0
GUTTER: Final = 36.0
ROW: Final = 17.0
SUMS_WIDTH: Final = 262.0
WIDEST_SUMS: Final = 310.0
INSET: Final = 12.0


def draw_summary(draft: Draft) -> None:
    """Everything below the positions, on one page."""
    draft.sheet.keep_together(lambda: _draw(draft))


def _draw(draft: Draft) -> None:
    sheet = draft.sheet
    top = sheet.y - 22
    wide, right_bottom = _totals(draft, top)
    right_bottom = _due(draft, right_bottom - 12, wide)
    left_bottom = _payment(draft, top, WIDTH - wide - GUTTER)
    sheet.y = min(left_bottom, right_bottom)


def _totals(draft: Draft, top: float) -> tuple[float, float]:
    """Net, VAT and gross per rate and in all, set against the right edge; gives back its width and its bottom."""
    sheet, look, invoice, amount = draft.sheet, draft.look, draft.invoice, draft.figures.amount
    heads = [draft.word(f"totals.{key}") for key in ("rate", "net", "vat", "gross")]
    rows = [
        [
            draft.rate(row.rate),
            amount(row.net),
            amount(row.vat) if row.rate.value.isdigit() else "–",
            amount(row.gross),
        ]
        for row in invoice.rates
    ]
    total = [draft.word("totals.sum"), amount(invoice.net), amount(invoice.vat), amount(invoice.gross)]
    strong = look.strong
    widths = _widths(heads, rows, total, strong)
    if sum(widths) + GAP * 3 > WIDEST_SUMS:
        strong = strong.sized(strong.size * (WIDEST_SUMS - GAP * 3) / sum(widths))
        widths = _widths(heads, rows, total, strong)
    body = strong._replace(font=look.body.font)
    spare = max(0.0, (SUMS_WIDTH - sum(widths) - GAP * 3) / 3)
    wide = sum(widths) + (GAP + spare) * 3
    edges = [RIGHT - wide, 0.0, 0.0, RIGHT]
    for place in (2, 1):
        edges[place] = edges[place + 1] - widths[place + 1] - GAP - spare

    def row_of(cells: list[str], baseline: float, style: Style) -> None:
        for place, cell in enumerate(cells):
            sheet.text(edges[place], baseline, cell, style, Align.END if place else Align.START)

    row_of(heads, top - look.label.size, look.label)
    top -= look.label.size + 6
    sheet.bar(RIGHT - wide, top - 0.5, wide, 0.5, HAIRLINE)
    for cells in rows:
        row_of(cells, top - 12, body)
        top -= ROW
    sheet.bar(RIGHT - wide, top - 0.8, wide, 0.8, look.accent)
    row_of(total, top - 13, strong)
    return wide, top - ROW - 2


def _widths(heads: list[str], rows: list[list[str]], total: list[str], style: Style) -> list[float]:
    return [
        max(width(text, style.font, style.size) for text in column) for column in zip(heads, *rows, total, strict=True)
    ]


def _due(draft: Draft, top: float, wide: float) -> float:
    """The panel with the amount due, what was paid and what is left."""
    sheet, look, invoice = draft.sheet, draft.look, draft.invoice
    money = draft.figures.money
    height = 88.0
    x, end = RIGHT - wide, RIGHT - INSET
    sheet.bar(x, top - height, wide, height, look.tint)
    sheet.bar(x, top - height, 2.4, height, look.accent)
    total = money(invoice.gross, invoice.currency)
    sheet.text(x + INSET, top - 17, draft.word("due.total"), look.label)
    sheet.text(end, top - 38, total, fitted(total, look.grand, wide - 2 * INSET), Align.END)
    sheet.bar(x + INSET, top - 47.5, wide - 2 * INSET, 0.5, HAIRLINE)
    sheet.text(x + INSET, top - 61, draft.word("due.paid"), look.body)
    sheet.text(end, top - 61, total, look.body, Align.END)
    sheet.text(x + INSET, top - 77, draft.word("due.left"), look.strong)
    sheet.text(end, top - 77, money(Decimal(0), invoice.currency), look.strong, Align.END)
    return top - height


def _payment(draft: Draft, top: float, wide: float) -> float:
    """How and when it was paid, the amount in words, the account and the notes, label over value."""
    sheet, look, invoice = draft.sheet, draft.look, draft.invoice
    method = draft.word(f"payment.method_{invoice.payment_method}")
    entries = [
        (
            "payment.paid",
            [draft.word("payment.paid_on", paid_on=draft.figures.day(invoice.paid_on), method=method)],
        ),
        ("payment.reference", [invoice.payment_reference]),
        ("payment.words", [amount_in_words(invoice.gross, invoice.currency)]),
    ]
    if invoice.seller.bank_account:
        entries.append(("payment.account", [account_number(invoice.seller.bank_account)]))
    entries.append(("note.title", _notes(draft)))
    for key, texts in entries:
        if not texts:
            continue
        top = sheet.lines(LEFT, top, [draft.word(key)], look.label) - 1.5
        for text in texts:
            top = sheet.lines(LEFT, top, wrap(text, look.body, wide), look.body)
        top -= 6.5
    return top


def _notes(draft: Draft) -> list[str]:
    invoice = draft.invoice
    rates = {row.rate for row in invoice.rates}
    notes: list[str] = []
    if rates & {VatRate.EU_SERVICE, VatRate.REVERSE_CHARGE}:
        notes.append(draft.word("note.reverse_charge"))
    if VatRate.EXEMPT in rates and invoice.exemption_basis:
        notes.append(draft.word("note.exempt", basis=invoice.exemption_basis))
    if VatRate.OUTSIDE_POLAND in rates:
        notes.append(draft.word("note.outside"))
    return notes
