"""Totals of a document: net, VAT and gross per rate and in all, and the panel with what is due.

VAT Act art. 106e ust. 1 pkt 13 to 15 (sums and amount due); art. 106j ust. 2 pkt 5 (a correction states by how much the
base and the tax of each rate change); art. 106e ust. 1 pkt 14 with art. 31a (VAT of an invoice in another currency in
PLN). Taxless rates show a dash where others show their VAT; only 0% has a VAT of nought.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.labels import both, draw_beside, draw_stacked, stacked_width
from invoicing.documents.pdf.layout import RIGHT, Align, fitted
from invoicing.documents.pdf.look import HAIRLINE, Style
from invoicing.documents.pdf.script import width
from invoicing.domain.invoices import RateRow

GAP: Final = 16.0
ROW: Final = 17.0
SUMS_WIDTH: Final = 262.0
WIDEST_SUMS: Final = 310.0
INSET: Final = 12.0
KEYS: Final = ("rate", "net", "vat", "gross")


class Sum(NamedTuple):
    """One row of sums: its name in one or two tongues, three amounts, and whether it is a total."""

    name: tuple[str, str]
    amounts: tuple[str, str, str]
    strong: bool = False


def draw_totals(draft: Draft, top: float) -> tuple[float, float]:
    """Net, VAT and gross set against the far edge; gives back the block's width and its bottom."""
    sheet, look = draft.sheet, draft.look
    heads = [both(draft, f"totals.{key}") for key in KEYS]
    rows = _sums(draft)
    strong = look.strong
    widths = _widths(draft, heads, rows, strong)
    if sum(widths) + GAP * 3 > WIDEST_SUMS:
        strong = strong.sized(strong.size * (WIDEST_SUMS - GAP * 3) / sum(widths))
        widths = _widths(draft, heads, rows, strong)
    body = strong._replace(font=look.body.font)
    spare = max(0.0, (SUMS_WIDTH - sum(widths) - GAP * 3) / 3)
    wide = sum(widths) + (GAP + spare) * 3
    edges = [RIGHT - wide, 0.0, 0.0, RIGHT]
    for place in (2, 1):
        edges[place] = edges[place + 1] - widths[place + 1] - GAP - spare
    baseline = top - look.label.size
    depth = draw_stacked(draft, edges[0], baseline, heads[0], look.label)
    for place in (1, 2, 3):
        sheet.figure(edges[place], widths[place], baseline, heads[place][0], look.label)
        if heads[place][1]:
            sheet.figure(edges[place], widths[place], baseline - look.second.leading, heads[place][1], look.second)
    top = baseline - depth - 6
    sheet.bar(RIGHT - wide, top - 0.5, wide, 0.5, HAIRLINE)
    for row in rows:
        style = strong if row.strong else body
        if row.strong:
            sheet.bar(RIGHT - wide, top - 0.8, wide, 0.8, look.accent)
        baseline = top - (13 if row.strong else 12)
        depth = draw_stacked(draft, edges[0], baseline, row.name, style)
        for place, cell in enumerate(row.amounts, 1):
            sheet.figure(edges[place], widths[place], baseline, cell, style)
        top -= ROW + depth
    return wide, top - 2


def _sums(draft: Draft) -> list[Sum]:
    invoice, correction = draft.invoice, draft.invoice.correction
    amount = draft.figures.amount
    total = (amount(invoice.net), amount(invoice.vat), amount(invoice.gross))
    if correction is None:
        return [*_of_rates(draft, invoice.rates), Sum(both(draft, "totals.sum"), total, strong=True)]
    before = (amount(correction.before_net), amount(correction.before_vat), amount(correction.before_gross))
    change = (amount(correction.difference_net), amount(correction.difference_vat), amount(correction.difference_gross))
    return [
        Sum(both(draft, "correction.before"), before),
        Sum(both(draft, "correction.after"), total),
        Sum(both(draft, "correction.difference"), change, strong=True),
        *_of_rates(draft, correction.difference_rates),
    ]


def _of_rates(draft: Draft, rows: Iterable[RateRow]) -> Iterable[Sum]:
    amount = draft.figures.amount
    for row in rows:
        vat = amount(row.vat) if row.rate.value.isdigit() else "–"
        yield Sum((draft.rate(row.rate), ""), (amount(row.net), vat, amount(row.gross)))


