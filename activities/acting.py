"""What becomes of an act beside its work: told as not carried out, or, for a refund, followed to its end."""

from __future__ import annotations

from datetime import datetime

from activities.failures import FailureDetail
from activities.queueing import decision_alert
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.failures import known_code
from invoicing.domain.interrupted import CODES
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.state import CaseState
from invoicing.ports import UnitOfWork


async def told_undone(
    db: UnitOfWork, state: CaseState, number: int, kind: DecisionKind, failure: FailureDetail, now: datetime
) -> None:
    """Tell ops that a decision was not carried out; a refund that has arrived is left to them, too."""
    case_id, code, about = state.case_id, known_code(failure.code), {"decision": str(number), "kind": kind.value}
    await db.open_alert(
        Alert(
            key=decision_alert(case_id, kind),
            case_id=case_id,
            step=None,
            cause=failure.cause,
            code=code,
            opened_at=now,
            details=about,
        )
    )
    answer = answer_of("", failure.code)
    consequences = recorded(failure.code, state, None, answer, outcome_known=failure.outcome_known)
    await db.log(
        LogEntry(
            case_id=case_id,
            event=Event.STEP_FAILED,
            at=now,
            attempt=failure.attempt,
            cause=failure.cause,
            code=code,
            details={"decision": str(number), **consequences},
        )
    )
    if kind is DecisionKind.REFUND and code not in CODES:
        await _ended(db, case_id, number, now)


async def refund_ended(db: UnitOfWork, case_id: str, number: int, now: datetime) -> None:
    """Nothing of a settled refund is left to do; the number of another decision means nothing."""
    if await _ended(db, case_id, number, now):
        await refund_told(db, case_id, now)


async def refund_told(db: UnitOfWork, case_id: str, now: datetime) -> None:
    """What became of the refund takes the place of the alert that its act was cut short."""
    await db.close_alerts([decision_alert(case_id, DecisionKind.REFUND)], now)


async def _ended(db: UnitOfWork, case_id: str, number: int, now: datetime) -> bool:
    for refund in await db.refunds(case_id):
        if refund.number == number and refund.settled_at is not None and refund.ended_at is None:
            await db.save_refund(refund.model_copy(update={"ended_at": now}))
            return True
    return False
