"""Alerts: what ops must see, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from invoicing.domain.records import StoredAlert
from invoicing.failing import link, ops_message
from invoicing.presenting import moment
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.described import AlertItem, Alerts
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.paging import USUAL, Cursor, Limit, beyond, page_of, row_id
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent
from invoicing.web.requested import EmptyBody

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


@router.get("", operation_id=Call.LIST_ALERTS, responses={200: {"model": Alerts}, **problems(401, 403, 422, 503)})
async def list_alerts(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_ALERTS)],
    limit: Limit = USUAL,
    cursor: Cursor = None,
    open_only: Annotated[bool, Query(alias="open", description="only alerts that are not closed")] = False,
) -> Response:
    """One page of alerts."""
    found = await parts.store.alerts(open_only=open_only, after_id=beyond(cursor), limit=limit + 1)
    page = page_of(found, limit, lambda alert: alert.id, lambda alert: _item(alert, language))
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
        return reply(200, _item(alert, language), language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


def _item(alert: StoredAlert, language: str) -> dict[str, Any]:
    return {
        "id": str(alert.id),
        "key": alert.key,
        "case_id": alert.case_id,
        "step": alert.step,
        "cause": alert.cause,
        "code": alert.code,
        "message": ops_message(alert.code, alert.step, language),
        "docs": link(alert.code),
        "details": alert.details,
        "opened_at": moment(alert.opened_at),
        "acknowledged_at": None if alert.acknowledged_at is None else moment(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "closed_at": None if alert.closed_at is None else moment(alert.closed_at),
    }
