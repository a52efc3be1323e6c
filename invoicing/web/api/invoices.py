"""The invoice: its stored bytes, making and mailing it again, and the document that the expert made himself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.records import CaseFacts
from invoicing.errors import DataFault, NotFound
from invoicing.presenting import state_record
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.bodies import raw_body
from invoicing.web.deciding_calls import ANSWERS, decided
from invoicing.web.files import FILE, PDF, PDF_RESPONSE, stored_pdf
from invoicing.web.idempotency import Key
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent
from invoicing.web.requested import EmptyBody, ResendBody

LARGEST = 10 * 1024 * 1024
"""Bytes of an attachment."""

router = APIRouter(prefix="/v1/cases", tags=["invoices"])


@router.get(
    "/{case_id}/invoice.pdf",
    operation_id=Call.DOWNLOAD_INVOICE,
    response_class=Response,
    responses={**PDF_RESPONSE, **problems(401, 404, 503)},
)
async def download_invoice(
    case_id: str, request: Request, parts: Parts, caller: Annotated[Caller, by(Call.DOWNLOAD_INVOICE)]
) -> Response:
    """The PDF; 404 `no_invoice` before there is one."""
    invoice = (await own_case(parts, caller, case_id)).state.invoice
    if invoice.sha256 is None:
        raise NotFound("no_invoice", "no invoice is stored yet")
    return await stored_pdf(parts, request, invoice.sha256, invoice.number or case_id)


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


@router.post(
    "/{case_id}/invoice/correction",
    operation_id=Call.CORRECT_INVOICE,
    responses=ANSWERS,
    openapi_extra=json_body(CorrectionRequest),
)
async def correct_invoice(
    case_id: str, request: Request, parts: Parts, caller: Annotated[Caller, by(Call.CORRECT_INVOICE)], key: Key = None
) -> Response:
    """Issue a correction: the buyer and the lines as they should be, or to zero. The invoice itself stays as it is."""

    async def take(body: CorrectionRequest) -> CaseFacts:
        return await parts.deciding.correct_invoice(case_id, caller.actor, body, key)

    return await decided(request, parts, caller, case_id, key, CorrectionRequest, take)


@router.put(
    "/{case_id}/invoice/attachment",
    operation_id=Call.ATTACH_INVOICE,
    responses=ANSWERS,
    openapi_extra={"requestBody": {"required": True, "content": {PDF: FILE}}},
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
