"""Alerts: what ops must see, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from invoicing.domain.records import StoredAlert
from invoicing.locale import catalogue
from invoicing.presenting import moment
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.described import Alerts
from invoicing.web.languages import Language
from invoicing.web.openapi import problems
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


@router.get("", operation_id=Call.LIST_ALERTS, responses={200: {"model": Alerts}, **problems(401, 403, 422, 503)})
async def list_alerts(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_ALERTS)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,17}$", description="`next_cursor` of a list")] = None,
    open_only: Annotated[bool, Query(alias="open", description="only alerts that are not closed")] = False,
) -> Response:
    """One page of alerts."""
    found = await parts.store.alerts(open_only=open_only, after_id=int(cursor or 0), limit=limit + 1)
    page = found[:limit]
    more = str(page[-1].id) if len(found) > limit else None
    return sent(reply(200, {"items": [_item(alert, language) for alert in page], "next_cursor": more}, language))


def _item(alert: StoredAlert, language: str) -> dict[str, Any]:
    return {
        "id": str(alert.id),
        "key": alert.key,
        "case_id": alert.case_id,
        "step": alert.step,
        "cause": alert.cause,
        "code": alert.code,
        # an alert whose code has no sentence must not take the whole list away
        "message": catalogue(language).get(f"failure.{alert.code}"),
        "details": alert.details,
        "opened_at": moment(alert.opened_at),
        "acknowledged_at": None if alert.acknowledged_at is None else moment(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "closed_at": None if alert.closed_at is None else moment(alert.closed_at),
    }
