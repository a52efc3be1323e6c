"""Leaving something for the relay, in the transaction of what was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from invoicing.domain.decisions import Decided, DecisionKind
from invoicing.domain.records import Event, LogEntry, OutboxKind, OutboxMessage
from invoicing.ports import UnitOfWork


def decision_alert(case_id: str, kind: DecisionKind) -> str:
    """Key of the alert that a decision of this kind could not be carried out."""
    return f"decision:{case_id}:{kind.value}"


def proposal_key(case_id: str, number: int) -> str:
    """Key of the alert that a refund, by its number, leaves the invoice to be corrected."""
    return f"correction:{case_id}:{number}"


async def start_again(db: UnitOfWork, case_id: str, why: str, now: datetime) -> None:
    """Have the relay start the case's run, once for each reason."""
    await db.enqueue(OutboxMessage(key=f"start:{case_id}:{why}", kind=OutboxKind.START, case_id=case_id), now)


async def decide(
    db: UnitOfWork,
    case_id: str,
    kind: DecisionKind,
    key: str,
    actor: str,
    body: Mapping[str, str],
    now: datetime,
    judge: Callable[[], None] | None = None,
) -> Decided:
    """Record a decision, log it and have the relay hand it over; a key known already changes nothing.

    `judge` is asked only about a new one: what it raises undoes the transaction.
    """
    decided, new = await db.decide(case_id, kind, key, actor, body, now)
    if new:
        if judge is not None:
            judge()
        message = OutboxMessage(
            key=f"decision:{case_id}:{decided.number}",
            kind=OutboxKind.DECISION,
            case_id=case_id,
            body={"number": decided.number},
        )
        await db.enqueue(message, now)
        await db.close_alerts([decision_alert(case_id, kind)], now)  # an earlier one that failed is taken again
        told = {"decision": kind.value, "number": str(decided.number)}
        await db.log(LogEntry(case_id=case_id, event=Event.DECIDED, at=now, actor=actor, details=told))
    return decided
