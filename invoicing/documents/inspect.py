"""Whether a PDF that somebody else made may be kept and handed on.

Guarantee: what passes is a whole PDF with pages, not encrypted, without scripts, without actions that start or send
anything, without files inside; every object counts, whether a page shows it or not. Hostile files are opened in a child
process with limits of memory and time, so they cost no thread and no memory of ours.
Source: ISO 32000-1, sections 7.6 (encryption), 7.11 (embedded files), 12.6.4 (actions).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from io import BytesIO
from pathlib import Path

import structlog
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, PdfObject

from invoicing.errors import ConnectivityFault, InternalFault

LARGEST = 10 * 1024 * 1024
"""Bytes of an attachment."""

COMPUTING = timedelta(seconds=10)
"""What a file may cost of a processor; honest ones cost a tenth."""

WITHIN = timedelta(seconds=25)
AT_ONCE = 2
MEMORY = 512 * 1024 * 1024
"""Address space of the child process; one stream of a file is unpacked to 75 MB at most by the reader itself."""

ACTIVE = frozenset(
    """/JavaScript /JS /Launch /EmbeddedFile /EmbeddedFiles /EF /FileAttachment /RichMedia /XFA /SubmitForm
    /ImportData /GoToE""".split()
)
"""Names that make a document do something, or carry something, as keys or as kinds of dictionaries."""

_KINDS = frozenset({"/S", "/Type", "/Subtype"})
_ROOT = Path(__file__).resolve().parents[2]
_KEPT = "kept"

log = structlog.get_logger("documents")


class PdfFault(StrEnum):
    """Why a file is not kept."""

    NOT_PDF = "not_pdf"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    ACTIVE = "active"


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


class PdfInspector:
    """Asks `pdf_fault` in a child process."""

    def __init__(self, computing: timedelta = COMPUTING, within: timedelta = WITHIN, at_once: int = AT_ONCE) -> None:
        self._computing = computing
        self._within = within
        self._turn = asyncio.Semaphore(at_once)

    async def __call__(self, content: bytes) -> str | None:
        """Why the bytes are not kept, or None; a file that costs more than the limits counts as unreadable.

        Raises `ConnectivityFault` when this machine is too busy to say, `InternalFault` when the child does not work.
        """
        if len(content) > LARGEST:
            return PdfFault.TOO_LARGE.value
        if not content.startswith(b"%PDF-"):
            return PdfFault.NOT_PDF.value
        async with self._turn:
            said = await self._asked(content)
        if said is not None:
            log.info("document_refused", reason=said)
        return said

    async def _asked(self, content: bytes) -> str | None:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(max(1, round(self._computing.total_seconds())))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # the reader's warnings may quote the file
            cwd=_ROOT,
        )
        try:
            out, _ = await asyncio.wait_for(child.communicate(content), self._within.total_seconds())
        except TimeoutError:
            raise ConnectivityFault("document_store", "no processor was free to inspect a document") from None
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        said = out.decode("ascii", "replace").strip()
        if child.returncode == 0 and said == _KEPT:
            return None
        if child.returncode == 0 and said in set(PdfFault):
            return said
        if child.returncode is not None and child.returncode < 0:  # a limit of the system ended it
            return PdfFault.UNREADABLE.value
        raise InternalFault("internal", "the child process that inspects documents does not work")


def main(seconds: int) -> None:
    """The child process: bytes come in, one word goes out."""
    with contextlib.suppress(ImportError):  # not on every system
        import resource

        for limit, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, seconds)):
            with contextlib.suppress(ValueError, OSError):  # a stricter limit is set already, or none is known
                resource.setrlimit(limit, (value, value))
    sys.stdout.write(pdf_fault(sys.stdin.buffer.read(LARGEST + 1)) or _KEPT)


if __name__ == "__main__":
    main(int(sys.argv[1]))
