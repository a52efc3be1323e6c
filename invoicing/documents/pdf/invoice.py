"""The invoice as PDF: `render` turns the stored fact into bytes.

Guarantees: the same fact gives the same bytes in every process; every element of the VAT Act art. 106e ust. 1 that the
fact holds is printed; every font is embedded; texts of people are shown as they are, never read as markup.
"""

from __future__ import annotations

from hashlib import blake2b
from io import BytesIO
from threading import Lock
from typing import Final

from reportlab.pdfgen.canvas import Canvas

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.figures import Figures
from invoicing.documents.pdf.fonts import REGULAR, register
from invoicing.documents.pdf.heading import draw_heading, draw_parties, draw_running_head
from invoicing.documents.pdf.layout import FOOT, LEFT, PAGE_HEIGHT, PAGE_WIDTH, RIGHT, WIDTH, Align, Sheet
from invoicing.documents.pdf.look import HAIRLINE, look
from invoicing.documents.pdf.positions import draw_positions
from invoicing.documents.pdf.summary import draw_summary
from invoicing.documents.pdf.writing import write_pages
from invoicing.domain.invoices import Invoice
from invoicing.locale.documents import DOCUMENT_TEXTS

LANGUAGE: Final = "pl"
LANGUAGE_TAG: Final = "pl-PL"

# ReportLab's font objects keep a read position while they cut a subset: two documents written at once in two threads
# would spoil each other's fonts. Drawing is pure CPU, so the lock costs no time.
_DRAWING: Final = Lock()


def render(invoice: Invoice) -> bytes:
    """The document, in Polish, which every Polish invoice carries."""
    with _DRAWING:
        return _written(laid_out(invoice))


def laid_out(invoice: Invoice) -> Draft:
    """The document with everything in its place and nothing written yet. `render` calls it under the lock."""
    register()
    draft = Draft(
        invoice=invoice,
        look=look(invoice.colour),
        figures=Figures(LANGUAGE),
        sheet=Sheet(head=lambda: draw_running_head(draft)),
        texts=DOCUMENT_TEXTS[LANGUAGE],
    )
    draw_heading(draft)
    draw_parties(draft)
    draw_positions(draft)
    draw_summary(draft)
    _draw_feet(draft)
    return draft


def _draw_feet(draft: Draft) -> None:
    """Number and "page n of m" at the foot of every page."""
    label = draft.look.label
    pages = draft.sheet.pages
    running = draft.word("invoice.running_head", number=draft.invoice.number)
    for place, page in enumerate(pages, 1):
        draft.sheet.bar(LEFT, FOOT + 14, WIDTH, 0.5, HAIRLINE, page)
        draft.sheet.text(LEFT, FOOT, running, label, page=page)
        count = draft.word("invoice.page", page=str(place), pages=str(len(pages)))
        draft.sheet.text(RIGHT, FOOT, count, label, Align.END, page=page)


def _written(draft: Draft) -> bytes:
    invoice = draft.invoice
    target = BytesIO()
    # Not compressed: zlib and zlib-ng pack the same text into different bytes, and a page stays near 40 KB without. The
    # other arguments have defaults that ReportLab would take from settings of the machine.
    canvas = Canvas(
        target,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        bottomup=1,
        pageCompression=0,
        invariant=1,
        initialFontName=REGULAR,  # type: ignore[arg-type]  # the stubs say number, the canvas wants a name
        initialFontSize=9,
        lang=LANGUAGE_TAG,
    )
    # The file's identifier begins with a time stamp that SOURCE_DATE_EPOCH can move; ours comes from the content alone.
    canvas._doc.signature = blake2b(digest_size=16)  # type: ignore[attr-defined]  # missing in the stubs
    canvas.setTitle(draft.word("invoice.running_head", number=invoice.number))
    canvas.setAuthor(invoice.seller.name)
    issued_on = draft.figures.day(invoice.issued_on)
    canvas.setSubject(draft.word("invoice.subject", number=invoice.number, issued_on=issued_on))
    canvas.setDateFormatter(lambda *_: f"D:{invoice.issued_on:%Y%m%d}")  # a date is enough; no clock is asked
    canvas.setCreator("Paidcase")
    canvas.setProducer("Paidcase")
    write_pages(canvas, draft.sheet.pages)
    canvas.save()
    return target.getvalue()
