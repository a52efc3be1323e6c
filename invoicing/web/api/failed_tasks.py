"""The failed lists, and trying what failed of many cases again with one call."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from invoicing.domain.cases import CASE_ID
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import TaskKind, TaskQuery
from invoicing.errors import DataFault, NotAllowed, NotFound
from invoicing.exporting import Format, every
from invoicing.listing import TASKS, task_item
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.exports import Wanted, download, exported
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.listed import FailedTasks, Regenerated
from invoicing.web.openapi import json_body, problems
from invoicing.web.paging import USUAL, Code, Cursor, Limit, ListRoute, Since, Until, beyond, page_of
from invoicing.web.parts import Parts, WebParts
from invoicing.web.problems import document, problem_of
from invoicing.web.replies import Reply, reply, sent
from invoicing.web.requested import RegenerateBody

AGAIN: Mapping[TaskKind, DecisionKind] = MappingProxyType(
    {
        TaskKind.INVOICE: DecisionKind.REGENERATE_INVOICE,
        TaskKind.EMAIL: DecisionKind.RESEND_INVOICE,
        TaskKind.NOTIFICATION: DecisionKind.RESEND_NOTIFICATION,
    }
)
"""What is decided of a case to try its failed task again; a refund is decided by what is left of it."""

router = APIRouter(prefix="/v1/failed-tasks", tags=["failed tasks"], route_class=ListRoute)


@router.get(
    "", operation_id=Call.LIST_FAILED_TASKS, responses={**exported(FailedTasks), **problems(401, 403, 422, 503)}
)
async def list_failed_tasks(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_FAILED_TASKS)],
    form: Wanted,
    kind: TaskKind | None = None,
    case_id: Annotated[str | None, Query(pattern=CASE_ID)] = None,
    code: Code = None,
    is_open: Annotated[bool, Query(alias="open", description="false: those that were cured too")] = True,
    since: Since = None,
    until: Until = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """One page of what waits for a person, newest first, or all of it."""
    query = TaskQuery(
        kind=kind,
        case_id=case_id,
        code=code,
        open=True if is_open else None,
        since=since,
        until=until,
        after_id=beyond(cursor),
        limit=limit + 1,
    )
    if form is not Format.JSON:
        found = every(parts.store.task_list, query)
        return await download(form, "failed-tasks", language, TASKS, found, lambda task: task_item(task, language))
    tasks = await parts.store.task_list(query)
    page = page_of(tasks, limit, lambda task: task.id, lambda task: task_item(task, language))
    return sent(reply(200, page, language))


@router.post(
    "/regenerate",
    operation_id=Call.REGENERATE_FAILED,
    responses={200: {"model": Regenerated}, **problems(401, 403, 409, 413, 415, 422, 503)},
    openapi_extra=json_body(RegenerateBody),
)
async def regenerate_failed(
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.REGENERATE_FAILED)],
    key: Key = None,
) -> Response:
    """Decide for each case by itself; one that is not accepted does not stop the others."""
    raw = await raw_body(request)

    async def act() -> Reply:
        body = parsed(raw, RegenerateBody)
        wanted, kind = dict.fromkeys(body.case_ids), TaskKind(body.kind)
        items = [await _tried(parts, caller, one, kind, key, language) for one in wanted]
        return reply(200, {"items": items}, language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


async def _tried(
    parts: WebParts, caller: Caller, case_id: str, kind: TaskKind, key: str | None, language: str
) -> dict[str, Any]:
    """What became of one case; a database that goes away meanwhile ends the request, which may simply be repeated."""
    try:
        if kind is TaskKind.REFUND:
            await parts.deciding.refund_again(case_id, caller.actor, key)
        else:
            await parts.deciding.take(case_id, AGAIN[kind], caller.actor, key=key)
    except (DataFault, NotAllowed, NotFound) as error:
        told = document(problem_of(error), language)
        return {"case_id": case_id, "accepted": False, "code": told["code"], "message": told["detail"]}
    return {"case_id": case_id, "accepted": True, "code": None, "message": None}
