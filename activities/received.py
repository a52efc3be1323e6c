"""Money that came in, recorded exactly once.

ITN, poll and settlement all tell of the same transactions, in any order and any number of times; they meet here. What a
message means is decided by `invoicing.domain.payments.effect_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from activities.alerting import raised
from activities.parking import cleared
from activities.queueing import decide, start_again
from invoicing.domain.consequences import AnswerClass
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.failure_records import recorded
from invoicing.domain.payments import Attempt, AttemptState, Transaction, TransactionStatus
from invoicing.domain.records import Alert, Capture, Event, LogEntry
from invoicing.domain.recoveries import SETTLED_BY_MONEY
from invoicing.domain.state import (
    CaseState,
    PaymentStatus,
    Step,
    payment_completed,
    payment_failed,
    payment_opened,
)
from invoicing.domain.transitions import BECOMES, Effect, effect_of
from invoicing.errors import Cause, NotFound
from invoicing.ports import CaseStore, UnitOfWork


class Received(BaseModel):
    """Where the payment of the case stands after a message was applied, and the round of a step that was parked."""

    model_config = ConfigDict(frozen=True)

    paid: bool
    status: PaymentStatus
    invoice_round: int | None = None

    @classmethod
    def of(cls, state: CaseState) -> Received:
        """What the state record says of the payment."""
        return cls(paid=state.paid, status=state.payment.status)


async def record_transactions(
    store: CaseStore, service_id: str, transactions: Sequence[Transaction], via: str, now: datetime
) -> Received:
    """Apply transactions of one order; another amount or currency changes nothing and opens an alert.

    Raises `NotFound("order_unknown")`.
    """
    async with store.transaction() as db:
        attempt = await db.attempt_by_order(service_id, transactions[0].order_id)
        if attempt is None:
            raise NotFound("order_unknown", "no attempt has this order")
        state = (await db.facts(attempt.case_id)).state
        only_failures = via != "itn" and all(told.status is TransactionStatus.FAILURE for told in transactions)
        for transaction in transactions:
            attempt, state = await _apply(db, attempt, state, transaction, via, now, only_failures=only_failures)
    return Received.of(state)


async def _apply(
    db: UnitOfWork,
    attempt: Attempt,
    state: CaseState,
    transaction: Transaction,
    via: str,
    now: datetime,
    *,
    only_failures: bool,
) -> tuple[Attempt, CaseState]:
    captures = await db.captures(attempt.case_id)
    paid = state.paid or any(capture.kept for capture in captures)
    captured = {capture.remote_id for capture in captures}
    match effect_of(transaction, attempt, captured=captured, case_paid=paid, only_failures=only_failures):
        case Effect.REJECT:
            await _not_verified(db, attempt, state, transaction, now)
        case Effect.DOUBT:
            # settled before anything else is posted: see `plan_charge`
            attempt = attempt.model_copy(update={"state": BECOMES[Effect.DOUBT], "remote_id": transaction.remote_id})
            await db.save_attempt(attempt)
        case Effect.KEEP:
            return await _keep(db, attempt, state, transaction, via, now)
        case Effect.DUPLICATE:
            attempt = await _duplicate(db, attempt, state, transaction, via, now)
        case Effect.MARK_FAILED:
            failed = attempt.model_copy(update={"state": AttemptState.FAILED, "reason": transaction.details})
            await db.save_attempt(failed)
            await db.log(_ended(attempt, state, now, transaction.details))
            ended = payment_failed(payment_opened(state, attempt.attempt), attempt.attempt)
            return failed, state if ended == state else await db.save(ended)
        case Effect.NOTHING:
            pass
    return attempt, state


async def _not_verified(
    db: UnitOfWork, attempt: Attempt, state: CaseState, transaction: Transaction, now: datetime
) -> None:
    await raised(
        db,
        Alert(
            key=f"amount:{attempt.order_id}:{transaction.remote_id}",
            case_id=attempt.case_id,
            step=Step.CHARGE,
            cause=Cause.PAYMENT,
            code="payment_not_verified",
            opened_at=now,
            details={
                "order_id": attempt.order_id,
                "expected": f"{attempt.amount} {attempt.currency}",
                "told": f"{transaction.amount} {transaction.currency}",
            },
        ),
        state,
    )


async def _keep(
    db: UnitOfWork, attempt: Attempt, state: CaseState, transaction: Transaction, via: str, now: datetime
) -> tuple[Attempt, CaseState]:
    await db.add_capture(_capture(attempt, transaction, via, now, kept=True))
    paid = attempt.model_copy(update={"state": AttemptState.PAID, "remote_id": transaction.remote_id})
    await db.save_attempt(paid)
    await db.log(_entry(attempt, Event.PAYMENT_COMPLETED, now))
    await db.close_alerts_of(attempt.case_id, SETTLED_BY_MONEY, now)
    completed = payment_completed(
        await cleared(db, state, Step.CHARGE, now),
        attempt=attempt.attempt,
        remote_id=transaction.remote_id,
        paid_at=transaction.paid_at or now,
        reference=transaction.remote_id,
    )
    if state.closed:  # its run ended as unpaid: the money is the reason for another one
        await start_again(db, attempt.case_id, transaction.remote_id, now)
    return paid, await db.save(completed)


async def _duplicate(
    db: UnitOfWork, attempt: Attempt, state: CaseState, transaction: Transaction, via: str, now: datetime
) -> Attempt:
    """Record money that nobody asked for, tell ops, and decide at once that it goes back."""
    paid = attempt.model_copy(update={"state": BECOMES[Effect.DUPLICATE]})
    await db.save_attempt(paid)
    if not await db.add_capture(_capture(attempt, transaction, via, now, kept=False)):
        return paid
    await decide(
        db,
        attempt.case_id,
        DecisionKind.REFUND,
        f"refund:{transaction.remote_id}",
        "system",
        {"remote_id": transaction.remote_id, "reason": "paid twice"},
        now,
    )
    told = recorded("payment_duplicate", state, Step.CHARGE, AnswerClass.NOT_ASKED)
    failure = {"cause": Cause.PAYMENT, "code": "payment_duplicate", "details": told}
    await db.log(_entry(attempt, Event.PAYMENT_DUPLICATE, now).model_copy(update=failure))
    await db.open_alert(
        Alert(
            key=f"duplicate:{transaction.remote_id}",
            case_id=attempt.case_id,
            step=Step.CHARGE,
            cause=Cause.PAYMENT,
            code="payment_duplicate",
            opened_at=now,
            details={"order_id": attempt.order_id, "remote_id": transaction.remote_id},
        )
    )
    return paid


def _capture(attempt: Attempt, transaction: Transaction, via: str, now: datetime, *, kept: bool) -> Capture:
    return Capture(
        service_id=attempt.service_id,
        remote_id=transaction.remote_id,
        case_id=attempt.case_id,
        order_id=attempt.order_id,
        amount=transaction.amount,
        currency=transaction.currency,
        kept=kept,
        captured_at=now,
        via=via,
    )


def _ended(attempt: Attempt, state: CaseState, now: datetime, reason: str | None) -> LogEntry:
    """The attempt brought no money; `reason` is the gateway's word."""
    failed = payment_failed(state, attempt.attempt)
    details = recorded("payment_failed", failed, Step.CHARGE, AnswerClass.REFUSED)
    details |= {"reason": reason} if reason else {}
    ended = {"cause": Cause.PAYMENT, "code": "payment_failed", "details": details}
    return _entry(attempt, Event.PAYMENT_FAILED, now).model_copy(update=ended)


def _entry(attempt: Attempt, event: Event, now: datetime) -> LogEntry:
    return LogEntry(case_id=attempt.case_id, event=event, at=now, step=Step.CHARGE, attempt=attempt.attempt)
