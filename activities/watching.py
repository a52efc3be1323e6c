"""Hearing of payments: the gateway's messages, and asking for the status when none comes."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.alerting import raised
from activities.attempts import unchanged
from activities.failures import mapped
from activities.metrics import note_message
from activities.pauses import doubled
from activities.received import Received, record_transactions
from invoicing.domain.consequences import AnswerClass
from invoicing.domain.failure_records import recorded
from invoicing.domain.payments import Attempt, AttemptState, Verdict, ended_by_time, judge
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.state import Step, payment_failed
from invoicing.errors import Cause, NotFound, PaidcaseError, StillPending
from invoicing.ports import CaseStore, Clock, PaymentGateway

LINK_MARGIN = timedelta(minutes=1)
"""How long after the end of validity an attempt is asked for the last time."""


class WatchInput(BaseModel):
    """The attempt to be asked about; the intervals double from `interval` up to `longest`."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    attempt: int
    interval: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=6)


class NotificationInput(BaseModel):
    """A stored gateway message, by its row in the inbox."""

    model_config = ConfigDict(frozen=True)

    inbox_id: int


class CheckInput(BaseModel):
    """The case whose attempts are asked about once."""

    model_config = ConfigDict(frozen=True)

    case_id: str


class WatchActivities:
    """Tells the case of its money, whoever speaks first."""

    def __init__(self, store: CaseStore, gateway: PaymentGateway, clock: Clock) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock

    @activity.defn(name="watch_payment")
    @mapped
    async def watch_payment(self, watch: WatchInput) -> Received:
        """Ask for the status until the attempt is paid or has ended; each retry of this activity is one poll.

        Raises `StillPending` with the time of the next poll; a gateway that does not answer keeps the attempt open.
        """
        async with self._store.reading() as db:
            facts = await db.facts(watch.case_id)
            attempts = await db.attempts(watch.case_id)
        attempt = next((a for a in attempts if a.attempt == watch.attempt), None)
        if facts.state.paid or attempt is None or attempt.state in {AttemptState.DEAD, AttemptState.REFUSED}:
            return Received.of(facts.state)
        now, pause = self._clock(), self._next_poll(watch, attempt)
        try:
            transactions = await self._gateway.status(attempt.service_id, attempt.order_id)
        except PaidcaseError as error:
            if not error.retryable:
                raise
            raise StillPending("gateway_unreachable", retry_after=pause) from error
        verdict = judge(transactions, attempt)
        if verdict is Verdict.PAID:
            return await record_transactions(self._store, attempt.service_id, transactions, "poll", now)
        if ended_by_time(verdict, attempt, now):
            return await self._ended(watch.case_id, attempt)
        if verdict in {Verdict.FAILED, Verdict.MISPAID}:
            await record_transactions(self._store, attempt.service_id, transactions, "poll", now)
        raise StillPending("payment_pending", retry_after=pause)

    def _next_poll(self, watch: WatchInput, attempt: Attempt) -> timedelta:
        pause = doubled(watch.interval, watch.longest)
        if attempt.valid_until is not None:
            until_end = attempt.valid_until + min(LINK_MARGIN, watch.interval) - self._clock()
            if until_end > timedelta(0):
                pause = min(pause, until_end)
        return pause

    async def _ended(self, case_id: str, attempt: Attempt) -> Received:
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            if not await unchanged(db, attempt):
                return Received.of(facts.state)
            await db.save_attempt(attempt.model_copy(update={"state": AttemptState.DEAD, "reason": "expired"}))
            state = payment_failed(facts.state, attempt.attempt)
            if state != facts.state:
                state = await db.save(state)
                await db.log(
                    LogEntry(
                        case_id=case_id,
                        event=Event.PAYMENT_FAILED,
                        at=self._clock(),
                        step=Step.CHARGE,
                        attempt=attempt.attempt,
                        cause=Cause.PAYMENT,
                        code="expired",
                        details=recorded("expired", state, Step.CHARGE, AnswerClass.NOT_ASKED),
                    )
                )
        return Received.of(state)

    @activity.defn(name="check_payment")
    @mapped
    async def check_payment(self, check: CheckInput) -> Received:
        """Ask for the status of every attempt that may have brought money, and record what is told.

        Raises `ConnectivityFault` while the gateway does not answer.
        """
        async with self._store.reading() as db:
            state = (await db.facts(check.case_id)).state
            attempts = await db.attempts(check.case_id)
        received = Received.of(state)
        for attempt in attempts:
            if attempt.state in {AttemptState.PREPARED, AttemptState.REFUSED}:
                continue
            transactions = await self._gateway.status(attempt.service_id, attempt.order_id)
            if transactions:
                received = await record_transactions(
                    self._store, attempt.service_id, transactions, "check", self._clock()
                )
        return received

    @activity.defn(name="record_notification")
    @mapped
    async def record_notification(self, notification: NotificationInput) -> Received:
        """Apply one stored gateway message to its case; applying it again changes nothing."""
        message, now = await self._store.notification(notification.inbox_id), self._clock()
        try:
            received = await record_transactions(self._store, message.service_id, (message.transaction(),), "itn", now)
            note_message(now - message.received_at)
            return received
        except NotFound as unknown:
            async with self._store.transaction() as db:
                state = (await db.facts(message.case_id)).state
                await raised(
                    db,
                    Alert(
                        key=f"notification:{notification.inbox_id}",
                        case_id=message.case_id,
                        step=Step.CHARGE,
                        cause=Cause.PAYMENT,
                        code="notification_rejected",
                        opened_at=now,
                        details={"reason": unknown.code},
                    ),
                    state,
                )
            return Received.of(state)
