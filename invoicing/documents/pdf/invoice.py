"""A document as PDF: `render` turns the stored fact into bytes.

Invoices, corrections, pro formas and duplicates, in Polish, in Polish beside another language, or (pro formas) in one
language alone. Guarantees: the same arguments give the same bytes in every process; every element of the VAT Act art.
106e ust. 1 and art. 106j ust. 2 that the fact holds is printed; every font is embedded and the file is fit for an
archive (PDF/A-1b); texts of people are shown as they are, never read as markup.
"""

from __future__ import annotations

from datetime import date
from hashlib import blake2b
from io import BytesIO
from threading import Lock
from typing import Final

from reportlab.pdfgen.canvas import Canvas

from invoicing.documents.pdf.archive import Description, describe
from invoicing.documents.pdf.assets import Assets
from invoicing.documents.pdf.draft import Draft, Tongue
from invoicing.documents.pdf.fonts import REGULAR, register
from invoicing.documents.pdf.heading import draw_heading, draw_running_head
from invoicing.documents.pdf.layout import FOOT, LEFT, PAGE_HEIGHT, PAGE_WIDTH, RIGHT, WIDTH, Align, Sheet
from invoicing.documents.pdf.look import HAIRLINE, look
from invoicing.documents.pdf.parties import draw_parties
from invoicing.documents.pdf.positions import draw_positions
from invoicing.documents.pdf.script import spoken
from invoicing.documents.pdf.summary import draw_summary
from invoicing.documents.pdf.writing import write_pages
from invoicing.domain.invoices import Invoice

LANGUAGE_TAGS: Final = {"pl": "pl-PL"}

# ReportLab's font objects keep a read position while they cut a subset: two documents written at once in two threads
# would spoil each other's fonts. Drawing is pure CPU, so the lock costs no time.
_DRAWING: Final = Lock()


def render(invoice: Invoice, assets: Assets = Assets(), duplicate_on: date | None = None) -> bytes:  # noqa: B008  # frozen
    """The document in its languages; with `duplicate_on`, marked as the duplicate of that day."""
    with _DRAWING:
        return _written(laid_out(invoice, assets, duplicate_on))


def laid_out(invoice: Invoice, assets: Assets = Assets(), duplicate_on: date | None = None) -> Draft:  # noqa: B008  # frozen
    """The document with everything in its place and nothing written yet. `render` calls it under the lock."""
    register()
    first, *others = (Tongue.of(language) for language in invoice.languages)
    draft = Draft(
        invoice=invoice,
        look=look(invoice.colour),
        first=first,
        second=others[0] if others else None,
        sheet=Sheet(head=lambda: draw_running_head(draft), mirrored=first.leftward),
        assets=assets,
        duplicate_on=duplicate_on,
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
    running = draft.word("document.running_head", title=draft.title, number=draft.invoice.number)
    for place, page in enumerate(pages, 1):
        draft.sheet.bar(LEFT, FOOT + 14, WIDTH, 0.5, HAIRLINE, page)
        draft.sheet.text(LEFT, FOOT, running, label, page=page)
        count = draft.word("document.page", page=str(place), pages=str(len(pages)))
        draft.sheet.text(RIGHT, FOOT, count, label, Align.END, page=page)


def _written(draft: Draft) -> bytes:
    invoice = draft.invoice
    target = BytesIO()
    tag = LANGUAGE_TAGS.get(draft.first.language, draft.first.language)
    # Not compressed: zlib and zlib-ng pack the same text into different bytes, and a page stays near 50 KB without. The
    # other arguments have defaults that ReportLab would take from settings of the machine.
    canvas = Canvas(
        target,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        bottomup=1,
        pageCompression=0,
        invariant=1,
        initialFontName=REGULAR,  # type: ignore[arg-type]  # the stubs say number, the canvas wants a name
        initialFontSize=9,
        lang=tag,
        pdfVersion=(1, 4),
    )
    document = canvas._doc  # type: ignore[attr-defined]  # missing in the stubs
    # The file's identifier begins with a time stamp that SOURCE_DATE_EPOCH can move; ours comes from the content alone.
    document.signature = blake2b(digest_size=16)
    title = draft.title
    subject = draft.word("document.subject", title=title, number=invoice.number, issued_on=invoice.issued_on)
    describe(
        document,
        Description(
            title=spoken(draft.word("document.running_head", title=title, number=invoice.number)),
            author=invoice.seller.name,
            subject=spoken(subject),
            language=tag,
            written_on=invoice.issued_on,
        ),
    )
    write_pages(canvas, draft.sheet.pages)
    canvas.save()
    return target.getvalue()
