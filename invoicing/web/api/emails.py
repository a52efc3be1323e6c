"""The e-mail log: every mail with its recipient and what became of it; newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from invoicing.domain.cases import CASE_ID
from invoicing.domain.records import DeliveryStatus, EmailQuery, MailKind
from invoicing.exporting import Format, every
from invoicing.listing import EMAILS, email_item
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.exports import Wanted, download, exported
from invoicing.web.languages import Language
from invoicing.web.listed import Emails
from invoicing.web.openapi import problems
from invoicing.web.paging import USUAL, Code, Cursor, Limit, ListRoute, Since, Until, beyond, page_of
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/emails", tags=["e-mail log"], route_class=ListRoute)


@router.get("", operation_id=Call.LIST_EMAILS, responses={**exported(Emails), **problems(401, 403, 422, 503)})
async def list_emails(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_EMAILS)],
    form: Wanted,
    case_id: Annotated[str | None, Query(pattern=CASE_ID)] = None,
    status: DeliveryStatus | None = None,
    kind: MailKind | None = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """One page of the log, or all of it."""
    query = EmailQuery(
        case_id=case_id,
        status=status,
        kind=kind,
        code=code,
        since=since,
        until=until,
        after_id=beyond(cursor),
        limit=limit + 1,
    )
    if form is not Format.JSON:
        found = every(parts.store.emails, query)
        return await download(form, "emails", language, EMAILS, found, lambda mail: email_item(mail, language))
    mails = await parts.store.emails(query)
    page = page_of(mails, limit, lambda mail: mail.id, lambda mail: email_item(mail, language))
    return sent(reply(200, page, language))
