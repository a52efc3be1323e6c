"""Runs that are gone before their story has ended: the record, the alert, and what is handed over again.

A cancelled run records itself. Of one that was terminated, deleted or lost only the absence can be seen: the sweep
(`activities.sweeping`) looks for it and writes the same record.
"""

from __future__ import annotations

import contextlib
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.failures import mapped
from activities.parking import closed, let_go_in, parking_key
from activities.records import PARKABLE_TASKS
from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.interrupted import interrupted, is_interrupted, place_of, unfinished_step
from invoicing.domain.records import Alert, Event, FailedTask, LogEntry, OutboxKind, OutboxMessage
from invoicing.domain.state import CaseState
from invoicing.errors import Cause, NotFound
from invoicing.ports import CaseStore, Clock, UnitOfWork


class InterruptedInput(BaseModel):
    """The case whose run was cancelled, and decisions that it had taken but not carried out."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    unserved: tuple[int, ...] = ()


class Interrupted(BaseModel):
    """Whether the case waits for a person now, and where its payment stands."""

    model_config = ConfigDict(frozen=True)

    waits: bool
    paid: bool = False


class InterruptionActivities:
    """What a cancelled run writes of itself."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @activity.defn(name="record_interrupted")
    @mapped
    async def record_interrupted(self, run: InterruptedInput) -> Interrupted:
        """The case waits for a person; what the run leaves to be carried out is handed over again."""
        now = self._clock()
        async with self._store.transaction() as db:
            state = (await db.facts(run.case_id)).state
            if not state.closed:
                state = await gone(db, state, now, code="run_cancelled")
            under_way = [refund.number for refund in await db.refunds(run.case_id) if refund.ended_at is None]
            for number in sorted({*run.unserved, *under_way}):
                with contextlib.suppress(NotFound):  # what somebody told the run past us is nobody's decision
                    await db.decision(run.case_id, number)
                    await hand_over_again(db, run.case_id, number, now)
        return Interrupted(waits=is_interrupted(state), paid=state.paid)


async def gone(db: UnitOfWork, state: CaseState, now: datetime, *, code: str) -> CaseState:
    """The run is gone: what waited before gives way to one alert, which says where the case was met."""
    case_id = state.case_id
    place = place_of(state, {attempt.state for attempt in await db.attempts(case_id)})
    if state.parked is not None:
        await closed(db, case_id, state.parked.step, now)
    state = await let_go_in(db, state, now)
    step, told = unfinished_step(state, place), {"place": place.value}
    done = recorded(code, state, step, answer_of("", code))
    state = await db.save(interrupted(state, code, place))
    await db.log(
        LogEntry(
            case_id=case_id,
            event=Event.PARKED,
            at=now,
            step=step,
            cause=Cause.INTERNAL,
            code=code,
            details={**told, **done},
        )
    )
    key = parking_key(case_id, step)
    await db.open_alert(
        Alert(key=key, case_id=case_id, step=step, cause=Cause.INTERNAL, code=code, opened_at=now, details=told)
    )
    if step in PARKABLE_TASKS:
        await db.open_task(FailedTask(key=key, kind=PARKABLE_TASKS[step], case_id=case_id, code=code, opened_at=now))
    return state


async def hand_over_again(db: UnitOfWork, case_id: str, number: int, now: datetime, cause: str | None = None) -> bool:
    """Have the relay hand a decision over once more, also where its act has ended; with a cause once for each cause.

    Under a key of its own, because the first handing over may not even be marked as delivered yet.
    """
    key = f"decision:{case_id}:{number}:again" + (f":{cause}" if cause else "")
    body: dict[str, str | int] = {"number": number, "again": 1}
    message = OutboxMessage(key=key, kind=OutboxKind.DECISION, case_id=case_id, body=body)
    return await db.enqueue(message, now) or (cause is None and await db.rearm(key, now))
