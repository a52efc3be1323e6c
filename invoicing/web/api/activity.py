"""The activity log: what was done, by whom, for which case; newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from invoicing.domain.cases import CASE_ID
from invoicing.domain.processes import Process
from invoicing.domain.records import Event, LogQuery
from invoicing.domain.state import Step
from invoicing.errors import Cause
from invoicing.exporting import Format, every
from invoicing.listing import ACTIVITY, activity_item
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.exports import Wanted, download, exported
from invoicing.web.languages import Language
from invoicing.web.listed import Activity
from invoicing.web.openapi import problems
from invoicing.web.paging import USUAL, Code, Cursor, Limit, ListRoute, Since, Until, beyond, page_of
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/activity-log", tags=["activity log"], route_class=ListRoute)


@router.get("", operation_id=Call.LIST_ACTIVITY, responses={**exported(Activity), **problems(401, 403, 422, 503)})
async def list_activity(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_ACTIVITY)],
    form: Wanted,
    case_id: Annotated[str | None, Query(pattern=CASE_ID)] = None,
    process: Process | None = None,
    event: Event | None = None,
    cause: Cause | None = None,
    code: Code = None,
    step: Step | None = None,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    failed: Annotated[bool, Query(description="only failure records")] = False,
    since: Since = None,
    until: Until = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """One page of the log, or all of it."""
    query = LogQuery(
        case_id=case_id,
        process=process,
        event=event,
        cause=cause,
        code=code,
        step=step,
        actor=actor,
        failed=failed,
        since=since,
        until=until,
        after_id=beyond(cursor),
        limit=limit + 1,
    )
    if form is not Format.JSON:
        found = every(parts.store.activity, query)
        return await download(form, "activity-log", language, ACTIVITY, found, lambda one: activity_item(one, language))
    lines = await parts.store.activity(query)
    page = page_of(lines, limit, lambda entry: entry.id, lambda entry: activity_item(entry, language))
    return sent(reply(200, page, language))
