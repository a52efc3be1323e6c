"""Documents of a case: the list of all that are stored, and the bytes of each."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from invoicing.domain.money import amount_text
from invoicing.domain.papers import Paper, papers_of
from invoicing.domain.records import CaseFacts
from invoicing.errors import NotFound
from invoicing.locale import text
from invoicing.locale.documents import document_texts
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.described_papers import DocumentList
from invoicing.web.files import PDF_RESPONSE, stored_pdf
from invoicing.web.languages import Language
from invoicing.web.openapi import problems
from invoicing.web.parts import Parts, WebParts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/cases", tags=["invoices"])


@router.get(
    "/{case_id}/documents",
    operation_id=Call.LIST_DOCUMENTS,
    responses={200: {"model": DocumentList}, **problems(401, 404, 503)},
)
async def list_documents(
    case_id: str, parts: Parts, language: Language, caller: Annotated[Caller, by(Call.LIST_DOCUMENTS)]
) -> Response:
    """The invoice, its corrections and attachments: what each says, and which corrects which."""
    papers = await _papers(parts, await own_case(parts, caller, case_id), caller)
    items = [_item(case_id, paper, language) for paper in papers]
    return sent(reply(200, {"items": items, "next_cursor": None}, language))


@router.get(
    "/{case_id}/documents/{number}.pdf",
    operation_id=Call.DOWNLOAD_DOCUMENT,
    response_class=Response,
    responses={**PDF_RESPONSE, **problems(401, 404, 503)},
)
async def download_document(
    case_id: str,
    number: Annotated[str, Path(pattern=r"^[1-9][0-9]{0,8}$")],
    request: Request,
    parts: Parts,
    caller: Annotated[Caller, by(Call.DOWNLOAD_DOCUMENT)],
) -> Response:
    """The stored bytes of one document of the list."""
    papers = await _papers(parts, await own_case(parts, caller, case_id), caller)
    paper = next((paper for paper in papers if str(paper.number) == number), None)
    if paper is None:
        raise NotFound("document_unknown", "the case has no document of this number")
    return await stored_pdf(parts, request, paper.sha256, paper.full_number or f"{case_id}-{paper.number}")


async def _papers(parts: WebParts, facts: CaseFacts, caller: Caller) -> tuple[Paper, ...]:
    case_id = facts.document.case_id
    async with parts.store.reading() as db:
        state = (await db.facts(case_id)).state
        issued, archived = await db.invoices(case_id), await db.archived(case_id)
    return papers_of(state, issued, archived, caller.role)


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
