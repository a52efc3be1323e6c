"""What every call that takes a decision has in common: whose case it is, the body, the key, the answer.

A decision is answered once it is recorded: the state record told is the one that the decision was judged by.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request, Response

from invoicing.domain.cases import Shape
from invoicing.domain.records import CaseFacts
from invoicing.presenting import state_record
from invoicing.tokens import Caller
from invoicing.web.access import own_case
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.described import StateRecord
from invoicing.web.idempotency import once
from invoicing.web.languages import wanted_language
from invoicing.web.openapi import Responses, problems
from invoicing.web.parts import WebParts
from invoicing.web.replies import Reply, reply, sent

B = TypeVar("B", bound=Shape)

ANSWERS: Responses = {
    200: {"model": StateRecord, "description": "The decision is recorded."},
    **problems(401, 403, 404, 409, 413, 415, 422, 503),
}


async def decided(
    request: Request,
    parts: WebParts,
    caller: Caller,
    case_id: str,
    key: str | None,
    body: type[B],
    take: Callable[[B], Awaitable[CaseFacts]],
) -> Response:
    """Take a decision about a case that the caller may know of, once for each key."""
    await own_case(parts, caller, case_id)
    raw, language = await raw_body(request), wanted_language(request)

    async def act() -> Reply:
        facts = await take(parsed(raw or b"{}", body))
        return reply(200, state_record(facts, caller.role, language), language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))
