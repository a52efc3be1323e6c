"""What an archive asks of a file (PDF/A-1b, ISO 19005-1): colours defined, facts in XMP, every stream well ended.

Fonts are embedded and nothing is transparent, encrypted or outside the file anyway. The XMP packet says the same as
the Info dictionary, and the output intent holds an sRGB profile of ICC version 2, the newest that PDF/A-1 knows. The
objects here are the same in every document but for a few words, so they are written whole instead of being put
together from ReportLab's dictionaries: that would cost a sixth of the time of an invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDocument, PDFObject, PDFStream
from reportlab.pdfgen.canvas import Canvas

from invoicing.documents.pdf.script import spoken

PROFILE: Final = Path(__file__).with_name("colour") / "sRGB.icc"
MAKER: Final = "Paidcase"
CONDITION: Final = b"(sRGB IEC61966-2.1)"

Document = Any
"""ReportLab's `PDFDocument`; its stubs leave out most of what is needed here."""


class Description(NamedTuple):
    """What a file says of itself."""

    title: str
    author: str
    subject: str
    language: str
    written_on: date


class Entry(NamedTuple):
    """A bookmark: its words, its page (counted from 1) and the height to which it leads."""

    title: str
    page: int
    y: float


class Written(PDFObject):
    """An object whose bytes are known beforehand."""

    __RefOnly__ = 1

    def __init__(self, content: bytes) -> None:
        self._content = content

    def format(self, _document: Document) -> bytes:
        """The object as written."""
        return self._content


class Outline(PDFObject):
    """The bookmarks, one level deep."""

    __RefOnly__ = 1
    ready = 1

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def prepare(self, document: Document, _canvas: Canvas) -> None:
        """Register an object for each entry. ReportLab calls this when every page has its number."""
        names = [f"mark{place}" for place in range(len(self._entries))]
        for name in names:
            document.Reference(Written(b""), name)
        numbers = [_number(document, name) for name in names]
        document.Reference(self, "outline")
        root = _number(document, "outline")
        for place, entry in enumerate(self._entries):
            before = f"/Prev {numbers[place - 1]} 0 R " if place else ""
            after = f"/Next {numbers[place + 1]} 0 R " if place + 1 < len(numbers) else ""
            page = _number(document, f"Page{entry.page}")
            dest = f"/Dest [{page} 0 R /FitH {entry.y:.2f}]"
            content = f"<< /Title {_string(_clean(entry.title))} /Parent {root} 0 R {before}{after}{dest} >>"
            document.idToObject[names[place]] = Written(content.encode())
        self._content = f"<< /Type /Outlines /Count {len(numbers)} /First {numbers[0]} 0 R /Last {numbers[-1]} 0 R >>"

    def format(self, _document: Document) -> bytes:
        """The root of the bookmarks as written."""
        return self._content.encode()


class EndedStream(PDFStream):
    """A stream whose end is marked on its own line, as ISO 19005-1, 6.1.7 asks; ReportLab puts it behind the data."""

    def format(self, document: Document) -> bytes:
        """The stream as written."""
        return bytes(super().format(document)).removesuffix(b"endstream\n") + b"\nendstream\n"


class ArchivalDocument(PDFDocument):
    """ReportLab's document with its streams ended as an archive asks."""

    def Reference(self, obj: Any, name: str | None = None) -> Any:  # noqa: N802  # ReportLab's name
        """Register an object; fonts, pages and pictures all come through here."""
        if obj.__class__ is PDFStream:
            obj.__class__ = EndedStream
        return super().Reference(obj, name)  # type: ignore[no-untyped-call]  # the stubs give no types


class Info(Written):
    """The Info dictionary, with exactly the entries that the XMP packet repeats."""

    def digest(self, signature: Any) -> None:
        """Add the entries to what the file's identifier is made of."""
        signature.update(self._content)


def describe(document: Document, description: Description) -> None:
    """Give a new document of ReportLab its description and make what it writes fit for an archive."""
    document.__class__ = ArchivalDocument
    description = description._replace(
        title=_clean(description.title), author=_clean(description.author), subject=_clean(description.subject)
    )
    document.info = Info(_info(description))
    document.Reference(Written(_profile()), "outputProfile")
    intent = b"<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier %s /Info %s /DestOutputProfile %d 0 R >>"
    number = _number(document, "outputProfile")
    catalogue = document.Catalog
    catalogue.__NoDefault__ = [*catalogue.__NoDefault__, "OutputIntents"]
    catalogue.OutputIntents = PDFArray([Written(intent % (CONDITION, CONDITION, number))])
    catalogue.Metadata = Written(_stream(b"/Type /Metadata /Subtype /XML", _packet(description).encode()))


def bookmark(document: Document, entries: Sequence[Entry]) -> None:
    """Give the document its bookmarks."""
    document.Outlines = document.outline = document.Catalog.Outlines = Outline(entries)


def _number(document: Document, name: str) -> int:
    return int(document.idToObjectNumberAndVersion[name][0])


def _string(text: str) -> str:
    """A text string in UTF-16 (ISO 32000-1, 7.9.2.2)."""
    return f"<FEFF{text.encode('utf-16-be').hex()}>"


def _stream(entries: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


@cache
def _profile() -> bytes:
    return _stream(b"/N 3 /Alternate /DeviceRGB", PROFILE.read_bytes())


def _info(description: Description) -> bytes:
    written_on = f"(D:{description.written_on:%Y%m%d})"  # a date is enough; no clock is asked
    entries = {
        "Title": _string(description.title),
        "Author": _string(description.author),
        "Subject": _string(description.subject),
        "Creator": f"({MAKER})",
        "Producer": f"({MAKER})",
        "CreationDate": written_on,
        "ModDate": written_on,
    }
    return f"<< {' '.join(f'/{key} {value}' for key, value in entries.items())} >>".encode()


_PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language></rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<xmp:CreatorTool>{maker}</xmp:CreatorTool><xmp:CreateDate>{written_on}</xmp:CreateDate>\
<xmp:ModifyDate>{written_on}</xmp:ModifyDate></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"><pdf:Producer>{maker}</pdf:Producer></rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>
"""


def _packet(description: Description) -> str:
    return _PACKET.format(
        title=escape(description.title),
        author=escape(description.author),
        subject=escape(description.subject),
        language=escape(description.language),
        maker=MAKER,
        written_on=description.written_on.isoformat(),
    )


def _clean(text: str) -> str:
    """The text without marks of direction; a character that XML 1.0 cannot hold becomes the replacement character."""
    return "".join(char if char.isprintable() or _in_xml(ord(char)) else "\ufffd" for char in spoken(text))


def _in_xml(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
