"""In-app notifications of the expert who is calling."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from invoicing.domain.records import StoredNotice
from invoicing.errors import NotFound
from invoicing.locale import text
from invoicing.presenting import moment
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.listed import NotificationItem, Notifications
from invoicing.web.openapi import json_body, problems
from invoicing.web.paging import USUAL, Cursor, Limit, ListRoute, beyond, page_of, row_id
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent
from invoicing.web.requested import EmptyBody

router = APIRouter(prefix="/v1/notifications", tags=["notifications"], route_class=ListRoute)


@router.get(
    "", operation_id=Call.LIST_NOTIFICATIONS, responses={200: {"model": Notifications}, **problems(401, 403, 422, 503)}
)
async def list_notifications(
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.LIST_NOTIFICATIONS)],
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """One page, newest first, and how many are not read."""
    expert_id = caller.party_id or ""
    found = await parts.store.notices(expert_id, beyond(cursor), limit + 1)
    page = page_of(found, limit, lambda notice: notice.id, lambda notice: _item(notice, language))
    return sent(reply(200, {**page, "unread": await parts.store.unread(expert_id)}, language))


@router.post(
    "/{notification_id}/read",
    operation_id=Call.READ_NOTIFICATION,
    responses={200: {"model": NotificationItem}, **problems(401, 403, 404, 409, 413, 415, 422, 503)},
    openapi_extra=json_body(EmptyBody, required=False),
)
async def read_notification(
    notification_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.READ_NOTIFICATION)],
    key: Key = None,
) -> Response:
    """Mark one as read; the first time stays."""
    number, expert_id = row_id(notification_id), caller.party_id or ""
    raw = await raw_body(request)

    async def act() -> Reply:
        parsed(raw or b"{}", EmptyBody)
        if not await parts.store.read_notice(expert_id, number, parts.clock()):
            raise NotFound("notification_unknown", "this expert has no such notification")
        (notice,) = await parts.store.notices(expert_id, number + 1, 1)
        return reply(200, _item(notice, language), language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


def _item(notice: StoredNotice, language: str) -> dict[str, Any]:
    return {
        "id": str(notice.id),
        "case_id": notice.case_id,
        "kind": notice.kind.value,
        "message": text(language, f"mail.{notice.kind.value}.text", case_id=notice.case_id).strip(),
        "created_at": moment(notice.created_at),
        "read_at": None if notice.read_at is None else moment(notice.read_at),
    }
