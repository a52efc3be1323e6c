"""Cases: recording one, its state, its timeline, its billing data, and giving it up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from invoicing.domain.cases import BillingData, CaseDocument
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.failure_records import failures_of
from invoicing.domain.labels import Role
from invoicing.domain.records import CaseFacts, LogQuery
from invoicing.errors import NotAllowed
from invoicing.explained import explanation
from invoicing.ports import Recorded
from invoicing.presenting import failure_record, state_record, timeline_entry
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.deciding_calls import ANSWERS, decided
from invoicing.web.described import StateRecord, Timeline
from invoicing.web.described_totals import ExplainedRecord
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent
from invoicing.web.requested import EmptyBody

MOST_FAILURES = 100
"""Lines of the log that are looked at for the failed attempts of a case; the timeline has them all."""

router = APIRouter(prefix="/v1/cases", tags=["cases"])


@router.post(
    "",
    operation_id=Call.RECORD_CASE,
    status_code=201,
    responses={
        200: {"model": StateRecord, "description": "The same case again."},
        201: {"model": StateRecord, "description": "Recorded; started when it arrives paid."},
        **problems(401, 403, 409, 413, 415, 422, 503),
    },
    openapi_extra=json_body(CaseDocument),
)
async def record_case(
    request: Request, parts: Parts, language: Language, caller: Annotated[Caller, by(Call.RECORD_CASE)], key: Key = None
) -> Response:
    """Record a priced case."""
    raw = await raw_body(request)

    async def act() -> Reply:
        document = parsed(raw, CaseDocument)
        recorded, facts = await parts.intake.record_case(document, caller.actor)
        if recorded is Recorded.CONFLICT:
            raise NotAllowed("conflict", "another document is recorded under this id")
        made = recorded is Recorded.NEW
        location = f"/v1/cases/{document.case_id}" if made else None
        return reply(201 if made else 200, state_record(facts, caller.role, language), language, location)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


@router.get(
    "/{case_id}",
    operation_id=Call.READ_CASE,
    responses={200: {"model": ExplainedRecord}, **problems(401, 404, 503)},
)
async def read_case(
    case_id: str, parts: Parts, language: Language, caller: Annotated[Caller, by(Call.READ_CASE)]
) -> Response:
    """The state record, labels in `Accept-Language`, and how its totals came about.

    Ops read the newest failed attempts, newest first.
    """
    facts = await own_case(parts, caller, case_id)
    record = {
        **state_record(facts, caller.role, language),
        "explanation": explanation(facts.document, language),
    }
    if caller.role is Role.OPS:
        lines = await parts.store.activity(LogQuery(case_id=case_id, failed=True, limit=MOST_FAILURES))
        found = failures_of(lines[::-1])[::-1]
        record["failures"] = [failure_record(one, caller.role, language) for one in found]
    return sent(reply(200, record, language))


@router.put(
    "/{case_id}/billing-data",
    operation_id=Call.CORRECT_BILLING_DATA,
    responses={200: {"model": StateRecord}, **problems(401, 403, 404, 409, 413, 415, 422, 503)},
    openapi_extra=json_body(BillingData),
)
async def correct_billing_data(
    case_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.CORRECT_BILLING_DATA)],
) -> Response:
    """A new revision of the billing data; a run that is parked because of them goes on."""
    await own_case(parts, caller, case_id)
    data = parsed(await raw_body(request), BillingData)
    facts = await parts.intake.correct_billing_data(case_id, data, caller.actor)
    return sent(reply(200, state_record(facts, caller.role, language), language))


@router.get(
    "/{case_id}/timeline",
    operation_id=Call.READ_TIMELINE,
    responses={200: {"model": Timeline}, **problems(401, 404, 422, 503)},
)
async def read_timeline(
    case_id: str,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.READ_TIMELINE)],
    limit: Annotated[int, Query(ge=1, le=200)] = 200,
    cursor: Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,8}$", description="`next_cursor` of a list")] = None,
) -> Response:
    """What happened, oldest first, as much as the role may see."""
    await own_case(parts, caller, case_id)
    entries = [timeline_entry(entry, caller.role, language) for entry in await parts.store.timeline(case_id)]
    seen, start = [entry for entry in entries if entry is not None], int(cursor or 0)
    more = str(start + limit) if len(seen) > start + limit else None
    return sent(reply(200, {"items": seen[start : start + limit], "next_cursor": more}, language))


@router.post(
    "/{case_id}/give-up",
    operation_id=Call.GIVE_UP,
    responses=ANSWERS,
    openapi_extra=json_body(EmptyBody, required=False),
)
async def give_up(
    case_id: str, request: Request, parts: Parts, caller: Annotated[Caller, by(Call.GIVE_UP)], key: Key = None
) -> Response:
    """Try nothing more; money and documents stay as they are."""

    async def take(_body: EmptyBody) -> CaseFacts:
        return await parts.deciding.take(case_id, DecisionKind.GIVE_UP, caller.actor, key=key)

    return await decided(request, parts, caller, case_id, key, EmptyBody, take)
