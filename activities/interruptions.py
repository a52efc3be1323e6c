"""Runs that are gone before their story has ended: the record, the alert, and what is handed over again.

A cancelled run records itself. Of one that was terminated, deleted or lost only the absence can be seen: the sweep
compares the cases that must have a run with what the engine knows, page by page, and writes the same record.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.failures import mapped
from activities.parking import closed, let_go_in, parking_key
from activities.records import PARKABLE_TASKS
from invoicing.domain.interrupted import interrupted, is_interrupted, place_of, unfinished_step
from invoicing.domain.records import Alert, Event, FailedTask, LogEntry, OutboxKind, OutboxMessage
from invoicing.domain.state import CaseState
from invoicing.errors import Cause, NotFound
from invoicing.ports import CaseStore, Clock, Runs, UnitOfWork

PAGE = 200
YOUNG = timedelta(minutes=1)
"""What was written so lately may be between two runs, or on its way to the first."""

STUCK = "run_stuck"


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


class SweepInput(BaseModel):
    """The page behind a case id; what is younger than `young` is spared."""

    model_config = ConfigDict(frozen=True)

    after: str = ""
    young: timedelta = YOUNG


class Swept(BaseModel):
    """What was compared and found; the next page begins behind `after`, unless this one was the `last`."""

    model_config = ConfigDict(frozen=True)

    after: str = ""
    last: bool = True
    cases: int = 0
    lost: int = 0


class SweptActs(BaseModel):
    """Refunds that are taken up again, and cases whose run cannot work."""

    model_config = ConfigDict(frozen=True)

    refunds: int = 0
    stuck: int = 0


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
                state = await _gone(db, state, now, code="run_cancelled")
            under_way = [refund.number for refund in await db.refunds(run.case_id) if refund.settled_at is None]
            for number in sorted({*run.unserved, *under_way}):
                with contextlib.suppress(NotFound):  # what somebody told the run past us is nobody's decision
                    await db.decision(run.case_id, number)
                    await _hand_over_again(db, run.case_id, number, now)
        return Interrupted(waits=is_interrupted(state), paid=state.paid)


class SweepActivities:
    """Compares what must have a run with what the engine knows."""

    def __init__(self, store: CaseStore, runs: Runs, clock: Clock) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock

    @activity.defn(name="sweep_cases")
    @mapped
    async def sweep_cases(self, page: SweepInput) -> Swept:
        """One page of open cases; one without a run is recorded as lost. Raises `ConnectivityFault`."""
        now = self._clock()
        found = await self._store.running(page.after, PAGE)
        settled = {case.case_id: case.version for case in found if case.updated_at <= now - page.young}
        lost = 0
        for case_id in sorted(await self._runs.missing(list(settled))):
            lost += await self._lost(case_id, settled[case_id])
        after = found[-1].case_id if found else page.after
        return Swept(after=after, last=len(found) < PAGE, cases=len(found), lost=lost)

    async def _lost(self, case_id: str, version: int) -> bool:
        """Record it unless something has happened since the case was read, or is about to."""
        async with self._store.transaction() as db:
            state = (await db.facts(case_id)).state
            if state.closed or state.version != version or await db.is_awaiting_delivery(case_id):
                return False
            await _gone(db, state, self._clock(), code="run_lost")
        return True

    @activity.defn(name="sweep_acts")
    @mapped
    async def sweep_acts(self, page: SweepInput) -> SweptActs:
        """Take up refunds that nobody follows any more, and tell of runs that cannot work."""
        now = self._clock()
        waiting = await self._store.refunding(now - page.young, PAGE)
        alone = await self._runs.unfollowed([(refund.case_id, refund.number) for refund in waiting])
        for case_id, number in sorted(alone):
            async with self._store.transaction() as db:
                await _hand_over_again(db, case_id, number, now)
        return SweptActs(refunds=len(alone), stuck=await self._tell_stuck(now))

    async def _tell_stuck(self, now: datetime) -> int:
        stuck = set(await self._runs.stuck())
        known: set[str] = set()
        below = 0
        while page := await self._store.alerts(open_only=True, after_id=below, limit=PAGE):
            below = page[-1].id
            known |= {alert.case_id for alert in page if alert.code == STUCK and alert.case_id is not None}
        if stuck or known:
            async with self._store.transaction() as db:
                await db.close_alerts([_stuck_key(case_id) for case_id in sorted(known - stuck)], now)
                for case_id in sorted(stuck - known):
                    await db.open_alert(
                        Alert(
                            key=_stuck_key(case_id),
                            case_id=case_id,
                            step=None,
                            cause=Cause.INTERNAL,
                            code=STUCK,
                            opened_at=now,
                        )
                    )
        return len(stuck)


async def _gone(db: UnitOfWork, state: CaseState, now: datetime, *, code: str) -> CaseState:
    """The run is gone: what waited before gives way to one alert, which says where the case was met."""
    case_id = state.case_id
    place = place_of(state, {attempt.state for attempt in await db.attempts(case_id)})
    if state.parked is not None:
        await closed(db, case_id, state.parked.step, now)
    state = await let_go_in(db, state, now)
    step, told = unfinished_step(state, place), {"place": place.value}
    state = await db.save(interrupted(state, code, place))
    await db.log(
        LogEntry(case_id=case_id, event=Event.PARKED, at=now, step=step, cause=Cause.INTERNAL, code=code, details=told)
    )
    key = parking_key(case_id, step)
    await db.open_alert(
        Alert(key=key, case_id=case_id, step=step, cause=Cause.INTERNAL, code=code, opened_at=now, details=told)
    )
    if step in PARKABLE_TASKS:
        await db.open_task(FailedTask(key=key, kind=PARKABLE_TASKS[step], case_id=case_id, code=code, opened_at=now))
    return state


async def _hand_over_again(db: UnitOfWork, case_id: str, number: int, now: datetime) -> None:
    """Under a key of its own, because the first handing over may not even be marked as delivered yet."""
    key = f"decision:{case_id}:{number}:again"
    message = OutboxMessage(key=key, kind=OutboxKind.DECISION, case_id=case_id, body={"number": number})
    if not await db.enqueue(message, now):
        await db.rearm(key, now)


def _stuck_key(case_id: str) -> str:
    return f"stuck:{case_id}"
