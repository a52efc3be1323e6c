"""Pages onto a canvas: the content stream is written here, operator by operator (ISO 32000-1, sections 8 and 9).

One text object a page, fonts and colours named only where they change: this is what keeps a laid-out invoice about as
cheap as a bare canvas. Coordinates have two decimals whatever the platform. Texts reach the file as glyph codes of the
embedded subset, so nothing in them can be an operator or markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from reportlab.lib.rl_accel import escapePDF
from reportlab.pdfgen.canvas import Canvas

from invoicing.documents.pdf.fonts import REGULAR, font
from invoicing.documents.pdf.layout import Bar, Page, Run
from invoicing.documents.pdf.look import Colour


def write_pages(canvas: Canvas, pages: Iterable[Page]) -> None:
    """Write every page, bars first, then the text in reading order."""
    for page in pages:
        canvas.addLiteral("\n".join((*_bars(page.bars), *_runs(canvas, page.runs))))
        canvas.showPage()


def _bars(bars: Iterable[Bar]) -> Iterable[str]:
    shown: Colour | None = None
    for x, y, width, height, colour in bars:
        if colour is not shown:
            shown = colour
            yield _fill(colour)
        yield f"{x:.2f} {y:.2f} {width:.2f} {height:.2f} re f"


def _runs(canvas: Canvas, runs: Iterable[Run]) -> Iterable[str]:
    # ReportLab keeps the glyphs used so far per document and shows that document nowhere else; the stubs leave it out.
    document = canvas._doc  # type: ignore[attr-defined]
    name, size, subset = REGULAR, 0.0, -1
    colour: Colour | None = None
    face = font(name)
    yield "BT"
    for x, y, text, style in runs:
        if style.colour is not colour:
            colour = style.colour
            yield _fill(colour)
        if style.font != name or style.size != size:
            name, size, subset = style.font, style.size, -1
            face = font(name)
        yield f"1 0 0 1 {x:.2f} {y:.2f} Tm"
        for part, codes in face.splitString(text, document):
            if part != subset:
                subset = part
                yield f"{face.getSubsetInternalName(part, document)} {size:.2f} Tf"
            yield f"({escapePDF(codes)}) Tj"
    yield "ET"


@lru_cache(maxsize=64)
def _fill(colour: Colour) -> str:
    red, green, blue = colour
    return f"{red:.3f} {green:.3f} {blue:.3f} rg"
