"""What a parked step leaves open, and how the step's own success clears it.

A run that is lost while it is parked is started again from the database; nobody then tells it of a decision, so the
step that succeeds clears its own parking in its own transaction.
"""

from __future__ import annotations

from datetime import datetime

from invoicing.domain.brownouts import Hold, alert_key, let_go
from invoicing.domain.interrupted import is_interrupted, taken_up
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.recoveries import SETTLED_BY_INVOICE
from invoicing.domain.state import CaseState, Step, unparked
from invoicing.ports import UnitOfWork


def parking_key(case_id: str, step: Step) -> str:
    """Key of the alert and of the failed task of a parked step."""
    return f"parked:{case_id}:{step.value}"


async def closed(db: UnitOfWork, case_id: str, step: Step, now: datetime) -> None:
    """Close the alert and the failed task of a parked step."""
    await db.close_alerts([parking_key(case_id, step)], now)
    await db.close_task(parking_key(case_id, step), now)


async def cleared(db: UnitOfWork, state: CaseState, step: Step, now: datetime) -> CaseState:
    """The record without a parking of this step, and without a hold of its invoice; the caller saves it."""
    if step is Step.INVOICE:
        state = await let_go_in(db, state, now)
        # a document that came too late to be the invoice: the invoice is there now
        await db.close_alerts_of(state.case_id, SETTLED_BY_INVOICE, now)
    if state.parked is None or state.parked.step is not step:
        return state
    await closed(db, state.case_id, step, now)
    await db.log(LogEntry(case_id=state.case_id, event=Event.RESUMED, at=now, step=step))
    return unparked(state)


async def let_go_in(db: UnitOfWork, state: CaseState, now: datetime) -> CaseState:
    """The record of a case that waits before no gate any more; the caller saves it."""
    if not state.held:
        return state
    if (hold := await db.hold(state.case_id)) is not None:
        await gate_left(db, hold, now)
    return let_go(state)


async def gate_left(db: UnitOfWork, hold: Hold, now: datetime) -> None:
    """The case waits before that gate no more; the last one that leaves an open gate closes the alert."""
    gate = await db.lock_gate(hold.issuer)
    await db.end_hold(hold.case_id)
    if not gate.shut and not await db.count_holds(hold.issuer):
        await db.close_alerts([alert_key(hold.issuer)], now)


async def gone_on(db: UnitOfWork, state: CaseState, now: datetime, actor: str = "system") -> CaseState:
    """The record of a case whose run had gone and goes again; any other record as it is. The caller saves it."""
    if state.parked is None or not is_interrupted(state):
        return state
    await closed(db, state.case_id, state.parked.step, now)
    await db.log(LogEntry(case_id=state.case_id, event=Event.RESUMED, at=now, step=state.parked.step, actor=actor))
    return taken_up(state)
