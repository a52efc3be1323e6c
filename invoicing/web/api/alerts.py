"""Alerts: what ops must see, newest first."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from invoicing.domain.cases import CASE_ID
from invoicing.domain.records import AlertQuery
from invoicing.domain.state import Step
from invoicing.errors import Cause
from invoicing.exporting import Format, every
from invoicing.listing import ALERTS, alert_causes, alert_item
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.described import AlertItem, Alerts
from invoicing.web.exports import Wanted, download, exported
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.listed import AlertCauses
from invoicing.web.openapi import json_body, problems
from invoicing.web.paging import USUAL, Code, Cursor, Limit, ListRoute, Since, Until, beyond, page_of, row_id
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent
from invoicing.web.requested import EmptyBody

router = APIRouter(prefix="/v1/alerts", tags=["alerts"], route_class=ListRoute)


@router.get(
    "", operation_id=Call.LIST_ALERTS, responses={**exported(Alerts | AlertCauses), **problems(401, 403, 422, 503)}
)
async def list_alerts(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_ALERTS)],
    form: Wanted,
    case_id: Annotated[str | None, Query(pattern=CASE_ID)] = None,
    cause: Cause | None = None,
    code: Code = None,
    step: Step | None = None,
    acknowledged: Annotated[bool | None, Query(description="somebody looks after it, or nobody")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
    open_only: Annotated[bool, Query(alias="open", description="only alerts that are not closed")] = False,
    group: Annotated[Literal["cause"] | None, Query(description="open alerts counted by cause and code")] = None,
) -> Response:
    """One page of alerts, all of them, or how many are open by cause."""
    if group is not None:
        groups = alert_causes(await parts.store.alert_groups(), language)
        return sent(reply(200, {"items": groups, "next_cursor": None}, language))
    query = AlertQuery(
        case_id=case_id,
        cause=cause,
        code=code,
        step=step,
        open=True if open_only else None,
        acknowledged=acknowledged,
        since=since,
        until=until,
        after_id=beyond(cursor),
        limit=limit + 1,
    )
    if form is not Format.JSON:
        found = every(parts.store.alert_list, query)
        return await download(form, "alerts", language, ALERTS, found, lambda alert: alert_item(alert, language))
    alerts = await parts.store.alert_list(query)
    page = page_of(alerts, limit, lambda alert: alert.id, lambda alert: alert_item(alert, language))
    return sent(reply(200, page, language))


@router.post(
    "/{alert_id}/acknowledge",
    operation_id=Call.ACKNOWLEDGE_ALERT,
    responses={200: {"model": AlertItem}, **problems(401, 403, 404, 409, 413, 415, 422, 503)},
    openapi_extra=json_body(EmptyBody, required=False),
)
async def acknowledge_alert(
    alert_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.ACKNOWLEDGE_ALERT)],
    key: Key = None,
) -> Response:
    """Somebody looks after it; the first to say so stays named."""
    number = row_id(alert_id)
    raw = await raw_body(request)

    async def act() -> Reply:
        parsed(raw or b"{}", EmptyBody)
        alert = await parts.store.acknowledge(number, caller.actor, parts.clock())
        return reply(200, alert_item(alert, language), language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))
