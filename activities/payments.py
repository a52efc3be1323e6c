"""`charge`: opening and settling payment attempts.

The rule behind all of it: an intent is written before a request leaves, an intent without an answer is never posted
again, and a success is recorded exactly once whoever tells of it (ITN, poll, settlement).
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.alerting import settled
from activities.attempts import unchanged
from activities.external_money import record_external
from activities.failures import mapped
from activities.parking import cleared
from activities.received import Received, record_transactions
from invoicing.domain.cases import ExternalPayment, offered_language
from invoicing.domain.consequences import AnswerClass
from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.payments import (
    MAY_STILL_PAY,
    NOT_FOUND_PROVES_AFTER,
    Attempt,
    AttemptState,
    Idle,
    Post,
    Resume,
    Settle,
    Verdict,
    judge,
    order_id,
    plan_charge,
    proves_dead,
)
from invoicing.domain.records import Alert, CaseFacts, Event, LogEntry
from invoicing.domain.recoveries import SETTLED_BY_ATTEMPT
from invoicing.domain.state import Step, payment_failed, payment_opened
from invoicing.domain.validation import case_totals
from invoicing.errors import (
    ConnectivityFault,
    InternalFault,
    OutcomeUnknown,
    PaidcaseError,
    Refused,
    SettingsFault,
    VersionConflict,
)
from invoicing.ports import CaseStore, Clock, OpenedPayment, OpenPayment, PaymentGateway

SETTLE_AGAIN_AFTER = timedelta(seconds=5)
"""Pause between two looks at an attempt whose outcome is unknown."""

LATEST_POST = timedelta(seconds=25)
"""How long after its intent a request may still leave; an attempt is never proved dead sooner than that."""

STUCK_AFTER_TRIES = 3
"""From this try on ops are told that a charge does not get through; it goes on trying."""


class ChargeOutcome(StrEnum):
    """What stands after a charge. Waiting: no attempt is open, the client has to ask again."""

    PAID = "paid"
    OPEN = "open"
    WAITING = "waiting"


class ChargeInput(BaseModel):
    """`requested` is the attempt number that the client's latest press asked for."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    requested: int = 1
    validity: timedelta = timedelta(days=3)


class SettleInput(BaseModel):
    """The case whose attempts must not bring money any more."""

    model_config = ConfigDict(frozen=True)

    case_id: str


class Charged(BaseModel):
    """Outcome and attempt number; the redirect address stays in the database, because whoever has it may pay."""

    model_config = ConfigDict(frozen=True)

    outcome: ChargeOutcome
    attempt: int = 0
    code: str | None = None


