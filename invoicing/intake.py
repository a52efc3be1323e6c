"""Intake: what callers may ask for, decided by the database and stored before it is answered.

The HTTP API, the pages and the commands all come through here. Nothing in this module speaks to Temporal or to the
gateway; what has to reach them is left in the outbox in the same transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from activities.queueing import decide
from activities.registers import RegisterDesk, denied
from invoicing.domain.cases import BillingData, CaseDocument, ProfileReference
from invoicing.domain.decisions import DecisionKind, WhyNot, would_invoice_nothing
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.parties import buyer_faults, undrawable_faults
from invoicing.domain.payments import Attempt, AttemptState
from invoicing.domain.records import CaseFacts, Event, LogEntry, OutboxKind, OutboxMessage
from invoicing.domain.registers import Question, case_faults_of, case_questions
from invoicing.domain.state import CaseState, Step
from invoicing.domain.validation import ContentRules, case_totals, content_faults
from invoicing.errors import DataFault, Fault, NotAllowed
from invoicing.ports import CaseStore, Clock, Recorded, UnitOfWork
from invoicing.profiles import keep

REDIRECT_WITHIN = timedelta(seconds=10)
"""How long a caller of `/payment` is kept waiting for the redirect address."""

LOOK_EVERY = timedelta(milliseconds=40)
REARM_AFTER = timedelta(seconds=15)
"""A request that was handed over so long ago and had no effect is handed over once more."""

UNDER_WAY = frozenset({AttemptState.PREPARED, AttemptState.SENT})


class PaymentAnswer(StrEnum):
    """What became of a wish to pay within the waiting time."""

    OPEN = "open"
    REFUSED = "refused"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class PaymentAsked:
    """The facts after asking, and the address to which the payer is sent when there is one."""

    answer: PaymentAnswer
    facts: CaseFacts
    redirect_url: str | None


class Intake:
    """Records cases, billing data and wishes to pay."""

    def __init__(
        self,
        store: CaseStore,
        rules: ContentRules,
        desk: RegisterDesk,
        clock: Clock,
        wake: Callable[[], None],
        *,
        takes_payments: bool,
    ) -> None:
        self._store = store
        self._rules = rules
        self._desk = desk
        self._clock = clock
        self._wake = wake
        self._takes_payments = takes_payments

    async def record_case(self, document: CaseDocument, actor: str) -> tuple[Recorded, CaseFacts]:
        """Store a case; one that arrives paid is started.

        Raises `NotAllowed("autopay_disabled")` for a case to be priced while no Autopay service is configured.
        """
        async with self._store.transaction() as db:
            recorded = await self.record_in(db, document, actor)
            facts = await db.facts(document.case_id)
        self._wake()
        return recorded, facts

    async def record_in(self, db: UnitOfWork, document: CaseDocument, actor: str) -> Recorded:
        """Store a case within a transaction of the caller's, so that many are stored at once."""
        now = self._clock()
        if not document.arrives_paid and not self._takes_payments:
            raise NotAllowed("autopay_disabled", "no Autopay service is configured")
        totals = case_totals(document)
        state = CaseState(
            case_id=document.case_id,
            currency=document.currency,
            net=totals.net if totals else None,
            vat=totals.vat if totals else None,
            gross=totals.gross if totals else None,
        )
        recorded = await db.record_case(document, state, now)
        if recorded is Recorded.NEW:
            await db.log(LogEntry(case_id=document.case_id, event=Event.CASE_RECORDED, at=now, actor=actor))
            copied = await _of_profile(db, document, document.billing_data)
            if copied is not None:
                await db.save_billing_data(document.case_id, copied, actor, now)
            if document.arrives_paid:
                await db.enqueue(_message(document, OutboxKind.START, f"start:{document.case_id}"), now)
        return recorded

    async def facts(self, case_id: str) -> CaseFacts:
        """The facts of a case. Raises `NotFound`."""
        async with self._store.reading() as db:
            return await db.facts(case_id)

    async def correct_billing_data(self, case_id: str, data: BillingData, actor: str) -> CaseFacts:
        """Store a new revision and let a parked run go on.

        Raises `DataFault("invalid")`, and `NotAllowed("action_not_allowed")` once the invoice is issued.
        """
        faults = tuple(buyer_faults(data, prefix=""))
        if faults:
            raise DataFault("invalid", faults)
        now = self._clock()
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            if facts.state.invoice.number is not None or await db.invoice(case_id) is not None:
                raise NotAllowed("action_not_allowed", reason=WhyNot.INVOICE_ISSUED)
            own = facts.expert is not None and facts.expert.issuer == "builtin"
            faults = tuple(undrawable_faults(data, prefix="")) if own else ()
            if faults:
                raise DataFault("invalid", faults)
            revision = await db.save_billing_data(case_id, data, actor, now)
            await db.log(
                LogEntry(
                    case_id=case_id,
                    event=Event.BILLING_DATA_SAVED,
                    at=now,
                    actor=actor,
                    details={"revision": str(revision)},
                )
            )
            if facts.state.parked is not None and not would_invoice_nothing(facts.state):
                key, body = f"billing-data:{case_id}:{revision}", {"revision": str(revision)}
                await decide(db, case_id, DecisionKind.CORRECT_BILLING_DATA, key, actor, body, now)
            facts = await db.facts(case_id)
        self._wake()
        return facts

    async def ask_for_payment(
        self,
        case_id: str,
        data: BillingData | ProfileReference | None,
        actor: str,
        within: timedelta = REDIRECT_WITHIN,
        *,
        save: bool = False,
    ) -> PaymentAsked:
        """Open or resume the payment of a case; any number of presses asks for one attempt.

        With `save` the billing data given are kept as a profile of the client.

        Raises `NotAllowed` (`already_paid`, `autopay_disabled`), `DataFault("invalid")` with all content faults.
        """
        asked_at = asyncio.get_running_loop().time()
        no = await self._denied(case_id, data)
        within -= timedelta(seconds=asyncio.get_running_loop().time() - asked_at)
        async with self._store.transaction() as db:
            facts, wanted = await self._want_attempt(db, case_id, data, actor, no, save=save)
        self._wake()
        return await self._answer(facts, wanted, within)

    async def _denied(self, case_id: str, given: BillingData | ProfileReference | None) -> frozenset[Question]:
        """What a register denies of a case whose payment is asked for, asked before a transaction is held."""
        if not self._desk.used:
            return frozenset()
        async with self._store.reading() as db:
            facts = await db.facts(case_id)
            data = given if isinstance(given, BillingData) else await _of_profile(db, facts.document, given)
        if facts.state.paid:
            return frozenset()
        return denied(await self._desk.answers(case_questions(facts.document, data or facts.billing, facts.expert)))

    async def _want_attempt(
        self,
        db: UnitOfWork,
        case_id: str,
        given: BillingData | ProfileReference | None,
        actor: str,
        no: frozenset[Question],
        *,
        save: bool,
    ) -> tuple[CaseFacts, int]:
        now = self._clock()
        facts = await db.facts(case_id)
        if facts.state.paid or facts.document.arrives_paid:
            raise NotAllowed("already_paid")
        if not self._takes_payments:
            raise NotAllowed("autopay_disabled", "no Autopay service is configured")
        if given is None and facts.billing is None:
            given = facts.document.billing_data  # a profile that may have been saved since the case was recorded
        data = given if isinstance(given, BillingData) else await _of_profile(db, facts.document, given)
        buyer = data if given is not None else facts.billing
        faults = content_faults(facts.document, buyer, facts.expert, self._rules)
        faults = faults or tuple(case_faults_of(facts.document, buyer, facts.expert, no))
        if faults:
            raise DataFault("invalid", _of_reference(faults) if isinstance(given, ProfileReference) else faults)
        if data is not None:
            await db.save_billing_data(case_id, data, actor, now)
        if save and isinstance(given, BillingData):
            await keep(db, facts.document.client.id, given, now)
        attempts = await db.attempts(case_id)
        last = attempts[-1] if attempts else None
        if last is not None and (_alive(last, now) or last.state in UNDER_WAY):
            wanted = last.attempt
        else:
            wanted = len(attempts) + 1
        if last is None or not _alive(last, now):
            key = f"pay:{case_id}:{wanted}"
            if facts.state.parked is not None and facts.state.parked.step is Step.CHARGE:
                key += f":{facts.state.version}"  # a press after the cure is a new one
            message = _message(facts.document, OutboxKind.PAYMENT_REQUESTED, key, attempt=wanted, actor=actor)
            if await db.enqueue(message, now):
                await db.log(
                    LogEntry(case_id=case_id, event=Event.PAYMENT_REQUESTED, at=now, attempt=wanted, actor=actor)
                )
            else:
                await db.rearm(key, now - REARM_AFTER)
        return facts, wanted

    async def _answer(self, facts: CaseFacts, wanted: int, within: timedelta) -> PaymentAsked:
        case_id, asked_at = facts.document.case_id, facts.state.version
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while True:
            async with self._store.reading() as db:
                facts = await db.facts(case_id)
                attempts = await db.attempts(case_id)
            newest = attempts[-1] if attempts else None
            if newest is not None and newest.attempt >= wanted:
                if newest.state is AttemptState.OPEN and newest.redirect_url:
                    return PaymentAsked(PaymentAnswer.OPEN, facts, newest.redirect_url)
                if newest.state is AttemptState.REFUSED:
                    return PaymentAsked(PaymentAnswer.REFUSED, facts, None)
            parked_anew = facts.state.parked is not None and facts.state.version > asked_at
            if facts.state.paid or parked_anew or asyncio.get_running_loop().time() >= deadline:
                return PaymentAsked(PaymentAnswer.NOT_KNOWN, facts, None)
            await asyncio.sleep(LOOK_EVERY.total_seconds())


async def _of_profile(db: UnitOfWork, document: CaseDocument, given: object) -> BillingData | None:
    """The data of the client's profile that is referred to; None when there is no such reference or profile."""
    if not isinstance(given, ProfileReference):
        return None
    profile = await db.profile(document.client.id, given.profile_id)
    return None if profile is None else profile.data


def _of_reference(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """The faults of a case whose profile is not there: the id that was given names nothing."""
    unknown = fault("billing_data.profile_id", FaultCode.BAD_FORMAT)
    return tuple(unknown if item.field == "billing_data" else item for item in faults)


def _alive(attempt: Attempt, now: datetime) -> bool:
    open_link = attempt.state is AttemptState.OPEN and attempt.redirect_url is not None
    return open_link and (attempt.valid_until is None or now < attempt.valid_until)


def _message(document: CaseDocument, kind: OutboxKind, key: str, **more: str | int) -> OutboxMessage:
    totals = case_totals(document)
    body: dict[str, str | int] = {"expert_id": document.expert_id, "client_id": document.client.id, **more}
    if totals is not None:
        body["amount"] = f"{totals.gross} {document.currency}"
    return OutboxMessage(key=key, kind=kind, case_id=document.case_id, body=body)
