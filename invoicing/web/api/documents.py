"""Documents of a case: the list of all that are stored, the bytes of each, and those that are drawn when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from invoicing.domain.money import amount_text
from invoicing.domain.papers import Paper
from invoicing.errors import NotFound
from invoicing.locale import text
from invoicing.locale.documents import document_texts
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.described_papers import DocumentList
from invoicing.web.files import FILE, PDF, PDF_RESPONSE, pdf, stored_pdf
from invoicing.web.languages import Language
from invoicing.web.openapi import problems
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/cases", tags=["invoices"])

Number = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,8}$")]
"""Number of a document in the list, as the address spells it."""


@router.get(
    "/{case_id}/documents",
    operation_id=Call.LIST_DOCUMENTS,
    responses={200: {"model": DocumentList}, **problems(401, 404, 503)},
)
async def list_documents(
    case_id: str, parts: Parts, language: Language, caller: Annotated[Caller, by(Call.LIST_DOCUMENTS)]
) -> Response:
    """The invoice, its corrections and attachments: what each says, and which corrects which."""
    await own_case(parts, caller, case_id)
    items = [_item(case_id, paper, language) for paper in await parts.papers.listed(case_id, caller.role)]
    return sent(reply(200, {"items": items, "next_cursor": None}, language))


@router.get(
    "/{case_id}/documents/{number}.pdf",
    operation_id=Call.DOWNLOAD_DOCUMENT,
    response_class=Response,
    responses={**PDF_RESPONSE, **problems(401, 404, 503)},
)
async def download_document(
    case_id: str,
    number: Number,
    request: Request,
    parts: Parts,
    caller: Annotated[Caller, by(Call.DOWNLOAD_DOCUMENT)],
) -> Response:
    """The stored bytes of one document of the list."""
    await own_case(parts, caller, case_id)
    papers = await parts.papers.listed(case_id, caller.role)
    paper = next((paper for paper in papers if str(paper.number) == number), None)
    if paper is None:
        raise NotFound("document_unknown", "the case has no document of this number")
    return await stored_pdf(parts, request, paper.sha256, paper.full_number or f"{case_id}-{paper.number}")


@router.get(
    "/{case_id}/invoice/duplicate.pdf",
    operation_id=Call.DRAW_DUPLICATE,
    response_class=Response,
    responses={200: {"content": {PDF: FILE}}, **problems(401, 404, 409, 503)},
)
async def download_duplicate(
    case_id: str, parts: Parts, caller: Annotated[Caller, by(Call.DRAW_DUPLICATE)]
) -> Response:
    """The invoice marked as the duplicate of today; 404 `no_invoice` before there is one."""
    await own_case(parts, caller, case_id)
    drawn = await parts.papers.duplicate(case_id)
    return pdf(drawn.content, drawn.name)


@router.get(
    "/{case_id}/documents/{number}/duplicate.pdf",
    operation_id=Call.DRAW_DUPLICATE_OF,
    response_class=Response,
    responses={200: {"content": {PDF: FILE}}, **problems(401, 404, 409, 503)},
)
async def download_duplicate_of(
    case_id: str, number: Number, parts: Parts, caller: Annotated[Caller, by(Call.DRAW_DUPLICATE_OF)]
) -> Response:
    """An invoice or a correction of ours, by its number in the list, marked as the duplicate of today."""
    await own_case(parts, caller, case_id)
    drawn = await parts.papers.duplicate(case_id, int(number), caller.role)
    return pdf(drawn.content, drawn.name)


@router.get(
    "/{case_id}/pro-forma.pdf",
    operation_id=Call.DRAW_PRO_FORMA,
    response_class=Response,
    responses={200: {"content": {PDF: FILE}}, **problems(401, 404, 409, 422, 503)},
)
async def download_pro_forma(
    case_id: str, parts: Parts, caller: Annotated[Caller, by(Call.DRAW_PRO_FORMA)]
) -> Response:
    """What the invoice will say, while nobody has paid; 409 `already_paid` afterwards, 422 with what it lacks."""
    await own_case(parts, caller, case_id)
    drawn = await parts.papers.pro_forma(case_id)
    return pdf(drawn.content, drawn.name)


def _item(case_id: str, paper: Paper, language: str) -> dict[str, Any]:
    fact, correction = paper.fact, None if paper.fact is None else paper.fact.correction
    changed = None
    if fact is not None and correction is not None:
        changed = (correction.difference_net, correction.difference_vat, correction.difference_gross)
    return {
        "number": paper.number,
        "kind": paper.kind,
        "label": text(language, f"paper.{paper.kind}"),
        "full_number": paper.full_number,
        "issued_on": None if paper.issued_on is None else paper.issued_on.isoformat(),
        "currency": None if fact is None else fact.currency,
        "totals": None if fact is None else _amounts((fact.net, fact.vat, fact.gross), fact.currency),
        "difference": None if fact is None or changed is None else _amounts(changed, fact.currency),
        "reason": None if correction is None else _reason(correction.reason_key, correction.reason_text, language),
        "corrects": paper.corrects,
        "corrected_by": list(paper.corrected_by),
        "sha256": paper.sha256,
        "href": f"/v1/cases/{case_id}/documents/{paper.number}.pdf",
    }


def _amounts(amounts: Iterable[Decimal], currency: str) -> dict[str, str]:
    return {name: amount_text(value, currency) for name, value in zip(("net", "vat", "gross"), amounts, strict=True)}


def _reason(key: str, written: str | None, language: str) -> str | None:
    """The person's words; for a correction without any, the usual ones in the reader's language."""
    return written or document_texts(language).get(f"reason.{key}")