class PaymentActivities:
    """Charges a case once, whatever dies when."""

    def __init__(self, store: CaseStore, gateway: PaymentGateway, clock: Clock, public_url: str) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock
        self._return_url = f"{public_url.rstrip('/')}/return/autopay"

    @activity.defn(name="charge")
    @mapped
    async def charge(self, case: ChargeInput) -> Charged:
        """Bring the case to a kept payment, an open attempt, or a state in which the client has to ask again.

        Raises `OutcomeUnknown` and `ConnectivityFault` (tried again, settling first), `SettingsFault`, `DataFault`.
        """
        try:
            return await self._charge(case)
        except (OutcomeUnknown, ConnectivityFault) as error:
            if activity.info().attempt >= STUCK_AFTER_TRIES:
                await self._alert_stuck(case.case_id, error)
            raise

    @activity.defn(name="settle_attempts")
    @mapped
    async def settle_attempts(self, case: SettleInput) -> Received:
        """Prove every attempt of the case dead or paid, so that other money can be counted.

        Raises `OutcomeUnknown` and `ConnectivityFault` while one is neither.
        """
        while True:
            async with self._store.reading() as db:
                state = (await db.facts(case.case_id)).state
                attempts = await db.attempts(case.case_id)
            doubtful = next((a for a in attempts if a.state in MAY_STILL_PAY), None)
            if state.paid or doubtful is None:
                return Received.of(state)
            await self._settle(case.case_id, doubtful)

    async def _charge(self, case: ChargeInput) -> Charged:
        while True:
            async with self._store.reading() as db:
                facts = await db.facts(case.case_id)
                external = isinstance(facts.document.payment, ExternalPayment)
                attempts = () if external else await db.attempts(case.case_id)
            state = facts.state
            if external and not state.paid:
                state = await record_external(self._store, case.case_id, self._clock())
            if state.paid:
                return Charged(outcome=ChargeOutcome.PAID, attempt=state.payment.attempt)
            match plan_charge(attempts, case.requested, self._clock()):
                case Post(number):
                    return await self._post(facts, number, case)
                case Resume(attempt):
                    await self._opened(case.case_id, attempt)
                    return Charged(outcome=ChargeOutcome.OPEN, attempt=attempt.attempt)
                case Settle(attempt):
                    await self._settle(case.case_id, attempt)
                case Idle(last):
                    return Charged(outcome=ChargeOutcome.WAITING, attempt=last.attempt, code=last.reason)

    async def _post(self, facts: CaseFacts, number: int, case: ChargeInput) -> Charged:
        attempt, request = self._request(facts, number, case.validity)
        async with self._store.transaction() as db:
            # looked at again where it is written: an execution that stood still must not overwrite its successor's
            if plan_charge(await db.attempts(case.case_id), case.requested, self._clock()) != Post(number):
                raise VersionConflict("version_conflict", "another execution is charging this case")
            await db.save_attempt(attempt)
        try:
            opened = await self._gateway.open(self._in_time(attempt, request))
        except Refused as refusal:
            await self._refused(attempt, refusal)
            return Charged(outcome=ChargeOutcome.WAITING, attempt=number, code=refusal.code)
        except (ConnectivityFault, SettingsFault):
            # Proved not to have arrived: the same attempt may be posted again.
            async with self._store.transaction() as db:
                if await unchanged(db, attempt):
                    await db.save_attempt(attempt.model_copy(update={"state": AttemptState.PREPARED}))
            raise
        await self._opened(facts.document.case_id, attempt, opened)
        return Charged(outcome=ChargeOutcome.OPEN, attempt=number)

    def _in_time(self, attempt: Attempt, request: OpenPayment) -> OpenPayment:
        """The request, unless this execution stood still so long that others may have proved its attempt dead."""
        if attempt.sent_at is None or self._clock() - attempt.sent_at > LATEST_POST:
            raise OutcomeUnknown("gateway_outcome_unknown", "the execution stood still before its request")
        return request

    def _request(self, facts: CaseFacts, number: int, validity: timedelta) -> tuple[Attempt, OpenPayment]:
        document, now = facts.document, self._clock()
        totals = case_totals(document)
        if totals is None:
            raise InternalFault("internal", "a case without totals reached the gateway")
        billing_email = facts.billing.email if facts.billing else None
        email = document.client.email or billing_email
        attempt = Attempt(
            case_id=document.case_id,
            attempt=number,
            order_id=order_id(document.case_id, number),
            service_id=self._gateway.service_for(document.currency),
            amount=totals.gross,
            currency=document.currency,
            state=AttemptState.SENT,
            sent_at=now,
            valid_until=now + validity,
        )
        return attempt, OpenPayment(
            service_id=attempt.service_id,
            order_id=attempt.order_id,
            amount=attempt.amount,
            currency=attempt.currency,
            description=f"Konsultacja {document.case_id}",
            customer_email=email or "",
            language=offered_language(document.client.language),
            valid_until=now + validity,
            return_url=self._return_url,
        )

    async def _opened(self, case_id: str, attempt: Attempt, opened: OpenedPayment | None = None) -> None:
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            stored = next(a for a in await db.attempts(case_id) if a.attempt == attempt.attempt)
            if opened is not None and stored.state is AttemptState.SENT:
                update = {
                    "state": AttemptState.OPEN,
                    "remote_id": opened.remote_id,
                    "redirect_url": opened.redirect_url,
                }
                await db.save_attempt(stored.model_copy(update=update))
            elif opened is not None:
                if stored.state is AttemptState.DEAD:
                    return
                # An ITN overtook the answer: keep what it told, add the address.
                update = {"remote_id": stored.remote_id or opened.remote_id, "redirect_url": opened.redirect_url}
                await db.save_attempt(stored.model_copy(update=update))
                return
            now = self._clock()
            await db.close_alerts_of(case_id, SETTLED_BY_ATTEMPT, now)
            state = await cleared(db, facts.state, Step.CHARGE, now)
            state = payment_opened(state, attempt.attempt)
            if state == facts.state:
                return
            await db.save(state)
            entry = self._entry(case_id, Event.PAYMENT_OPENED, attempt.attempt)
            await db.log(entry.model_copy(update={"at": now}))

    async def _refused(self, attempt: Attempt, refusal: Refused) -> None:
        now = self._clock()
        async with self._store.transaction() as db:
            facts = await db.facts(attempt.case_id)
            if not await unchanged(db, attempt):
                return
            await db.save_attempt(attempt.model_copy(update={"state": AttemptState.REFUSED, "reason": refusal.message}))
            await db.save(payment_failed(payment_opened(facts.state, attempt.attempt), attempt.attempt))
            entry = self._entry(attempt.case_id, Event.PAYMENT_REFUSED, attempt.attempt, refusal)
            details = recorded(refusal.code, facts.state, Step.CHARGE, AnswerClass.REFUSED)
            await db.log(entry.model_copy(update={"at": now, "details": {"reason": refusal.message, **details}}))
            await db.open_alert(
                Alert(
                    key=f"charge:{attempt.order_id}",
                    case_id=attempt.case_id,
                    step=Step.CHARGE,
                    cause=refusal.cause,
                    code=refusal.code,
                    opened_at=now,
                    details={"order_id": attempt.order_id, "reason": refusal.message},
                )
            )

    async def _alert_stuck(self, case_id: str, error: PaidcaseError) -> None:
        now = self._clock()
        async with self._store.transaction() as db:
            opened = await db.open_alert(
                Alert(
                    key=f"charge:{case_id}",
                    case_id=case_id,
                    step=Step.CHARGE,
                    cause=error.cause,
                    code=error.code,
                    opened_at=now,
                )
            )
            if opened:
                state, answer = (await db.facts(case_id)).state, answer_of(type(error).__name__, error.code)
                told = recorded(error.code, state, Step.CHARGE, answer, outcome_known=error.outcome_known)
                entry = self._entry(case_id, Event.PAYMENT_DOUBTFUL, activity.info().attempt, error)
                await db.log(entry.model_copy(update={"at": now, "details": told}))

    async def _settle(self, case_id: str, attempt: Attempt) -> None:
        """Prove the attempt dead or paid. Raises `OutcomeUnknown` while neither is proved.

        Raises `Refused("payment_not_verified")` when money of another amount came: a person decides what it is.
        """
        try:
            await self._settled(case_id, attempt)
        except ConnectivityFault as fault:
            if attempt.state is AttemptState.SENT:
                # this question came to nothing, and what became of the request before it is not known either
                raise OutcomeUnknown("gateway_outcome_unknown", fault.message, retry_after=fault.retry_after) from fault
            raise

    async def _settled(self, case_id: str, attempt: Attempt) -> None:
        transactions = await self._gateway.status(attempt.service_id, attempt.order_id)
        verdict, cancelled = judge(transactions, attempt), False
        if verdict not in {Verdict.PAID, Verdict.MISPAID}:
            message_id = hashlib.sha256(f"{attempt.order_id}|cancel".encode()).hexdigest()[:32]
            cancelled = await self._gateway.cancel(attempt.service_id, attempt.order_id, message_id)
            transactions = await self._gateway.status(attempt.service_id, attempt.order_id)
            verdict = judge(transactions, attempt)
        now = self._clock()
        if verdict in {Verdict.PAID, Verdict.MISPAID}:
            await record_transactions(self._store, attempt.service_id, transactions, "settlement", now)
            if verdict is Verdict.MISPAID:
                raise Refused("payment_not_verified", f"order {attempt.order_id} was paid with another amount")
            return
        if not proves_dead(verdict, attempt, cancelled=cancelled, now=now):
            raise OutcomeUnknown(
                "gateway_outcome_unknown",
                f"order {attempt.order_id} is neither paid nor proved dead",
                retry_after=self._pause(attempt, now),
            )
        await self._dead(case_id, attempt, now)

    async def _dead(self, case_id: str, attempt: Attempt, now: datetime) -> None:
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            if not await unchanged(db, attempt):
                return
            await db.save_attempt(attempt.model_copy(update={"state": AttemptState.DEAD}))
            state = payment_failed(facts.state, attempt.attempt)
            if state != facts.state:
                await db.save(state)
            await settled(db, case_id, None, [f"charge:{attempt.order_id}", f"charge:{case_id}"], now)

    @staticmethod
    def _pause(attempt: Attempt, now: datetime) -> timedelta:
        if attempt.sent_at is None:
            return SETTLE_AGAIN_AFTER
        return max(SETTLE_AGAIN_AFTER, attempt.sent_at + NOT_FOUND_PROVES_AFTER - now)

    def _entry(
        self, case_id: str, event: Event, attempt: int, error: PaidcaseError | None = None, code: str | None = None
    ) -> LogEntry:
        return LogEntry(
            case_id=case_id,
            event=event,
            at=self._clock(),
            step=Step.CHARGE,
            attempt=attempt,
            cause=error.cause if error else None,
            code=error.code if error else code,
        )
