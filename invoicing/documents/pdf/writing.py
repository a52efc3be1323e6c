"""Pages onto a canvas: the content stream is written here, operator by operator (ISO 32000-1, sections 8 and 9).

One text object a page, fonts and colours named only where they change: this is what keeps a laid-out invoice about as
cheap as a bare canvas. Coordinates have two decimals whatever the platform. Texts reach the file as glyph codes of the
embedded subset, so nothing in them can be an operator or markup; a line whose glyphs are not in reading order says
what it reads as (`ActualText`), so that copying and reading aloud give the words as they were stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from reportlab.lib.rl_accel import escapePDF
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFStream, PDFString
from reportlab.pdfgen.canvas import Canvas

from invoicing.documents.pdf.archive import Document, Entry, bookmark
from invoicing.documents.pdf.fonts import REGULAR, font
from invoicing.documents.pdf.layout import Bar, Page, Placed, Run
from invoicing.documents.pdf.logo import Picture
from invoicing.documents.pdf.look import Colour
from invoicing.documents.pdf.script import is_plain, pieces, spoken


def write_pages(canvas: Canvas, pages: Sequence[Page]) -> None:
    """Write every page, bars and pictures first, then the text in reading order; then the outline."""
    # ReportLab keeps objects and the glyphs used so far per document and shows that document nowhere else.
    document: Document = canvas._doc  # type: ignore[attr-defined]  # missing in the stubs
    for page in pages:
        lines = (*_bars(page.bars), *_pictures(canvas, page.pictures), *_runs(document, page.runs))
        canvas.addLiteral("\n".join(lines))
        canvas.showPage()
    bookmark(
        document, [Entry(mark.title, number, mark.y) for number, page in enumerate(pages, 1) for mark in page.marks]
    )


def _bars(bars: Iterable[Bar]) -> Iterable[str]:
    shown: Colour | None = None
    for x, y, width, height, colour in bars:
        if colour is not shown:
            shown = colour
            yield _fill(colour)
        yield f"{x:.2f} {y:.2f} {width:.2f} {height:.2f} re f"


def _pictures(canvas: Canvas, pictures: Iterable[Placed]) -> Iterable[str]:
    for x, y, width, height, picture in pictures:
        yield f"q {width:.2f} 0 0 {height:.2f} {x:.2f} {y:.2f} cm {_image(canvas, picture)} Do Q"


def _image(canvas: Canvas, picture: Picture) -> str:
    """The image as an object of the document; gives back its name among the page's resources."""
    document: Document = canvas._doc  # type: ignore[attr-defined]  # missing in the stubs
    space: Any = PDFName(picture.space)
    if picture.space == "Indexed":
        colours = PDFString(picture.palette, escape=1, enc="raw")
        space = PDFArray([space, PDFName("DeviceRGB"), len(picture.palette) // 3 - 1, colours])
    entries = {
        "Type": PDFName("XObject"),
        "Subtype": PDFName("Image"),
        "Width": picture.width,
        "Height": picture.height,
        "BitsPerComponent": 8,
        "ColorSpace": space,
        "Filter": PDFName(picture.packing),
    }
    name = document.getXObjectName(picture.name)
    document.Reference(PDFStream(PDFDictionary(entries), picture.stream), name)
    canvas._formsinuse.append(picture.name)  # type: ignore[attr-defined]  # the resources of the page
    return f"/{name}"


def _runs(document: Document, runs: Iterable[Run]) -> Iterable[str]:
    name, size, subset = REGULAR, 0.0, -1
    colour: Colour | None = None
    face = font(name)
    yield "BT"
    for x, y, text, style in runs:
        if style.colour is not colour:
            colour = style.colour
            yield _fill(colour)
        yield f"1 0 0 1 {x:.2f} {y:.2f} Tm"
        plain = is_plain(text)
        if not plain:
            yield f"/Span <</ActualText <{_utf16(text)}>>> BDC"
        for piece, glyphs in ((style.font, text),) if plain else pieces(text, style.font):
            if piece != name or style.size != size:
                name, size, subset = piece, style.size, -1
                face = font(name)
            for part, codes in face.splitString(glyphs, document):
                if part != subset:
                    subset = part
                    yield f"{face.getSubsetInternalName(part, document)} {size:.2f} Tf"
                yield f"({escapePDF(codes)}) Tj"
        if not plain:
            yield "EMC"
    yield "ET"


def _utf16(text: str) -> str:
    return "FEFF" + spoken(text).encode("utf-16-be").hex().upper()


@lru_cache(maxsize=64)
def _fill(colour: Colour) -> str:
    red, green, blue = colour
    return f"{red:.3f} {green:.3f} {blue:.3f} rg"
