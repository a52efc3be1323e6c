"""Carrying out decisions that only touch the record: giving up, starting again, money that came another way."""

from __future__ import annotations

import contextlib
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.acting import told_undone
from activities.external_money import came_another_way
from activities.failures import FailureDetail, mapped
from activities.parking import closed, gone_on, let_go_in
from activities.queueing import start_again
from activities.received import Received
from invoicing.domain.decisions import DecisionKind, refusal
from invoicing.domain.interrupted import is_interrupted
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.recoveries import SETTLED_BY_MONEY
from invoicing.domain.state import given_up
from invoicing.errors import NotAllowed, NotFound
from invoicing.ports import CaseStore, Clock


class DecisionInput(BaseModel):
    """A recorded decision, by its number."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int


class ActFailedInput(BaseModel):
    """A decision that could not be carried out, and why. `kind` is what the run was told, known to us or not."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int
    failure: FailureDetail
    kind: DecisionKind | None = None


class DecisionActivities:
    """Writes what was decided; every method may run twice."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @activity.defn(name="record_given_up")
    @mapped
    async def record_given_up(self, decision: DecisionInput) -> Received:
        """Nothing more is tried; what waited for a person is closed; again, nothing changes.

        Raises `NotAllowed("give_up_overtaken")` when the case has gone on since it was decided, and waits for nobody.
        """
        now, before = self._clock(), await self._store.timeline(decision.case_id)
        async with self._store.transaction() as db:
            decided = await db.decision(decision.case_id, decision.number)
            state = (await db.facts(decision.case_id)).state
            why = refusal(DecisionKind.GIVE_UP, state, Decimal(0))
            if why is not None:
                if any(entry.event is Event.GIVEN_UP and entry.at >= decided.decided_at for entry in before):
                    return Received.of(state)
                raise NotAllowed("give_up_overtaken", reason=why)
            if state.parked is not None:
                await closed(db, state.case_id, state.parked.step, now)
            state = await db.save(given_up(await let_go_in(db, state, now)))
            await db.log(LogEntry(case_id=state.case_id, event=Event.GIVEN_UP, at=now, actor=decided.actor))
        return Received.of(state)

    @activity.defn(name="record_reopened")
    @mapped
    async def record_reopened(self, decision: DecisionInput) -> Received:
        """Start the case's run again; it continues from what the database knows."""
        now = self._clock()
        async with self._store.transaction() as db:
            decided = await db.decision(decision.case_id, decision.number)
            state = (await db.facts(decision.case_id)).state
            if is_interrupted(state):
                state = await db.save(await gone_on(db, state, now, decided.actor))
            await start_again(db, decision.case_id, f"decision-{decision.number}", now)
        return Received.of(state)

    @activity.defn(name="record_external_payment")
    @mapped
    async def record_external_payment(self, decision: DecisionInput) -> Received:
        """The money came another way; with a kept payment this is nothing. Open attempts were settled before."""
        now = self._clock()
        async with self._store.transaction() as db:
            decided = await db.decision(decision.case_id, decision.number)
            facts = await db.facts(decision.case_id)
            if facts.state.paid:
                return Received.of(facts.state)
            paid_at, amount = datetime.fromisoformat(decided.body["paid_at"]), Decimal(decided.body["amount"])
            completed = await came_another_way(
                db, facts, decided.body["reference"], paid_at, amount, now, decided.actor
            )
            if facts.state.closed:
                await start_again(db, decision.case_id, f"decision-{decision.number}", now)
            await db.close_alerts_of(decision.case_id, SETTLED_BY_MONEY, now)
            return Received.of(await db.save(completed))

    @activity.defn(name="record_act_failed")
    @mapped
    async def record_act_failed(self, failed: ActFailedInput) -> Received:
        """Tell ops that a decision could not be carried out."""
        now, failure = self._clock(), failed.failure
        async with self._store.transaction() as db:
            state = (await db.facts(failed.case_id)).state
            kind = failed.kind
            # what somebody told the run past us is in no row of ours, and must not hold up the run that was told it
            with contextlib.suppress(NotFound):
                kind = kind or (await db.decision(failed.case_id, failed.number)).kind
            await told_undone(db, state, failed.number, kind, failure, now)
        return Received.of(state)
