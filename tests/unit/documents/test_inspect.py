"""What of a foreign PDF is refused, and what honest files look like."""

import zlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.annotations import FreeText, Link
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    Fit,
    NameObject,
    NumberObject,
    TextStringObject,
)
from reportlab.pdfgen.canvas import Canvas

from invoicing.documents.foreign import pdf_fault
from invoicing.documents.inspect import LARGEST, PdfFault, PdfInspector

Change = Callable[[PdfWriter], None]


def drawn(pages: int = 1) -> bytes:
    """An honest file with text, and an address to press."""
    out = BytesIO()
    canvas = Canvas(out, invariant=True)
    for number in range(pages):
        canvas.drawString(72, 720, f"Faktura /JS /Launch {number}")
        canvas.linkURL("https://example.com/", (72, 700, 200, 720))
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def changed(change: Change | None = None) -> bytes:
    """The honest file after a change."""
    writer = PdfWriter(clone_from=BytesIO(drawn()))
    if change is not None:
        change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def named(**entries: object) -> DictionaryObject:
    """A dictionary whose texts are names."""
    return DictionaryObject(
        {NameObject(f"/{key}"): NameObject(v) if type(v) is str else v for key, v in entries.items()}
    )


def by_hand(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A file whose objects are written as told; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, written in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return bytes(
        out + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    )


CATALOGUE, PAGES, PAGE = (
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>",
)


def _script(writer: PdfWriter) -> None:
    script = DictionaryObject({NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("x()")})
    tree = named(Names=ArrayObject([TextStringObject("begin"), writer._add_object(script)]))
    writer.root_object[NameObject("/Names")] = named(JavaScript=tree)


def _opening(writer: PdfWriter) -> None:
    action = DictionaryObject({NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("x()")})
    writer.root_object[NameObject("/OpenAction")] = action


def _launch_of_a_page(writer: PdfWriter) -> None:
    action = named(S="/Launch", F=TextStringObject("calc.exe"))
    writer.pages[0][NameObject("/AA")] = named(O=writer._add_object(action))


def _kind_by_reference(writer: PdfWriter) -> None:
    action = DictionaryObject({NameObject("/S"): writer._add_object(NameObject("/Launch"))})
    writer.root_object[NameObject("/OpenAction")] = action


def _embedded(writer: PdfWriter) -> None:
    writer.add_attachment("invoice.xml", b"<x/>")


def _attached_to_a_page(writer: PdfWriter) -> None:
    note = named(Type="/Annot", Subtype="/FileAttachment")
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])


def _form(writer: PdfWriter) -> None:
    data = DecodedStreamObject()
    data.set_data(b"<xdp/>")
    writer.root_object[NameObject("/AcroForm")] = named(XFA=writer._add_object(data))


def _sends(writer: PdfWriter) -> None:
    writer.root_object[NameObject("/OpenAction")] = named(S="/SubmitForm")


def _shown_by_nothing(writer: PdfWriter) -> None:
    writer._add_object(named(S="/JavaScript"))


def _deep(writer: PdfWriter) -> None:
    inner = ArrayObject([named(S="/Launch")])
    for _ in range(50):
        inner = ArrayObject([inner])
    writer.root_object[NameObject("/PieceInfo")] = inner


def _second_in_a_chain(writer: PdfWriter) -> None:
    chain = named(S="/GoTo", Next=ArrayObject([named(S="/Launch")]))
    writer.root_object[NameObject("/OpenAction")] = chain


@pytest.mark.parametrize(
    "change",
    [
        _script,
        _opening,
        _launch_of_a_page,
        _kind_by_reference,
        _embedded,
        _attached_to_a_page,
        _form,
        _sends,
        _shown_by_nothing,
        _deep,
        _second_in_a_chain,
    ],
)
def test_what_acts_or_carries_files_is_refused(change: Change) -> None:
    assert pdf_fault(changed(change)) is PdfFault.ACTIVE


@pytest.mark.parametrize("action", [b"/S /J#61vaScript", b"/#4AS (x)", b"/S/Launch", b"/S\n%note\n/Launch"])
def test_names_are_found_however_they_are_spelt(action: bytes) -> None:
    catalogue = CATALOGUE.replace(b">>", b"/OpenAction << %s >> >>" % action)
    assert pdf_fault(by_hand(catalogue, PAGES, PAGE)) is PdfFault.ACTIVE


def packed(number: int, written: bytes) -> bytes:
    """A stream that holds one object."""
    head = b"%d 0 " % number
    body = zlib.compress(head + written, 1)
    told = b"<< /Type /ObjStm /N 1 /First %d /Filter /FlateDecode /Length %d >>" % (len(head), len(body))
    return told + b"\nstream\n" + body + b"\nendstream"


