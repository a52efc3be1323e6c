"""Asking for payment, money that came another way, looking for it now, and giving it back."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Request, Response

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import CaseFacts
from invoicing.intake import PaymentAnswer as Answered
from invoicing.presenting import state_record
from invoicing.tokens import Caller
from invoicing.web.access import Call, by, own_case
from invoicing.web.bodies import parsed, raw_body
from invoicing.web.deciding_calls import ANSWERS, decided
from invoicing.web.described import PaymentAnswer, PaymentRequestBody
from invoicing.web.idempotency import DemandedKey, Key, once
from invoicing.web.languages import Language
from invoicing.web.openapi import json_body, problems
from invoicing.web.parts import Parts
from invoicing.web.replies import Reply, reply, sent
from invoicing.web.requested import EmptyBody, ExternalPaymentBody, RefundBody

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
        asked = await parts.intake.ask_for_payment(
            case_id, body.billing_data, caller.actor, within=parts.redirect_within, save=body.save
        )
        record = {**state_record(asked.facts, caller.role, language), "redirect_url": asked.redirect_url}
        return reply(202 if asked.answer is Answered.NOT_KNOWN else 200, record, language)

    return sent(await once(parts.answers, parts.clock, request, caller, key, raw, act))


@router.post(
    "/{case_id}/payment/external",
    operation_id=Call.RECORD_EXTERNAL_PAYMENT,
    responses=ANSWERS,
    openapi_extra=json_body(ExternalPaymentBody),
)
async def record_external_payment(
    case_id: str,
    request: Request,
    parts: Parts,
    caller: Annotated[Caller, by(Call.RECORD_EXTERNAL_PAYMENT)],
    key: Key = None,
) -> Response:
    """The money came another way; an open attempt is closed first."""

    async def take(body: ExternalPaymentBody) -> CaseFacts:
        amount = Decimal(body.amount)
        return await parts.deciding.external_payment(case_id, caller.actor, body.reference, body.paid_at, amount, key)

    return await decided(request, parts, caller, case_id, key, ExternalPaymentBody, take)


@router.post(
    "/{case_id}/payment/check",
    operation_id=Call.CHECK_PAYMENT,
    responses=ANSWERS,
    openapi_extra=json_body(EmptyBody, required=False),
)
async def check_payment(
    case_id: str, request: Request, parts: Parts, caller: Annotated[Caller, by(Call.CHECK_PAYMENT)], key: Key = None
) -> Response:
    """Ask the gateway now instead of at the next turn."""

    async def take(_body: EmptyBody) -> CaseFacts:
        return await parts.deciding.take(case_id, DecisionKind.CHECK_PAYMENT_NOW, caller.actor, key=key)

    return await decided(request, parts, caller, case_id, key, EmptyBody, take)


@router.post(
    "/{case_id}/refund",
    operation_id=Call.REFUND,
    responses={**ANSWERS, **problems(400)},
    openapi_extra=json_body(RefundBody),
)
async def refund(
    case_id: str, request: Request, parts: Parts, caller: Annotated[Caller, by(Call.REFUND)], key: DemandedKey
) -> Response:
    """Give back an amount of the kept or named payment, or all that is left; the key keeps it from going twice."""

    async def take(body: RefundBody) -> CaseFacts:
        amount = None if body.amount is None else Decimal(body.amount)
        return await parts.deciding.refund(case_id, caller.actor, amount, body.reason, key, body.remote_id)

    return await decided(request, parts, caller, case_id, key, RefundBody, take)
