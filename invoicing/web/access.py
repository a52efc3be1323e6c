"""Who may call what: the one table of roles, the reading of bearer tokens, and whose a case is.

Order of the answers: 401 without a valid token, 403 for a role that may not make the call at all, 404 for what belongs
to somebody else, so that nobody learns which ids exist (SPEC section 6).
"""

from __future__ import annotations

import re
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from invoicing.domain.cases import CASE_ID
from invoicing.domain.labels import Role
from invoicing.domain.records import CaseFacts
from invoicing.errors import NotAllowed, NotFound
from invoicing.tokens import Caller
from invoicing.web.parts import Parts, WebParts


class Call(StrEnum):
    """Every call that demands a token; its value is the operation's id in the OpenAPI document."""

    RECORD_CASE = "recordCase"
    READ_CASE = "readCase"
    ASK_FOR_PAYMENT = "askForPayment"
    RECORD_EXTERNAL_PAYMENT = "recordExternalPayment"
    CHECK_PAYMENT = "checkPayment"
    LIST_PAYMENTS = "listPayments"
    REFUND = "refund"
    CORRECT_BILLING_DATA = "correctBillingData"
    DOWNLOAD_INVOICE = "downloadInvoice"
    REGENERATE_INVOICE = "regenerateInvoice"
    RESEND_INVOICE = "resendInvoice"
    ATTACH_INVOICE = "attachInvoice"
    CORRECT_INVOICE = "correctInvoice"
    LIST_DOCUMENTS = "listDocuments"
    DOWNLOAD_DOCUMENT = "downloadDocument"
    DRAW_DUPLICATE = "downloadDuplicate"
    DRAW_DUPLICATE_OF = "downloadDuplicateOf"
    DRAW_PRO_FORMA = "downloadProForma"
    GIVE_UP = "giveUp"
    READ_TIMELINE = "readTimeline"
    SAVE_EXPERT = "saveExpert"
    READ_EXPERT = "readExpert"
    SAVE_LOGO = "saveExpertLogo"
    LIST_PROFILES = "listBillingProfiles"
    ADD_PROFILE = "addBillingProfile"
    SAVE_PROFILE = "saveBillingProfile"
    DELETE_PROFILE = "deleteBillingProfile"
    LIST_ALERTS = "listAlerts"
    ACKNOWLEDGE_ALERT = "acknowledgeAlert"
    LIST_ACTIVITY = "listActivity"
    LIST_EMAILS = "listEmails"
    LIST_FAILED_TASKS = "listFailedTasks"
    REGENERATE_FAILED = "regenerateFailed"
    LIST_NOTIFICATIONS = "listNotifications"
    READ_NOTIFICATION = "readNotification"
    ENCODE_PAYLOADS = "encodePayloads"
    DECODE_PAYLOADS = "decodePayloads"


_ALL = frozenset(Role)
_OPS = frozenset({Role.OPS})
_EXPERT_OR_OPS = frozenset({Role.EXPERT, Role.OPS})
_CLIENT_OR_SERVICE = frozenset({Role.SERVICE, Role.CLIENT})
MAY_CALL = MappingProxyType(
    {
        Call.RECORD_CASE: frozenset({Role.SERVICE}),
        Call.READ_CASE: _ALL,
        Call.ASK_FOR_PAYMENT: frozenset({Role.SERVICE, Role.CLIENT}),
        Call.RECORD_EXTERNAL_PAYMENT: frozenset({Role.SERVICE, Role.OPS}),
        Call.CHECK_PAYMENT: _OPS,
        Call.LIST_PAYMENTS: _ALL,
        Call.REFUND: _OPS,
        Call.CORRECT_BILLING_DATA: frozenset({Role.SERVICE, Role.CLIENT, Role.OPS}),
        Call.DOWNLOAD_INVOICE: _ALL,
        Call.REGENERATE_INVOICE: _EXPERT_OR_OPS,
        Call.RESEND_INVOICE: _EXPERT_OR_OPS,
        Call.ATTACH_INVOICE: _EXPERT_OR_OPS,
        Call.CORRECT_INVOICE: _EXPERT_OR_OPS,
        Call.LIST_DOCUMENTS: _ALL,
        Call.DOWNLOAD_DOCUMENT: _ALL,
        Call.DRAW_DUPLICATE: _ALL,
        Call.DRAW_DUPLICATE_OF: _ALL,
        Call.DRAW_PRO_FORMA: _ALL,
        Call.GIVE_UP: _OPS,
        Call.READ_TIMELINE: _ALL,
        Call.SAVE_EXPERT: frozenset({Role.SERVICE, Role.EXPERT, Role.OPS}),
        Call.READ_EXPERT: frozenset({Role.SERVICE, Role.EXPERT, Role.OPS}),
        Call.SAVE_LOGO: frozenset({Role.SERVICE, Role.EXPERT, Role.OPS}),
        Call.LIST_PROFILES: _CLIENT_OR_SERVICE,
        Call.ADD_PROFILE: _CLIENT_OR_SERVICE,
        Call.SAVE_PROFILE: _CLIENT_OR_SERVICE,
        Call.DELETE_PROFILE: _CLIENT_OR_SERVICE,
        Call.LIST_ALERTS: _OPS,
        Call.ACKNOWLEDGE_ALERT: _OPS,
        Call.LIST_ACTIVITY: _OPS,
        Call.LIST_EMAILS: _OPS,
        Call.LIST_FAILED_TASKS: _OPS,
        Call.REGENERATE_FAILED: _OPS,
        Call.LIST_NOTIFICATIONS: frozenset({Role.EXPERT}),
        Call.READ_NOTIFICATION: frozenset({Role.EXPERT}),
        Call.ENCODE_PAYLOADS: _OPS,
        Call.DECODE_PAYLOADS: _OPS,
    }
)
"""The table of roles."""

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="`python -m starter token ROLE` prints one.")


def by(call: Call) -> Any:
    """The caller of a call, as a handler's dependency."""

    async def admitted(
        parts: Parts, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> Caller:
        if credentials is None:
            raise NotAllowed("unauthenticated", "no token")
        caller = parts.tokens.read(credentials.credentials)
        if caller.role not in MAY_CALL[call]:
            raise NotAllowed("forbidden", "this role may not make this call")
        return caller

    return Depends(admitted)


async def own_case(parts: WebParts, caller: Caller, case_id: str) -> CaseFacts:
    """The facts of a case that the caller may know of. Raises `NotFound`, the same for a foreign and an unknown one."""
    if not re.fullmatch(CASE_ID, case_id):
        raise NotFound("case_unknown", "no case can have this id")
    facts = await parts.intake.facts(case_id)
    owner = {Role.CLIENT: facts.document.client.id, Role.EXPERT: facts.document.expert_id}.get(caller.role)
    if owner != caller.party_id:
        raise NotFound("case_unknown", "the case belongs to somebody else")
    return facts


def demand_self(caller: Caller, expert_id: str) -> None:
    """An expert knows of no expert but himself. Raises `NotFound`."""
    if caller.role is Role.EXPERT and caller.party_id != expert_id:
        raise NotFound("expert_unknown", "an expert sees himself only")