def with_packed(catalogue: bytes, *written: bytes) -> bytes:
    """A file with objects in streams of their own, numbered from 100, and a table that is a stream itself."""
    plain = [catalogue, PAGES, PAGE, *(packed(100 + index, one) for index, one in enumerate(written))]
    out, rows = bytearray(b"%PDF-1.7\n"), {}
    for number, one in enumerate(plain, 1):
        rows[number] = (1, len(out), 0)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    rows |= {100 + index: (2, 4 + index, 0) for index in range(len(written))}
    rows[99] = (1, start := len(out), 0)
    table = b"".join(
        bytes([kind]) + at.to_bytes(4, "big") + more.to_bytes(2, "big")
        for kind, at, more in (rows.get(number, (0, 0, 0)) for number in range(200))
    )
    head = b"<< /Type /XRef /Size 200 /W [1 4 2] /Root 1 0 R /Length %d >>" % len(table)
    out += b"99 0 obj\n%s\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (head, table, start)
    return bytes(out)


def test_what_is_packed_into_an_object_stream_is_found() -> None:
    catalogue = CATALOGUE.replace(b">>", b"/OpenAction 100 0 R >>")
    assert pdf_fault(with_packed(catalogue, b"<< /S /Launch >>")) is PdfFault.ACTIVE
    assert pdf_fault(with_packed(catalogue, b"<< /S /GoTo >>")) is None


@pytest.mark.parametrize("password", ["", "secret"])
@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_an_encrypted_file_is_refused_even_when_anybody_can_open_it(password: str, algorithm: str) -> None:
    def encrypt(writer: PdfWriter) -> None:
        writer.encrypt(password, "owner", algorithm=algorithm)

    assert pdf_fault(changed(encrypt)) is PdfFault.ENCRYPTED


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>%PDF-1.7", b"\xef\xbb\xbf" + drawn(), b"%pdf-1.7"])
def test_what_does_not_begin_like_a_pdf_is_none(content: bytes) -> None:
    assert pdf_fault(content) is PdfFault.NOT_PDF


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7",
        b"%PDF-1.7\n%%EOF",
        drawn()[:-200],
        drawn()[: len(drawn()) // 2] + b"%%EOF",
        by_hand(CATALOGUE, PAGES.replace(b"[3 0 R] /Count 1", b"[] /Count 0")),
        by_hand(CATALOGUE, b"null"),
        by_hand(b"[" * 100_000),
        by_hand(CATALOGUE.replace(b"2 0 R", b"1 0 R")),
        b"%PDF-1.7\n" + bytes(range(256)) * 40 + b"\n%%EOF",
    ],
    ids=["head", "empty", "cut", "half", "no pages", "no tree", "deep", "loop", "noise"],
)
def test_what_cannot_be_read_whole_or_has_no_page_is_refused(content: bytes) -> None:
    assert pdf_fault(content) is PdfFault.UNREADABLE


def test_a_file_above_the_limit_is_refused_and_one_at_the_limit_is_read() -> None:
    head, tail = b"%PDF-1.7\n%", by_hand(CATALOGUE, PAGES, PAGE)
    largest = head + b" " * (LARGEST - len(head) - len(tail) - 1) + b"\n" + tail
    assert len(largest) == LARGEST
    assert pdf_fault(largest) is None
    assert pdf_fault(largest + b" ") is PdfFault.TOO_LARGE


def test_honest_files_pass() -> None:
    def lively(writer: PdfWriter) -> None:
        writer.add_outline_item(title="Faktura", page_number=0, fit=Fit.xyz(0, 0, 1))
        writer.add_annotation(0, FreeText(text="/JavaScript", rect=(0, 0, 9, 9)))
        writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url="https://example.com/#/JS"))
        writer.add_metadata({"/Title": "/Launch"})
        writer.root_object[NameObject("/OpenAction")] = ArrayObject(
            [writer.pages[0].indirect_reference, NameObject("/Fit")]
        )
        writer.root_object[NameObject("/Rotate")] = NumberObject(0)

    assert pdf_fault(drawn()) is None
    assert pdf_fault(drawn(pages=60)) is None
    assert pdf_fault(changed(lively)) is None
    assert pdf_fault(by_hand(CATALOGUE, PAGES, PAGE)) is None


# --- in the child process ----------------------------------------------------------------------------------------


async def test_the_inspector_says_the_same_and_outlives_each_file() -> None:
    inspect = PdfInspector()
    found = [
        await inspect(content)
        for content in (drawn(), changed(_script), b"nothing", b"%PDF-1.7 %%EOF", b"%PDF-" + b" " * LARGEST)
    ]
    assert found == [None, "active", "not_pdf", "unreadable", "too_large"]


async def test_a_file_that_costs_too_much_is_unreadable_and_costs_us_nothing() -> None:
    """A table that promises object after object, each of which is searched for in the whole file."""
    missing = b"".join(b"%010d 00000 n \n" % 9 for _ in range(300_000))
    costly = by_hand(CATALOGUE, PAGES, PAGE).replace(b"xref\n0 4", b"xref\n9 300000\n" + missing + b"0 4", 1)
    assert await PdfInspector(computing=timedelta(seconds=1), within=timedelta(minutes=2))(costly) == "unreadable"
    assert await PdfInspector()(drawn()) is None


async def test_a_file_that_unpacks_to_more_than_the_memory_is_unreadable() -> None:
    large = b"null" + b" " * 60_000_000
    assert await PdfInspector()(with_packed(CATALOGUE, large)) is None
    assert await PdfInspector()(with_packed(CATALOGUE, *([large] * 12))) == "unreadable"