def _widths(draft: Draft, heads: list[tuple[str, str]], rows: list[Sum], style: Style) -> list[float]:
    """Width of each column. The body is as wide in the bold face as it ever gets."""
    names = [stacked_width(draft, row.name, style) for row in rows]
    widths = [max(stacked_width(draft, heads[0], draft.look.label), *names)]
    for place in (1, 2, 3):
        cells = max(width(row.amounts[place - 1], style.font, style.size) for row in rows)
        widths.append(max(cells, stacked_width(draft, heads[place], draft.look.label)))
    return widths


def draw_exchange(draft: Draft, top: float, wide: float) -> float:
    """VAT in PLN, per taxed rate and in all; gives back the bottom."""
    exchange, look, money = draft.invoice.exchange, draft.look, draft.figures.money
    if exchange is None:
        return top
    top -= 6 + look.heading.size
    first, second = both(draft, "exchange.vat")
    top -= draw_beside(draft, RIGHT - wide, top, wide, (first.upper(), second), look.heading) + 4
    draft.sheet.bar(RIGHT - wide, top - 0.5, wide, 0.5, HAIRLINE)
    rows = [((draft.rate(rate), ""), money(vat, "PLN"), look.body) for rate, vat in exchange.rates_vat_pln]
    rows.append((both(draft, "exchange.sum"), money(exchange.vat_pln, "PLN"), look.strong))
    return _draw_rows(draft, top, RIGHT - wide, wide, rows, 15.0)


def draw_due(draft: Draft, top: float, wide: float) -> float:
    """The panel with the amount due, what was paid and what is left; on a correction, what changes hands."""
    sheet, look, invoice = draft.sheet, draft.look, draft.invoice
    key, grand, said = _due(draft)
    x, end, inner = RIGHT - wide, RIGHT - INSET, wide - 2 * INSET
    bars = len(sheet.pages[-1].bars)
    start, top = top, top - 17
    top -= draw_beside(draft, x + INSET, top, inner, both(draft, key), look.label) + 21
    total = draft.figures.money(grand, invoice.currency)
    style = fitted(total, look.grand, inner)
    sheet.text(end, top, total, style, Align.END)
    top -= 9.5
    sheet.bar(x + INSET, top, inner, 0.5, HAIRLINE)
    rows = [
        (both(draft, name), draft.figures.money(value, invoice.currency), look.strong if strong else look.body)
        for name, value, strong in said
    ]
    top = _draw_rows(draft, top, x + INSET, inner, rows, 16.0) - 9
    panel = len(sheet.pages[-1].bars)
    sheet.bar(x, top, wide, start - top, look.tint)
    sheet.bar(x, top, 2.4, start - top, look.accent)
    page = sheet.pages[-1]
    page.bars[bars:] = [*page.bars[panel:], *page.bars[bars:panel]]  # the panel lies under its rule
    return top


def _due(draft: Draft) -> tuple[str, Decimal, list[tuple[str, Decimal, bool]]]:
    """What the panel is about, the amount set large, and the lines under it."""
    invoice, correction = draft.invoice, draft.invoice.correction
    if correction is None:
        left = ("due.left", invoice.amount_due, True)
        return "due.total", invoice.gross, [("due.paid", invoice.gross - invoice.amount_due, False), left]
    change = correction.difference_gross
    key = "due.to_pay" if change > 0 else "due.to_return" if change < 0 else "due.unchanged"
    return key, abs(change), [("due.before", correction.before_gross, False), ("due.after", invoice.gross, True)]


def _draw_rows(
    draft: Draft, top: float, x: float, wide: float, rows: list[tuple[tuple[str, str], str, Style]], pitch: float
) -> float:
    """Lines with a name and a figure at the far end; gives back the bottom."""
    sheet = draft.sheet
    column = max(width(figure, style.font, style.size) for _, figure, style in rows)
    for name, figure, style in rows:
        baseline = top - pitch + 2.5
        top -= pitch + draw_beside(draft, x, baseline, wide - column - 8, name, style, far=False)
        sheet.figure(x + wide, column, baseline, figure, style)
    return top
