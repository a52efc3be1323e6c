"""What becomes of an act beside its work: told as not carried out, or, for a refund, followed to its end."""

from __future__ import annotations

from datetime import datetime

from activities.failures import FailureDetail
from activities.queueing import decision_alert, proposal_key
from invoicing.domain.decisions import DecisionKind, RefundStatus
from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.failures import FAILURES, known_code
from invoicing.domain.interrupted import CODES
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.state import CaseState
from invoicing.ports import UnitOfWork

UNFINISHED = "refund_unfinished"


async def told_undone(
    db: UnitOfWork, state: CaseState, number: int, kind: DecisionKind | None, failure: FailureDetail, now: datetime
) -> None:
    """Tell ops that a decision was not carried out. Of a refund that has arrived only what follows it is missing.

    The kind is None of a decision that nobody knows: a backup that was restored is older than the run.
    """
    case_id, code = state.case_id, known_code(failure.code)
    done = {refund.number for refund in await db.refunds(case_id) if refund.status is RefundStatus.DONE}
    left = number in done and code not in CODES
    key = f"decision:{case_id}:{number}" if kind is None else decision_alert(case_id, kind)
    about = {"decision": str(number), **({} if kind is None else {"kind": kind.value})}
    await db.open_alert(
        Alert(
            key=proposal_key(case_id, number) if left else key,
            case_id=case_id,
            step=None,
            cause=FAILURES[UNFINISHED].cause if left else failure.cause,
            code=UNFINISHED if left else code,
            opened_at=now,
            details={**about, "code": code} if left else about,
        )
    )
    # what may be decided next is keyed by the version: the same again is another decision, not a repetition
    state = await db.save(state)
    answer, refunding = answer_of("", failure.code), kind is DecisionKind.REFUND and number not in done
    consequences = recorded(failure.code, state, None, answer, outcome_known=failure.outcome_known, refunding=refunding)
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
