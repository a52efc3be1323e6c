"""The invoice: its stored bytes, making and mailing it again, and the document that the expert made himself."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Request, Response

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.records import CaseFacts
from invoicing.errors import DataFault, InternalFault, NotFound
from invoicing.presenting import state_record
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.bodies import raw_body
from invoicing.web.deciding_calls import ANSWERS, decided
from invoicing.web.idempotency import Key
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent
from invoicing.web.requested import EmptyBody, ResendBody

PDF = "application/pdf"
LARGEST = 10 * 1024 * 1024
"""Bytes of an attachment."""

_FILE = {"schema": {"type": "string", "format": "binary"}}

router = APIRouter(prefix="/v1/cases", tags=["invoices"])


@router.get(
    "/{case_id}/invoice.pdf",
    operation_id=Call.DOWNLOAD_INVOICE,
    response_class=Response,
    responses={
        200: {"content": {PDF: _FILE}},
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
    return Response(content, headers=headers, media_type=PDF)


def file_name(number: str) -> str:
    """A name that no file system and no header misreads."""
    return (re.sub(r"[^A-Za-z0-9_]+", "-", number).strip("-") or "invoice") + ".pdf"


@router.post(
    "/{case_id}/invoice/regenerate",
    operation_id=Call.REGENERATE_INVOICE,
    responses=ANSWERS,
    openapi_extra=json_body(EmptyBody, required=False),
)
async def regenerate_invoice(
    case_id: str,
    request: Request,
    parts: Parts,
    caller: Annotated[Caller, by(Call.REGENERATE_INVOICE)],
    key: Key = None,
) -> Response:
    """Go on at the failed step with three fresh attempts; the payment is not touched."""

    async def take(_body: EmptyBody) -> CaseFacts:
        return await parts.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, caller.actor, key=key)

    return await decided(request, parts, caller, case_id, key, EmptyBody, take)


@router.post(
    "/{case_id}/invoice/resend",
    operation_id=Call.RESEND_INVOICE,
    responses=ANSWERS,
    openapi_extra=json_body(ResendBody, required=False),
)
async def resend_invoice(
    case_id: str, request: Request, parts: Parts, caller: Annotated[Caller, by(Call.RESEND_INVOICE)], key: Key = None
) -> Response:
    """Mail the document once more, to the usual address or to the one given."""

    async def take(body: ResendBody) -> CaseFacts:
        return await parts.deciding.resend(case_id, caller.actor, body.email, key)

    return await decided(request, parts, caller, case_id, key, ResendBody, take)


@router.put(
    "/{case_id}/invoice/attachment",
    operation_id=Call.ATTACH_INVOICE,
    responses=ANSWERS,
    openapi_extra={"requestBody": {"required": True, "content": {PDF: _FILE}}},
)
async def attach_invoice(
    case_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.ATTACH_INVOICE)],
) -> Response:
    """The expert's own PDF becomes what the client downloads; the same file again changes nothing."""
    await own_case(parts, caller, case_id)
    content = await raw_body(request, PDF, LARGEST)
    if await parts.inspect_pdf(content) is not None:
        raise DataFault("invalid", [fault("", FaultCode.BAD_FORMAT)])
    facts = await parts.deciding.attach(case_id, caller.actor, content, None)
    return sent(reply(200, state_record(facts, caller.role, language), language))
