"""Billing profiles: a client's saved billing data, one of them the default."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from invoicing.domain.cases import PARTY_ID
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.labels import Role
from invoicing.domain.profiles import BillingProfile
from invoicing.errors import DataFault, NotFound
from invoicing.profiles import Profiles
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.described_profiles import ProfileAnswer, ProfileBody, ProfileList
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent

router = APIRouter(prefix="/v1/clients/{client_id}/billing-profiles", tags=["billing profiles"])


@router.get(
    "", operation_id=Call.LIST_PROFILES, responses={200: {"model": ProfileList}, **problems(401, 403, 404, 422, 503)}
)
async def list_profiles(
    client_id: str, parts: Parts, language: Language, caller: Annotated[Caller, by(Call.LIST_PROFILES)]
) -> Response:
    """All profiles of the client, oldest first; there are never more than fit on a page."""
    _demand_own(caller, client_id)
    found = await Profiles(parts.store, parts.clock).of_client(client_id)
    return sent(reply(200, {"items": [_item(profile) for profile in found], "next_cursor": None}, language))


@router.post(
    "",
    operation_id=Call.ADD_PROFILE,
    status_code=201,
    responses={201: {"model": ProfileAnswer}, **problems(401, 403, 404, 409, 413, 415, 422, 503)},
    openapi_extra=json_body(ProfileBody),
)
async def add_profile(
    client_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.ADD_PROFILE)],
    key: Key = None,
) -> Response:
    """Save billing data as a new profile."""
    _demand_own(caller, client_id)
    raw = await raw_body(request)

    async def act() -> Reply:
        body = parsed(raw, ProfileBody)
        profiles = Profiles(parts.store, parts.clock)
        made = await profiles.add(client_id, body.billing_data(), default=body.default)
        return reply(201, _item(made), language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


@router.put(
    "/{profile_id}",
    operation_id=Call.SAVE_PROFILE,
    responses={200: {"model": ProfileAnswer}, **problems(401, 403, 404, 409, 413, 415, 422, 503)},
    openapi_extra=json_body(ProfileBody),
)
async def save_profile(
    client_id: str,
    profile_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.SAVE_PROFILE)],
) -> Response:
    """Save or replace the profile of this id. Cases that used it keep what they took from it."""
    _demand_own(caller, client_id)
    if not re.fullmatch(PARTY_ID, profile_id):
        raise DataFault("invalid", [fault("profile_id", FaultCode.BAD_FORMAT)])
    body = parsed(await raw_body(request), ProfileBody)
    profiles = Profiles(parts.store, parts.clock)
    stored = await profiles.put(client_id, profile_id, body.billing_data(), default=body.default)
    return sent(reply(200, _item(stored), language))


@router.delete(
    "/{profile_id}",
    operation_id=Call.DELETE_PROFILE,
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 422, 503),
)
async def delete_profile(
    client_id: str, profile_id: str, parts: Parts, caller: Annotated[Caller, by(Call.DELETE_PROFILE)]
) -> Response:
    """Delete a profile; when it was the default, the oldest of the others becomes that."""
    _demand_own(caller, client_id)
    if not re.fullmatch(PARTY_ID, profile_id):
        raise NotFound("profile_unknown", "no profile can have this id")
    await Profiles(parts.store, parts.clock).delete(client_id, profile_id)
    return Response(status_code=204)


def _demand_own(caller: Caller, client_id: str) -> None:
    if caller.role is Role.CLIENT and caller.party_id != client_id:
        raise NotFound("client_unknown", "a client sees himself only")
    if not re.fullmatch(PARTY_ID, client_id):
        raise DataFault("invalid", [fault("client_id", FaultCode.BAD_FORMAT)])


def _item(profile: BillingProfile) -> dict[str, Any]:
    data = profile.data.model_dump(mode="json")
    return {"profile_id": profile.profile_id, "default": profile.is_default, **data}
