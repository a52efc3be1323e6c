"""The table of what was sold (VAT Act art. 106e ust. 1 pkt 7 to 12), over as many pages as it needs.

Columns of figures are as wide as their widest figure and the name takes the rest; where that leaves too little for a
name, the whole table is set smaller. A row stays on one page unless it is taller than a page. A correction has two
tables in one grid, before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.labels import both, draw_beside, draw_stacked, stacked_width
from invoicing.documents.pdf.layout import BOTTOM, LEFT, RIGHT, RUNNING_HEAD, TOP, WIDTH, wrap
from invoicing.documents.pdf.look import HAIRLINE, MUTED, Style
from invoicing.documents.pdf.script import width
from invoicing.domain.invoices import InvoiceLine
from invoicing.domain.money import round_to_minor
from invoicing.domain.tax import Prices

GAP: Final = 13.0
PADDING: Final = 5.6
NARROWEST_NAME: Final = 150.0
WIDEST_UNIT: Final = 68.0
SIZES: Final = (8.8, 8.0, 7.2, 6.4)
HEAD_DEPTH: Final = 14.6
SECTION_ROOM: Final = 90.0
NAME: Final = 1
UNIT: Final = 3

Heads = tuple[tuple[str, str], ...]


class Position(NamedTuple):
    """One line of the invoice as printed; `cells` follow the columns, `percent` stands under the discount."""

    cells: tuple[str, ...]
    percent: str


class Grid(NamedTuple):
    """Where the columns are: the aligned edge and the width of each; the heads and the style of the body."""

    edges: tuple[float, ...]
    widths: tuple[float, ...]
    body: Style
    heads: Heads

    @property
    def head_depth(self) -> float:
        """Height of the head with its rule."""
        return HEAD_DEPTH + (9.0 if any(second for _, second in self.heads) else 0.0)


def draw_positions(draft: Draft) -> None:
    """Every table of positions, the head again on every page."""
    invoice, correction = draft.invoice, draft.invoice.correction
    lines = (*correction.before_lines, *invoice.lines) if correction else invoice.lines
    discounted = any(line.discount_percent or line.discount_amount for line in lines)
    after = _positions(draft, invoice.lines, discounted)
    if correction is None or correction.before_lines == invoice.lines:
        draft.sheet.mark(draft.word("outline.lines"))
        _draw_table(draft, _grid(draft, _heads(draft, discounted), after), after)
        return
    before = _positions(draft, correction.before_lines, discounted)
    grid = _grid(draft, _heads(draft, discounted), [*before, *after])
    for key, rows in (("correction.before", before), ("correction.after", after)):
        if draft.sheet.room() < SECTION_ROOM:
            draft.sheet.turn_page()
        draft.sheet.mark(draft.word(key))
        draft.sheet.y -= draft.look.heading.size
        first, second = both(draft, key)
        draft.sheet.y -= draw_beside(draft, LEFT, draft.sheet.y, WIDTH, (first.upper(), second), draft.look.heading) + 6
        _draw_table(draft, grid, rows)
        draft.sheet.y -= 16 if key == "correction.before" else 0


def _heads(draft: Draft, discounted: bool) -> Heads:
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
    return tuple(both(draft, key) for key in keys)


def _positions(draft: Draft, lines: Sequence[InvoiceLine], discounted: bool) -> list[Position]:
    return [_position(draft, number, line, discounted) for number, line in enumerate(lines, 1)]


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


def _grid(draft: Draft, heads: Heads, rows: Sequence[Position]) -> Grid:
    label = draft.look.label
    columns = [set(column) for column in zip(*(row.cells for row in rows), strict=True)] or [set() for _ in heads]
    for size in SIZES:
        body = draft.look.body.sized(size)
        widths = [
            max(_widest(column, body), stacked_width(draft, head, label))
            for head, column in zip(heads, columns, strict=True)
        ]
        widths[UNIT] = min(widths[UNIT], WIDEST_UNIT)
        widths[NAME] = WIDTH - GAP * (len(widths) - 1) - (sum(widths) - widths[NAME])
        if widths[NAME] >= NARROWEST_NAME:
            break
    edges: list[float] = []
    x = LEFT
    for place, wide in enumerate(widths):
        edges.append(x if _is_text(place) else x + wide)
        x += wide + GAP
    edges[-1] = RIGHT
    return Grid(tuple(edges), tuple(widths), body, heads)


def _widest(texts: Iterable[str], style: Style) -> float:
    return max((width(text, style.font, style.size) for text in texts), default=0.0)


def _is_text(place: int) -> bool:
    return place in (0, NAME, UNIT)


def _draw_table(draft: Draft, grid: Grid, rows: Sequence[Position]) -> None:
    _draw_head(draft, grid)
    for row in rows:
        _draw_row(draft, grid, row)


def _draw_head(draft: Draft, grid: Grid) -> None:
    sheet, label, second = draft.sheet, draft.look.label, draft.look.second
    baseline = sheet.y - label.size
    for place, head in enumerate(grid.heads):
        if _is_text(place):
            draw_stacked(draft, grid.edges[place], baseline, head, label)
        else:
            sheet.figure(grid.edges[place], grid.widths[place], baseline, head[0], label)
            if head[1]:
                sheet.figure(grid.edges[place], grid.widths[place], baseline - second.leading, head[1], second)
    sheet.y -= grid.head_depth
    sheet.bar(LEFT, sheet.y, WIDTH, 1.1, draft.look.accent)


def _draw_row(draft: Draft, grid: Grid, position: Position) -> None:
    sheet, body = draft.sheet, grid.body
    names = wrap(position.cells[NAME], body, grid.widths[NAME])
    units = wrap(position.cells[UNIT], body, WIDEST_UNIT)
    depth = max(len(names), len(units), 2 if position.percent else 1)
    height = depth * body.leading + 2 * PADDING
    fresh_room = TOP - RUNNING_HEAD - grid.head_depth - BOTTOM
    if height > sheet.room() and (height <= fresh_room or sheet.room() < 3 * body.leading):
        _continue(draft, grid)
    top, fitting = sheet.y - PADDING, _lines_that_fit(draft, body)
    for place, cell in enumerate(position.cells):
        if place == NAME:
            sheet.lines(grid.edges[NAME], top, names[:fitting], body)
        elif place == UNIT:
            sheet.lines(grid.edges[UNIT], top, units, body)
        elif place == 0:
            sheet.text(grid.edges[0], top - body.size, cell, body._replace(colour=MUTED))
        else:
            sheet.figure(grid.edges[place], grid.widths[place], top - body.size, cell, body)
    if position.percent:
        small = body.sized(body.size * 0.85)._replace(colour=MUTED)
        sheet.figure(grid.edges[-3], grid.widths[-3], top - body.size - body.leading, position.percent, small)
    while names := names[fitting:]:
        _continue(draft, grid)
        fitting = _lines_that_fit(draft, body)
        sheet.lines(grid.edges[NAME], sheet.y - PADDING, names[:fitting], body)
        height = len(names[:fitting]) * body.leading + 2 * PADDING
    sheet.y -= height
    sheet.bar(LEFT, sheet.y, WIDTH, 0.5, HAIRLINE)


def _lines_that_fit(draft: Draft, style: Style) -> int:
    return max(1, int((draft.sheet.room() - 2 * PADDING) // style.leading))


def _continue(draft: Draft, grid: Grid) -> None:
    draft.sheet.turn_page()
    _draw_head(draft, grid)
