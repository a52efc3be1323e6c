"""The payment list: every case that has a payment label, for those who may know of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from invoicing.domain.cases import CASE_ID, PARTY_ID
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.labels import Role
from invoicing.domain.records import CaseFacts, CaseQuery
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.errors import DataFault, NotFound
from invoicing.exporting import PAGE, Format, pages
from invoicing.listing import PAYMENTS, payment_item, payment_row
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.exports import Wanted, download, exported
from invoicing.web.languages import Language
from invoicing.web.listed import Payments
from invoicing.web.openapi import problems
from invoicing.web.paging import USUAL, Limit, ListRoute, Since, Until, page_of
from invoicing.web.parts import Parts, WebParts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/payments", tags=["payments"], route_class=ListRoute)

_Party = Annotated[str | None, Query(pattern=PARTY_ID)]


@router.get("", operation_id=Call.LIST_PAYMENTS, responses={**exported(Payments), **problems(401, 422, 503)})
async def list_payments(
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.LIST_PAYMENTS)],
    form: Wanted,
    client_id: _Party = None,
    expert_id: _Party = None,
    case_id: Annotated[str | None, Query(pattern=CASE_ID)] = None,
    status: Annotated[PaymentStatus | None, Query(description="`payment.status`")] = None,
    invoice_status: Annotated[InvoiceStatus | None, Query(description="as recorded, not the label")] = None,
    parked: bool | None = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = USUAL,
    cursor: Annotated[str | None, Query(pattern=CASE_ID, description="`next_cursor` of a list")] = None,
) -> Response:
    """One page, newest case first; clients and experts get their own cases only, whatever they ask for."""
    query = CaseQuery(
        client_id=client_id,
        expert_id=expert_id,
        case_id=case_id,
        payment_status=status,
        invoice_status=invoice_status,
        parked=parked,
        since=since,
        until=until,
        limit=limit + 1,
        cursor=cursor,
    )
    if form is not Format.JSON:

        async def fetch(after: str | None) -> tuple[CaseFacts, ...]:
            behind = query.cursor if after is None else after
            return await _found(parts, caller, query.model_copy(update={"cursor": behind, "limit": PAGE}))

        def row(facts: CaseFacts) -> dict[str, Any]:
            item = payment_item(facts, caller.role, language)
            return payment_row(item) if form is Format.CSV else item

        cases = pages(fetch, lambda facts: facts.state.case_id)
        return await download(form, "payments", language, PAYMENTS, cases, row)
    found = await _found(parts, caller, query)

    def item(facts: CaseFacts) -> dict[str, Any]:
        return payment_item(facts, caller.role, language)

    page = page_of(found, limit, lambda facts: facts.state.case_id, item)
    return sent(reply(200, page, language))


async def _found(parts: WebParts, caller: Caller, query: CaseQuery) -> tuple[CaseFacts, ...]:
    own = {Role.CLIENT: "client_id", Role.EXPERT: "expert_id"}.get(caller.role)
    if own is not None:
        if getattr(query, own) not in {None, caller.party_id}:
            return ()
        query = query.model_copy(update={own: caller.party_id})
    if query.cursor is not None:
        try:  # what may be a cursor must not tell which foreign cases exist
            await own_case(parts, caller, query.cursor)
        except NotFound:
            raise DataFault("invalid", [fault("cursor", FaultCode.BAD_FORMAT)]) from None
    return await parts.store.payments(query)
