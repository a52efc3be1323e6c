"""Bookkeeping: parking, resuming and closing, written into the state record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.external_money import is_verifiable, record_external_in
from activities.failures import FailureDetail, mapped
from activities.parking import closed, gone_on, parking_key
from activities.received import Received
from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.failures import known_code
from invoicing.domain.records import Alert, Event, FailedTask, LogEntry, TaskKind
from invoicing.domain.recoveries import SETTLED_BY_ATTEMPT
from invoicing.domain.state import Parked, Step, closed_unpaid, parked, resumed
from invoicing.ports import CaseStore, Clock

PARKABLE_TASKS = {Step.INVOICE: TaskKind.INVOICE}
"""Steps whose parking puts the case on a failed list."""


class ParkInput(BaseModel):
    """The step that cannot go on, and the failure that ended its attempts."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    step: Step
    failure: FailureDetail


class ResumeInput(BaseModel):
    """The decision that lets the step be tried again; `actor` is a role or a token's name."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    step: Step
    actor: str = "system"


class CloseInput(BaseModel):
    """The case whose client has not paid for `PAYMENT_ABANDON_AFTER`."""

    model_config = ConfigDict(frozen=True)

    case_id: str


class RecordActivities:
    """Writes what the workflow has decided; every method may run twice."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @activity.defn(name="record_parked")
    @mapped
    async def record_parked(self, park: ParkInput) -> Received:
        """Note the failure, open its alert and its failed task, and show that a decision is needed."""
        now, failure = self._clock(), park.failure
        code = known_code(failure.code)
        why = Parked(
            step=park.step,
            cause=failure.cause,
            code=code,
            attempts=failure.attempt,
            faults=failure.faults,
            outcome_known=failure.outcome_known,
        )
        async with self._store.transaction() as db:
            facts = await db.facts(park.case_id)
            state = facts.state
            if park.step is Step.VALIDATE and facts.document.arrives_paid and is_verifiable(facts, now):
                # the money is there whatever is wrong with the data, and everybody sees it
                state = await record_external_in(db, facts, now)
            state = await gone_on(db, state, now)
            if state.parked is not None and state.parked.code != code:
                await closed(db, park.case_id, state.parked.step, now)  # the alert of today's reason takes its place
            if state.parked != why:
                state = await db.save(parked(state, why))
                await db.log(
                    LogEntry(
                        case_id=park.case_id,
                        event=Event.PARKED,
                        at=now,
                        step=park.step,
                        attempt=failure.attempt,
                        cause=failure.cause,
                        code=code,
                        details=recorded(
                            failure.code,
                            state,
                            park.step,
                            answer_of("", code),
                            outcome_known=failure.outcome_known,
                            faults=failure.faults,
                        ),
                    )
                )
            await db.open_alert(
                Alert(
                    key=parking_key(park.case_id, park.step),
                    case_id=park.case_id,
                    step=park.step,
                    cause=failure.cause,
                    code=code,
                    opened_at=now,
                )
            )
            if park.step in PARKABLE_TASKS and why.outcome_known:
                await db.open_task(
                    FailedTask(
                        key=parking_key(park.case_id, park.step),
                        kind=PARKABLE_TASKS[park.step],
                        case_id=park.case_id,
                        code=code,
                        opened_at=now,
                    )
                )
        return Received(paid=state.paid, status=state.payment.status, invoice_round=state.invoice.round)

    @activity.defn(name="record_resumed")
    @mapped
    async def record_resumed(self, resume: ResumeInput) -> Received:
        """Note that the step is tried again, and close what its parking opened."""
        now = self._clock()
        async with self._store.transaction() as db:
            state = (await db.facts(resume.case_id)).state
            if state.parked is not None:
                state = await db.save(resumed(state))
                await db.log(
                    LogEntry(case_id=resume.case_id, event=Event.RESUMED, at=now, step=resume.step, actor=resume.actor)
                )
            await closed(db, resume.case_id, resume.step, now)
        return Received.of(state)

    @activity.defn(name="record_unpaid")
    @mapped
    async def record_unpaid(self, close: CloseInput) -> Received:
        """Close a case that nobody paid, unless the money has come in the meantime."""
        now = self._clock()
        async with self._store.transaction() as db:
            state = (await db.facts(close.case_id)).state
            if not state.paid and not state.closed:
                state = await db.save(closed_unpaid(state))
                await db.close_alerts_of(close.case_id, SETTLED_BY_ATTEMPT, now)
                await db.log(LogEntry(case_id=close.case_id, event=Event.CLOSED_UNPAID, at=now))
        return Received.of(state)
