"""Alerts beside the story of a case: opened and closed together with a line of the activity log.

Steps, refunds and mails log what they open alerts for in lines of their own; whoever only looks comes through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.state import CaseState
from invoicing.ports import UnitOfWork


async def raised(db: UnitOfWork, alert: Alert, state: CaseState | None) -> bool:
    """Open the alert and write its failure record; while it is open already, False and nothing is written."""
    if not await db.open_alert(alert):
        return False
    told = recorded(alert.code, state, alert.step, answer_of("", alert.code))
    await db.log(
        LogEntry(
            case_id=alert.case_id,
            event=Event.ALERT_RAISED,
            at=alert.opened_at,
            step=alert.step,
            cause=alert.cause,
            code=alert.code,
            details={**alert.details, **told},
        )
    )
    return True


async def settled(db: UnitOfWork, case_id: str | None, code: str | None, keys: Sequence[str], now: datetime) -> None:
    """Close those of the keys that are open, all of the case and of one code where it is known, and say so once."""
    if await db.close_alerts(keys, now):
        await db.log(LogEntry(case_id=case_id, event=Event.ALERT_CLOSED, at=now, code=code))
