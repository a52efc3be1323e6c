"""Experts: seller data, issuer, series. Keys of another system are taken and never given back."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Request, Response

from invoicing.domain.cases import PARTY_ID, ExpertDocument
from invoicing.domain.experts import ExpertInput
from invoicing.domain.faults import FaultCode, fault
from invoicing.errors import DataFault, NotFound
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, demand_self
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.described import ExpertAnswer
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent

router = APIRouter(prefix="/v1/experts", tags=["experts"])


@router.put(
    "/{expert_id}",
    operation_id=Call.SAVE_EXPERT,
    responses={200: {"model": ExpertAnswer}, **problems(401, 403, 404, 413, 415, 422, 503)},
    openapi_extra=json_body(ExpertInput),
)
async def save_expert(
    expert_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.SAVE_EXPERT)],
) -> Response:
    """Store or replace an expert. Keys are proved first; without `wfirma` those stored stay, null removes them."""
    demand_self(caller, expert_id)
    if not re.fullmatch(PARTY_ID, expert_id):
        raise DataFault("invalid", [fault("expert_id", FaultCode.BAD_FORMAT)])
    given = parsed(await raw_body(request), ExpertInput)
    if given.expert_id not in {None, expert_id}:
        raise DataFault("invalid", [fault("expert_id", FaultCode.BAD_FORMAT)])
    saved = await parts.experts.save(expert_id, given, caller.actor)
    return sent(_answer(expert_id, saved.expert, saved.checked, language))


@router.get(
    "/{expert_id}",
    operation_id=Call.READ_EXPERT,
    responses={200: {"model": ExpertAnswer}, **problems(401, 403, 404, 503)},
)
async def read_expert(
    expert_id: str, parts: Parts, language: Language, caller: Annotated[Caller, by(Call.READ_EXPERT)]
) -> Response:
    """The expert as stored."""
    demand_self(caller, expert_id)
    async with parts.store.reading() as db:
        expert = await db.expert(expert_id) if re.fullmatch(PARTY_ID, expert_id) else None
    if expert is None:
        raise NotFound("expert_unknown", "no expert is stored under this id")
    return sent(_answer(expert_id, expert, None, language))


def _answer(expert_id: str, expert: ExpertDocument, checked: bool | None, language: str) -> Reply:
    told = expert.model_dump(mode="json", exclude={"wfirma"})
    wfirma = None if expert.wfirma is None else {"company_id": expert.wfirma.company_id}
    return reply(200, {"expert_id": expert_id, **told, "wfirma": wfirma, "checked": checked}, language)
