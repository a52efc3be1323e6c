"""The invoice's stored bytes."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Request, Response

from invoicing.errors import InternalFault, NotFound
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.openapi import problems
from invoicing.web.parts import Parts

router = APIRouter(prefix="/v1/cases", tags=["invoices"])


@router.get(
    "/{case_id}/invoice.pdf",
    operation_id=Call.DOWNLOAD_INVOICE,
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The copy that `If-None-Match` names is the stored one."},
        **problems(401, 404, 503),
    },
)
async def download_invoice(
    case_id: str, request: Request, parts: Parts, caller: Annotated[Caller, by(Call.DOWNLOAD_INVOICE)]
) -> Response:
    """The PDF; 404 `no_invoice` before there is one."""
    invoice = (await own_case(parts, caller, case_id)).state.invoice
    if invoice.sha256 is None:
        raise NotFound("no_invoice", "no invoice is stored yet")
    headers = {"ETag": f'"{invoice.sha256}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    try:
        content = await parts.documents.get(invoice.sha256)
    except NotFound:
        raise InternalFault("document_missing", f"the document {invoice.sha256} of a case is not stored") from None
    headers["Content-Disposition"] = f'attachment; filename="{file_name(invoice.number or case_id)}"'
    return Response(content, headers=headers, media_type="application/pdf")


def file_name(number: str) -> str:
    """A name that no file system and no header misreads."""
    return (re.sub(r"[^A-Za-z0-9_]+", "-", number).strip("-") or "invoice") + ".pdf"
