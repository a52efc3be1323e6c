"""Answering with a PDF: stored bytes by their address, and documents that are drawn for the caller."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from fastapi import Request, Response

from invoicing.errors import InternalFault, NotFound
from invoicing.web.openapi import Responses
from invoicing.web.parts import WebParts

PDF = "application/pdf"

FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
PDF_RESPONSE: Responses = {
    200: {"content": {PDF: FILE}},
    304: {"description": "The copy that `If-None-Match` names is the stored one."},
}


async def stored_pdf(parts: WebParts, request: Request, sha256: str, name: str) -> Response:
    """The stored bytes, or 304 for a caller who has them."""
    if f'"{sha256}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": f'"{sha256}"'})
    try:
        content = await parts.documents.get(sha256)
    except NotFound:
        raise InternalFault("document_missing", f"the document {sha256} of a case is not stored") from None
    return pdf(content, name)


def pdf(content: bytes, name: str) -> Response:
    """Bytes as a file to be kept."""
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
        "Content-Disposition": f'attachment; filename="{file_name(name)}"',
    }
    return Response(content, headers=headers, media_type=PDF)


def file_name(number: str) -> str:
    """A name that no file system and no header misreads."""
    return (re.sub(r"[^A-Za-z0-9_]+", "-", number).strip("-") or "invoice") + ".pdf"
