"""Geometry: the A4 page, its grid, wrapping by measured width, page breaks.

Drawing is recorded first and written afterwards, because "page n of m" needs m before page 1 is written. Positions are
points from the lower left corner of a page that is read from left to right. A document in Arabic alone is the mirror
image of that page, and this module alone does the mirroring: `START` and `END` name the sides of a line as the reader
meets them; columns of figures stay flush right, because digits run left to right everywhere. Text is only ever
measured and shown, never parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from invoicing.documents.pdf.logo import Picture
from invoicing.documents.pdf.look import Colour, Style
from invoicing.documents.pdf.script import marked, runs_leftward, width

PAGE_WIDTH: Final = 595.28
PAGE_HEIGHT: Final = 841.89
LEFT: Final = 50.0
RIGHT: Final = PAGE_WIDTH - 50.0
TOP: Final = PAGE_HEIGHT - 54.0
BOTTOM: Final = 66.0
FOOT: Final = 38.0
RUNNING_HEAD: Final = 24.0
WIDTH: Final = RIGHT - LEFT


class Align(Enum):
    """Which end of the text sits at the given position."""

    START = 0
    END = 1


class Run(NamedTuple):
    """One line of text on a page."""

    x: float
    y: float
    text: str
    style: Style


class Bar(NamedTuple):
    """A filled rectangle: a panel, a band or a hairline."""

    x: float
    y: float
    width: float
    height: float
    colour: Colour


class Placed(NamedTuple):
    """A picture on a page."""

    x: float
    y: float
    width: float
    height: float
    picture: Picture


class Mark(NamedTuple):
    """An entry of the document's outline: where it leads to on its page."""

    title: str
    y: float


class Page:
    """What one page shows; bars and pictures lie under the text."""

    __slots__ = ("bars", "marks", "pictures", "runs")

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.bars: list[Bar] = []
        self.pictures: list[Placed] = []
        self.marks: list[Mark] = []


class Sheet:
    """A document being laid out: pages so far, and `y`, the top of what is still free on the last one."""

    def __init__(self, head: Callable[[], None], *, mirrored: bool = False) -> None:
        """`head` draws the top of every page after the first and leaves `y` below it."""
        self.pages = [Page()]
        self.y = TOP
        self.mirrored = mirrored
        self._fresh_y = TOP
        self._head = head

    def text(
        self,
        x: float,
        y: float,
        text: str,
        style: Style,
        align: Align = Align.START,
        page: Page | None = None,
    ) -> None:
        """One line with its baseline at `y`, on the last page unless told; `END` puts the end of the line at `x`."""
        if self.mirrored:
            x = PAGE_WIDTH - x
            if align is Align.START:
                x -= width(text, style.font, style.size)
        elif align is Align.END:
            x -= width(text, style.font, style.size)
        (page or self.pages[-1]).runs.append(Run(x, y, text, style))

    def figure(self, end: float, wide: float, y: float, text: str, style: Style) -> None:
        """A figure flush right in its column: the column is mirrored, the side on which its digits meet is not."""
        right = PAGE_WIDTH - end + wide if self.mirrored else end
        self.pages[-1].runs.append(Run(right - width(text, style.font, style.size), y, text, style))

    def lines(self, x: float, top: float, lines: Sequence[str], style: Style, align: Align = Align.START) -> float:
        """Several lines from `top` down; gives back the bottom of the last one.

        A paragraph against the direction of the document keeps its place, but its lines meet on its own side.
        """
        if len(lines) > 1 and align is Align.START and runs_leftward(lines[0]) is not self.mirrored:
            x += max(width(line, style.font, style.size) for line in lines)
            align = Align.END
        for line in lines:
            self.text(x, top - style.size, line, style, align)
            top -= style.leading
        return top

    def bar(self, x: float, y: float, wide: float, high: float, colour: Colour, page: Page | None = None) -> None:
        """A filled rectangle with its lower left corner at (x, y), on the last page unless told."""
        if self.mirrored:
            x = PAGE_WIDTH - x - wide
        (page or self.pages[-1]).bars.append(Bar(x, y, wide, high, colour))

    def picture(self, x: float, y: float, wide: float, high: float, picture: Picture) -> None:
        """A picture with its lower left corner at (x, y)."""
        if self.mirrored:
            x = PAGE_WIDTH - x - wide
        self.pages[-1].pictures.append(Placed(x, y, wide, high, picture))

    def grid(self, x: float, y: float, side: float, rows: Sequence[Sequence[bool]], colour: Colour) -> None:
        """A square of dark and light modules from its lower left corner; its place is mirrored, never its content."""
        if self.mirrored:
            x = PAGE_WIDTH - x - side
        module = side / len(rows)
        bars = self.pages[-1].bars
        for place, row in enumerate(rows):
            bottom = y + side - (place + 1) * module
            start = 0
            while start < len(row):
                end = start
                while end < len(row) and row[end]:
                    end += 1
                if end > start:
                    bars.append(Bar(x + start * module, bottom, (end - start) * module, module, colour))
                start = end + 1

    def mark(self, title: str) -> None:
        """An entry of the outline that leads to what is drawn next."""
        self.pages[-1].marks.append(Mark(title, self.y))

    def room(self) -> float:
        """Height that is left on the page."""
        return self.y - BOTTOM

    def turn_page(self) -> None:
        """Begin the next page."""
        self.pages.append(Page())
        self.y = TOP
        self._head()
        self._fresh_y = self.y

    def keep_together(self, draw: Callable[[], None]) -> None:
        """Draw a block on one page: when it runs over the bottom, take it back and draw it on the next page."""
        page, start = self.pages[-1], self.y
        runs, bars, marks = len(page.runs), len(page.bars), len(page.marks)
        draw()
        if self.y < BOTTOM and start < self._fresh_y:
            del page.runs[runs:]
            del page.bars[bars:]
            del page.marks[marks:]
            self.turn_page()
            draw()


def wrap(text: str, style: Style, limit: float) -> list[str]:
    """The lines into which a text falls when none may be wider than `limit`; a word that is wider is cut.

    Breaks at spaces and line ends only, no-break spaces hold. Nothing but the spaces at a break is left out. Lines
    that hold right-to-left letters carry invisible marks of their paragraph.
    """
    if "\n" not in text and width(text, style.font, style.size) <= limit:
        return [text]
    return [line for part in text.split("\n") for line in marked(_wrapped(part, style, limit))]


def _wrapped(text: str, style: Style, limit: float) -> list[str]:
    font, size = style.font, style.size
    space = width(" ", font, size)
    lines: list[str] = []
    line, used = "", 0.0
    for word in text.split(" "):
        wide = width(word, font, size)
        if line and used + space + wide <= limit:
            line, used = f"{line} {word}", used + space + wide
            continue
        if line:
            lines.append(line)
        while wide > limit and len(word) > 1:
            cut = _fitting(word, style, limit)
            lines.append(word[:cut])
            word = word[cut:]
            wide = width(word, font, size)
        line, used = word, wide
    lines.append(line)
    return lines


def _fitting(word: str, style: Style, limit: float) -> int:
    """How many leading characters fit, at least one."""
    low, high = 1, len(word) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if width(word[:middle], style.font, style.size) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def fitted(text: str, style: Style, limit: float) -> Style:
    """The style, smaller where one line of text would be wider than `limit`."""
    wide = width(text, style.font, style.size)
    return style if wide <= limit else style.sized(style.size * limit / wide)
