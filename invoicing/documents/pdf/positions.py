"""The table of what was sold (VAT Act art. 106e ust. 1 pkt 7 to 12), over as many pages as it needs.

Columns of figures are as wide as their widest figure and the name takes the rest; where that leaves too little for a
name, the whole table is set smaller. A row stays on one page unless it is taller than a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.fonts import width
from invoicing.documents.pdf.layout import BOTTOM, LEFT, RIGHT, RUNNING_HEAD, TOP, WIDTH, Align, wrap
from invoicing.documents.pdf.look import HAIRLINE, MUTED, Style
from invoicing.domain.invoices import InvoiceLine
from invoicing.domain.money import round_to_minor
from invoicing.domain.tax import Prices

GAP: Final = 13.0
PADDING: Final = 5.6
NARROWEST_NAME: Final = 150.0
WIDEST_UNIT: Final = 68.0
SIZES: Final = (8.8, 8.0, 7.2, 6.4)
HEAD_DEPTH: Final = 14.6
FRESH_ROOM: Final = TOP - RUNNING_HEAD - HEAD_DEPTH - BOTTOM
NAME: Final = 1
UNIT: Final = 3


class Position(NamedTuple):
    """One line of the invoice as printed; `cells` follow the columns, `percent` stands under the discount."""

    cells: tuple[str, ...]
    percent: str


class Grid(NamedTuple):
    """Where the columns are: the aligned edge of each, and the width that name and unit may fill."""

    edges: tuple[float, ...]
    name_width: float
    body: Style


def draw_positions(draft: Draft) -> None:
    """Head and rows, the head again on every page."""
    discounted = any(line.discount_percent or line.discount_amount for line in draft.invoice.lines)
    heads = _heads(draft, discounted)
    positions = [_position(draft, n, line, discounted) for n, line in enumerate(draft.invoice.lines, 1)]
    grid = _grid(draft, heads, [position.cells for position in positions])
    _draw_head(draft, grid, heads)
    for position in positions:
        _draw_row(draft, grid, heads, position)


def _heads(draft: Draft, discounted: bool) -> tuple[str, ...]:
    net = draft.invoice.prices is Prices.NET
    keys = (
        "line.number",
        "line.description",
        "line.quantity",
        "line.unit",
        "line.unit_price_net" if net else "line.unit_price_gross",
        *(("line.discount",) if discounted else ()),
        "line.vat_rate",
        "line.value_net" if net else "line.value_gross",
    )
    return tuple(draft.word(key) for key in keys)


def _position(draft: Draft, number: int, line: InvoiceLine, discounted: bool) -> Position:
    """The discount is printed as the amount it takes off, as pkt 10 asks, so that the row can be checked by hand."""
    figures = draft.figures
    discount: tuple[str, ...] = ()
    if discounted:
        full = round_to_minor(line.quantity * line.unit_price, draft.invoice.currency)
        reduced = line.discount_percent or line.discount_amount
        discount = (figures.amount(full - line.value) if reduced else "",)
    return Position(
        cells=(
            str(number),
            line.description,
            figures.number(line.quantity),
            line.unit,
            figures.amount(line.unit_price),
            *discount,
            draft.rate(line.vat_rate),
            figures.amount(line.value),
        ),
        percent=figures.percent(line.discount_percent) if line.discount_percent else "",
    )


def _grid(draft: Draft, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Grid:
    label = draft.look.label
    columns = [set(column) for column in zip(*rows, strict=True)]
    for size in SIZES:
        body = draft.look.body.sized(size)
        widths = [
            max(_widest(column, body), width(head, label.font, label.size))
            for head, column in zip(heads, columns, strict=True)
        ]
        widths[UNIT] = min(widths[UNIT], WIDEST_UNIT)
        widths[NAME] = WIDTH - GAP * (len(widths) - 1) - (sum(widths) - widths[NAME])
        if widths[NAME] >= NARROWEST_NAME:
            break
    edges: list[float] = []
    x = LEFT
    for place, wide in enumerate(widths):
        edges.append(x if place in (0, NAME, UNIT) else x + wide)
        x += wide + GAP
    edges[-1] = RIGHT
    return Grid(tuple(edges), widths[NAME], body)


def _widest(texts: Iterable[str], style: Style) -> float:
    return max(width(text, style.font, style.size) for text in texts)


def _side(place: int) -> Align:
    return Align.START if place in (0, NAME, UNIT) else Align.END


def _draw_head(draft: Draft, grid: Grid, heads: tuple[str, ...]) -> None:
    sheet, look = draft.sheet, draft.look
    baseline = sheet.y - look.label.size
    for place, head in enumerate(heads):
        sheet.text(grid.edges[place], baseline, head, look.label, _side(place))
    sheet.y -= HEAD_DEPTH
    sheet.bar(LEFT, sheet.y, WIDTH, 1.1, look.accent)


def _draw_row(draft: Draft, grid: Grid, heads: tuple[str, ...], position: Position) -> None:
    sheet, body = draft.sheet, grid.body
    names = wrap(position.cells[NAME], body, grid.name_width)
    units = wrap(position.cells[UNIT], body, WIDEST_UNIT)
    depth = max(len(names), len(units), 2 if position.percent else 1)
    height = depth * body.leading + 2 * PADDING
    if height > sheet.room() and (height <= FRESH_ROOM or sheet.room() < 3 * body.leading):
        _continue(draft, grid, heads)
    top, fitting = sheet.y - PADDING, _lines_that_fit(draft, body)
    for place, cell in enumerate(position.cells):
        if place == NAME:
            sheet.lines(grid.edges[NAME], top, names[:fitting], body)
        elif place == UNIT:
            sheet.lines(grid.edges[UNIT], top, units, body)
        else:
            style = body._replace(colour=MUTED) if place == 0 else body
            sheet.text(grid.edges[place], top - body.size, cell, style, _side(place))
    if position.percent:
        small = body.sized(body.size * 0.85)._replace(colour=MUTED)
        sheet.text(grid.edges[-3], top - body.size - body.leading, position.percent, small, Align.END)
    while names := names[fitting:]:
        _continue(draft, grid, heads)
        fitting = _lines_that_fit(draft, body)
        sheet.lines(grid.edges[NAME], sheet.y - PADDING, names[:fitting], body)
        height = len(names[:fitting]) * body.leading + 2 * PADDING
    sheet.y -= height
    sheet.bar(LEFT, sheet.y, WIDTH, 0.5, HAIRLINE)


def _lines_that_fit(draft: Draft, style: Style) -> int:
    return max(1, int((draft.sheet.room() - 2 * PADDING) // style.leading))


def _continue(draft: Draft, grid: Grid, heads: tuple[str, ...]) -> None:
    draft.sheet.turn_page()
    _draw_head(draft, grid, heads)
