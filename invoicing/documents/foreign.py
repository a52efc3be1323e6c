"""The child process that opens a PDF of somebody else: bytes come in, one word goes out.

A process of its own also because the reader brings 13 MiB of modules, which no worker needs that makes its own PDFs.
Source: ISO 32000-1, sections 7.6 (encryption), 7.11 (embedded files), 12.6.4 (actions).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from io import BytesIO

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, PdfObject

from invoicing.documents.inspect import KEPT, LARGEST, PdfFault

MEMORY = 512 * 1024 * 1024
"""Address space of the child process; one stream of a file is unpacked to 75 MB at most by the reader itself."""

ACTIVE = frozenset(
    """/JavaScript /JS /Launch /EmbeddedFile /EmbeddedFiles /EF /FileAttachment /RichMedia /XFA /SubmitForm
    /ImportData /GoToE""".split()
)
"""Names that make a document do something, or carry something, as keys or as kinds of dictionaries."""

_KINDS = frozenset({"/S", "/Type", "/Subtype"})


def pdf_fault(content: bytes) -> PdfFault | None:
    """Why these bytes are not kept, or None. May take long on hostile bytes: `PdfInspector` bounds it."""
    if len(content) > LARGEST:
        return PdfFault.TOO_LARGE
    if not content.startswith(b"%PDF-"):
        return PdfFault.NOT_PDF
    if b"%%EOF" not in content[-1024:]:  # cut off on the way; a forgiving reader would mend it and lose pages
        return PdfFault.UNREADABLE
    try:
        reader = PdfReader(BytesIO(content))
        if reader.is_encrypted:
            return PdfFault.ENCRYPTED
        if any(_is_active(found) for found in _objects(reader)):
            return PdfFault.ACTIVE
        return None if len(reader.pages) else PdfFault.UNREADABLE
    except Exception:  # a reader of broken files may stumble anywhere, over its memory and its stack too
        return PdfFault.UNREADABLE


def _objects(reader: PdfReader) -> Iterator[PdfObject | None]:
    yield reader.trailer
    numbers = {(idnum, generation) for generation, table in reader.xref.items() for idnum in table}
    for idnum, generation in sorted(numbers | {(idnum, 0) for idnum in reader.xref_objStm}):
        yield reader.get_object(IndirectObject(idnum, generation, reader))


def _is_active(top: PdfObject | None) -> bool:
    if isinstance(top, NameObject):
        return top in ACTIVE  # the kind of some action, told by reference
    waiting: list[object] = [top]
    while waiting:
        found = waiting.pop()
        if isinstance(found, DictionaryObject):
            if not ACTIVE.isdisjoint(found) or any(found.raw_get(key) in ACTIVE for key in _KINDS & found.keys()):
                return True
            waiting.extend(found.values())
        elif isinstance(found, ArrayObject):
            waiting.extend(found)
    return False


def main(seconds: int) -> None:
    """The child process: bytes come in, one word goes out."""
    with contextlib.suppress(ImportError):  # not on every system
        import resource

        for limit, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, seconds)):
            with contextlib.suppress(ValueError, OSError):  # a stricter limit is set already, or none is known
                resource.setrlimit(limit, (value, value))
    sys.stdout.write(pdf_fault(sys.stdin.buffer.read(LARGEST + 1)) or KEPT)


if __name__ == "__main__":
    main(int(sys.argv[1]))
