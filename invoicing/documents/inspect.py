"""Whether a PDF that somebody else made may be kept and handed on.

Guarantee: what passes is a whole PDF with pages, not encrypted, without scripts, without actions that start or send
anything, without files inside; every object counts, whether a page shows it or not. Hostile files are opened in a child
process with limits of memory and time (`invoicing.documents.foreign`), so they cost no thread and no memory of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import structlog

from invoicing.errors import ConnectivityFault, InternalFault

LARGEST = 10 * 1024 * 1024
"""Bytes of an attachment."""

COMPUTING = timedelta(seconds=10)
"""What a file may cost of a processor; honest ones cost a tenth."""

WITHIN = timedelta(seconds=25)
AT_ONCE = 2
_CHILD = "invoicing.documents.foreign"
_ROOT = Path(__file__).resolve().parents[2]
KEPT = "kept"
"""What the child says of a file that passes."""

log = structlog.get_logger("documents")


class PdfFault(StrEnum):
    """Why a file is not kept."""

    NOT_PDF = "not_pdf"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    ACTIVE = "active"


class PdfInspector:
    """Asks `foreign.pdf_fault` in a child process."""

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
            *(sys.executable, "-m", _CHILD, str(max(1, round(self._computing.total_seconds())))),
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
        if child.returncode == 0 and said == KEPT:
            return None
        if child.returncode == 0 and said in set(PdfFault):
            return said
        if child.returncode is not None and child.returncode < 0:  # a limit of the system ended it
            return PdfFault.UNREADABLE.value
        raise InternalFault("internal", "the child process that inspects documents does not work")
