"""What becomes of a gateway message that is not believed: a line in the activity log and an alert, once per reason.

Anybody can send junk, so what it may cost is bounded: an unproven message gets at most one of `LOOKS` visits to the
database per `WINDOW` and process, and opens an alert only for the reason, or for an order that exists. Messages with
our gateway's signature are few and are all looked at.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from invoicing.domain.consequences import AnswerClass
from invoicing.domain.failure_records import recorded
from invoicing.domain.payments import Attempt, Transaction
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.state import Step
from invoicing.errors import Cause
from invoicing.ports import Clock, UnitOfWork

WINDOW = timedelta(minutes=1)
LOOKS = 60

log = structlog.get_logger("webhooks")


class Allowance:
    """How many unproven messages may still visit the database in the present window."""

    def __init__(self, clock: Clock, looks: int = LOOKS, window: timedelta = WINDOW) -> None:
        self._clock = clock
        self._looks = looks
        self._window = window
        self._begun = datetime.min.replace(tzinfo=clock().tzinfo)
        self._seen = 0

    def take(self) -> bool:
        """Count one more; False when the window's looks are used up."""
        now = self._clock()
        if now - self._begun >= self._window:
            if self._seen > self._looks:
                log.warning("notifications_not_looked_at", count=self._seen - self._looks)
            self._begun, self._seen = now, 0
        self._seen += 1
        return self._seen <= self._looks


async def reject_unproven(db: UnitOfWork, now: datetime, service_id: str | None, order_id: str | None) -> None:
    """Tell of a message whose signature or meaning is not proved; what it names is kept only if we know it."""
    known = await db.attempt_by_order(service_id, order_id) if service_id and order_id else None
    subject = f"order:{known.service_id}:{known.order_id}" if known else f"service:{service_id or 'none'}"
    details = {"order_id": known.order_id} if known else {}
    await _tell(db, now, f"notification:unproven:{subject}", "notification_rejected", known, details)


async def reject_unknown_order(db: UnitOfWork, now: datetime, service_id: str, told: Transaction) -> None:
    """Tell of an authentic message about an order that we never opened."""
    key = f"notification:unknown_order:{service_id}:{told.order_id}:{told.remote_id}"
    details = {"order_id": told.order_id, "remote_id": told.remote_id, "told": f"{told.amount} {told.currency}"}
    await _tell(db, now, key, "notification_rejected", None, details)


async def reject_amount(db: UnitOfWork, now: datetime, attempt: Attempt, told: Transaction) -> None:
    """Tell of an authentic message about another amount or currency than the attempt's, with both figures."""
    subject = f"{attempt.service_id}:{attempt.order_id}:{told.remote_id}:{told.amount}:{told.currency}"
    key = f"notification:amount:{subject}"
    details = {
        "order_id": attempt.order_id,
        "remote_id": told.remote_id,
        "status": told.status.value,
        "told": f"{told.amount} {told.currency}",
        "expected": f"{attempt.amount} {attempt.currency}",
    }
    await _tell(db, now, key, "payment_not_verified", attempt, details)


async def _tell(
    db: UnitOfWork, now: datetime, key: str, code: str, attempt: Attempt | None, details: dict[str, str]
) -> None:
    case_id = attempt.case_id if attempt else None
    alert = Alert(
        key=key, case_id=case_id, step=Step.CHARGE, cause=Cause.PAYMENT, code=code, opened_at=now, details=details
    )
    if await db.open_alert(alert):  # repeats of what is on the alert page already add nothing
        state = (await db.facts(case_id)).state if case_id is not None else None
        told = recorded(code, state, Step.CHARGE, AnswerClass.NOT_ASKED)
        entry = LogEntry(
            case_id=case_id,
            event=Event.NOTIFICATION_REJECTED,
            at=now,
            step=Step.CHARGE,
            attempt=attempt.attempt if attempt else None,
            cause=Cause.PAYMENT,
            code=code,
            actor="autopay",
            details={**details, **told},
        )
        await db.log(entry)
