"""The e-mail log: every mail with its recipient and what became of it; newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from invoicing.domain.cases import CASE_ID
from invoicing.domain.records import ENDED, DeliveryStatus, EmailQuery, StoredDelivery
from invoicing.failing import link, ops_message
from invoicing.presenting import moment
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.languages import Language
from invoicing.web.listed import Emails
from invoicing.web.openapi import problems
from invoicing.web.paging import USUAL, Cursor, Limit, Since, Until, beyond, page_of
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/emails", tags=["e-mail log"])


@router.get("", operation_id=Call.LIST_EMAILS, responses={200: {"model": Emails}, **problems(401, 403, 422, 503)})
async def list_emails(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_EMAILS)],
    case_id: Annotated[str | None, Query(pattern=CASE_ID)] = None,
    status: DeliveryStatus | None = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """One page of the log."""
    query = EmailQuery(
        case_id=case_id, status=status, since=since, until=until, after_id=beyond(cursor), limit=limit + 1
    )
    found = await parts.store.emails(query)
    page = page_of(found, limit, lambda mail: mail.id, lambda mail: _item(mail, language))
    return sent(reply(200, page, language))


def _item(mail: StoredDelivery, language: str) -> dict[str, Any]:
    return {
        "id": str(mail.id),
        "message_id": mail.message_id,
        "case_id": mail.case_id,
        "kind": mail.kind.value,
        "recipient": mail.recipient,
        "status": mail.status.value,
        "tries": mail.tries,
        "code": mail.code,
        "message": ops_message(mail.code, mail.kind.step, language, ended=mail.status in ENDED),
        "docs": None if mail.code is None else link(mail.code),
        "created_at": moment(mail.created_at),
        "updated_at": moment(mail.updated_at),
    }
