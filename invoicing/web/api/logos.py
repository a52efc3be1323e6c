"""Logos of experts: a picture that stands on their invoices of our own."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Request, Response

from invoicing.domain.cases import PARTY_ID
from invoicing.domain.faults import FaultCode, fault
from invoicing.errors import DataFault, NotFound
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, demand_self
from invoicing.web.bodies import raw_body
from invoicing.web.described import Described
from invoicing.web.languages import Language
from invoicing.web.openapi import problems
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

router = APIRouter(prefix="/v1/experts", tags=["experts"])

LARGEST = 512 * 1024
PICTURES = ("image/png", "image/jpeg")
_FILE = {"schema": {"type": "string", "format": "binary"}}


class LogoAnswer(Described):
    """The logo as stored."""

    expert_id: str
    sha256: str


@router.put(
    "/{expert_id}/logo",
    operation_id=Call.SAVE_LOGO,
    responses={200: {"model": LogoAnswer}, **problems(401, 403, 404, 413, 415, 422, 503)},
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(PICTURES, _FILE)}},
)
async def save_logo(
    expert_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.SAVE_LOGO)],
) -> Response:
    """Store or replace the logo; invoices issued before keep theirs."""
    demand_self(caller, expert_id)
    async with parts.store.reading() as db:
        known = await db.expert(expert_id) if re.fullmatch(PARTY_ID, expert_id) else None
    if known is None:
        raise NotFound("expert_unknown", "no expert is stored under this id")
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    picture = await raw_body(request, told if told in PICTURES else PICTURES[0], LARGEST)
    # decoding a picture takes its time, and the loop has other callers
    if await asyncio.to_thread(parts.logo_fault, picture) is not None:
        raise DataFault("invalid", [fault("logo", FaultCode.BAD_FORMAT)])
    sha256 = await parts.documents.put(picture)
    async with parts.store.transaction() as db:
        await db.save_expert_logo(expert_id, sha256)
    return sent(reply(200, {"expert_id": expert_id, "sha256": sha256}, language))
