"""The failed lists, and trying the invoices of many cases again with one call."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import StoredTask, TaskKind
from invoicing.errors import NotAllowed, NotFound
from invoicing.failing import link, ops_message
from invoicing.presenting import moment
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.listed import FailedTasks, Regenerated
from invoicing.web.openapi import json_body, problems
from invoicing.web.paging import USUAL, Cursor, Limit, beyond, page_of
from invoicing.web.parts import Parts, WebParts
from invoicing.web.problems import document, problem_of
from invoicing.web.replies import Reply, reply, sent
from invoicing.web.requested import RegenerateBody

router = APIRouter(prefix="/v1/failed-tasks", tags=["failed tasks"])


@router.get(
    "", operation_id=Call.LIST_FAILED_TASKS, responses={200: {"model": FailedTasks}, **problems(401, 403, 422, 503)}
)
async def list_failed_tasks(
    parts: Parts,
    language: Language,
    _caller: Annotated[Caller, by(Call.LIST_FAILED_TASKS)],
    kind: TaskKind | None = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """One page of what waits for a person, newest first."""
    found = await parts.store.failed_tasks(kind, beyond(cursor), limit + 1)
    page = page_of(found, limit, lambda task: task.id, lambda task: _item(task, language))
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
        wanted = dict.fromkeys(parsed(raw, RegenerateBody).case_ids)
        return reply(200, {"items": [await _tried(parts, caller, one, key, language) for one in wanted]}, language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


async def _tried(parts: WebParts, caller: Caller, case_id: str, key: str | None, language: str) -> dict[str, Any]:
    """What became of one case; a database that goes away meanwhile ends the request, which may simply be repeated."""
    try:
        await parts.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, caller.actor, key=key)
    except (NotAllowed, NotFound) as error:
        told = document(problem_of(error), language)
        return {"case_id": case_id, "accepted": False, "code": told["code"], "message": told["detail"]}
    return {"case_id": case_id, "accepted": True, "code": None, "message": None}


def _item(task: StoredTask, language: str) -> dict[str, Any]:
    return {
        "id": str(task.id),
        "kind": task.kind.value,
        "case_id": task.case_id,
        "code": task.code,
        "message": ops_message(task.code, task.kind.step, language),
        "docs": link(task.code),
        "opened_at": moment(task.opened_at),
    }
