"""The activity log: what was done, by whom, for which case; newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from invoicing.domain.cases import CASE_ID
from invoicing.domain.labels import Role
from invoicing.domain.records import Event, LogQuery, StoredLogEntry
from invoicing.domain.state import Step
from invoicing.errors import Cause
from invoicing.presenting import timeline_entry
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.languages import Language
from invoicing.web.listed import Activity
from invoicing.web.openapi import problems
from invoicing.web.paging import USUAL, Cursor, Limit, Since, Until, beyond, page_of
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/activity-log", tags=["activity log"])


@router.get("", operation_id=Call.LIST_ACTIVITY, responses={200: {"model": Activity}, **problems(401, 403, 422, 503)})
async def list_activity(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_ACTIVITY)],
    case_id: Annotated[str | None, Query(pattern=CASE_ID)] = None,
    event: Event | None = None,
    cause: Cause | None = None,
    step: Step | None = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """One page of the log."""
    query = LogQuery(
        case_id=case_id,
        event=event,
        cause=cause,
        step=step,
        since=since,
        until=until,
        after_id=beyond(cursor),
        limit=limit + 1,
    )
    found = await parts.store.activity(query)
    page = page_of(found, limit, lambda entry: entry.id, lambda entry: _item(entry, language))
    return sent(reply(200, page, language))


def _item(entry: StoredLogEntry, language: str) -> dict[str, Any]:
    return {"id": str(entry.id), "case_id": entry.case_id, **(timeline_entry(entry, Role.OPS, language) or {})}
