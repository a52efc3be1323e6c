"""Asking for payment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from invoicing.domain.cases import BillingData, ProfileReference
from invoicing.domain.faults import FaultCode, fault
from invoicing.errors import DataFault
from invoicing.intake import PaymentAnswer as Answered
from invoicing.presenting import state_record
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.described import PaymentAnswer, PaymentRequestBody
from invoicing.web.idempotency import Key, once
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent

router = APIRouter(prefix="/v1/cases", tags=["payments"])


@router.post(
    "/{case_id}/payment",
    operation_id=Call.ASK_FOR_PAYMENT,
    responses={
        200: {"model": PaymentAnswer, "description": "Open, or refused by the gateway (then without an address)."},
        202: {"model": PaymentAnswer, "description": "Not known yet: read the case, or ask again."},
        **problems(401, 403, 404, 409, 413, 415, 422, 503),
    },
    openapi_extra=json_body(PaymentRequestBody, required=False),
)
async def ask_for_payment(
    case_id: str,
    request: Request,
    parts: Parts,
    language: Language,
    caller: Annotated[Caller, by(Call.ASK_FOR_PAYMENT)],
    key: Key = None,
) -> Response:
    """Open or resume the payment; any number of requests opens one attempt and brings one address."""
    await own_case(parts, caller, case_id)
    raw = await raw_body(request)

    async def act() -> Reply:
        body = parsed(raw or b"{}", PaymentRequestBody)
        asked = await parts.intake.ask_for_payment(case_id, _given(body), caller.actor, within=parts.redirect_within)
        record = {**state_record(asked.facts, caller.role, language), "redirect_url": asked.redirect_url}
        return reply(202 if asked.answer is Answered.NOT_KNOWN else 200, record, language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


def _given(body: PaymentRequestBody) -> BillingData | None:
    if isinstance(body.billing_data, ProfileReference):
        # this version keeps no profiles, so no id names one
        raise DataFault("invalid", [fault("billing_data.profile_id", FaultCode.BAD_FORMAT)])
    return body.billing_data
