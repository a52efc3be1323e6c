"""Payments: the life of an attempt, and what may be done next.

An attempt is one Autopay transaction under one OrderID. A start is not idempotent at the gateway, so its intent is
written before the request leaves, and an intent without an answer is never posted again: it is settled (asked,
cancelled, asked again) until it is proved dead or paid. Unknown is never treated as refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from invoicing.domain.invoices import Fact
from invoicing.errors import InternalFault

NOT_FOUND_PROVES_AFTER = timedelta(seconds=60)
"""How long after a request left the gateway's "not found" is proof that nothing was registered."""


class AttemptState(StrEnum):
    """Life of an attempt.

    prepared: the row exists, the request has not left (or is known not to have arrived)
    sent: the request left, no usable answer is recorded: the outcome is unknown
    open: the gateway accepted, the payer has the link
    refused: the gateway said no, nothing exists there
    failed: the gateway reported a failure; the payer may still pay by the same link
    dead: proved that no money can come by this order any more
    paid: a success of this order is recorded
    """

    PREPARED = "prepared"
    SENT = "sent"
    OPEN = "open"
    REFUSED = "refused"
    FAILED = "failed"
    DEAD = "dead"
    PAID = "paid"


MAY_STILL_PAY = frozenset({AttemptState.SENT, AttemptState.OPEN, AttemptState.FAILED})
"""States in which an attempt may still bring money."""


class TransactionStatus(StrEnum):
    """Status of one gateway transaction, by ITN or `transactionStatus`."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class Attempt(Fact):
    """One row of the attempts of a case. `sent_at` is written before the request leaves."""

    case_id: str
    attempt: int
    order_id: str
    service_id: str
    amount: Decimal
    currency: str
    state: AttemptState
    sent_at: datetime | None = None
    valid_until: datetime | None = None
    remote_id: str | None = None
    redirect_url: str | None = None
    reason: str | None = None


class Transaction(Fact):
    """One transaction as the gateway tells it. `paid_at` is informative only."""

    order_id: str
    remote_id: str
    amount: Decimal
    currency: str
    status: TransactionStatus
    details: str | None = None
    paid_at: datetime | None = None


def order_id(case_id: str, attempt: int) -> str:
    """`OrderID` of an attempt; at most 32 characters, looked up in the database and never parsed."""
    return f"{case_id}-{attempt}"


@dataclass(frozen=True, slots=True)
class Post:
    """Open this attempt number at the gateway; it has never been posted."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Resume:
    """The attempt is open: its redirect address is the answer."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Settle:
    """Find out what became of the attempt before anything else is done."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Idle:
    """Every attempt has ended and no further one was asked for."""

    last: Attempt


def plan_charge(attempts: Sequence[Attempt], requested: int, now: datetime) -> Post | Resume | Settle | Idle:
    """What may be done now, given all attempts of the case in their order and the attempt number last asked for.

    Any attempt that may still bring money is settled before a new one is opened; the oldest first. A failed attempt is
    left alone until another one is asked for, because its payer may still pay by the same link.
    """
    for attempt in attempts:
        match attempt.state:
            case AttemptState.OPEN:
                in_time = attempt.valid_until is None or now < attempt.valid_until
                # one that has a link is ended by the watch, or settled because another one was asked for
                alive = attempt.redirect_url and (in_time or requested <= attempt.attempt)
                return Resume(attempt) if alive else Settle(attempt)
            case AttemptState.SENT:
                return Settle(attempt)
            case AttemptState.FAILED if requested > attempt.attempt:
                return Settle(attempt)
            case AttemptState.FAILED:
                return Idle(attempt)
            case AttemptState.PREPARED:
                return Post(attempt.attempt)
            case AttemptState.REFUSED | AttemptState.DEAD:
                continue
            case AttemptState.PAID:
                raise InternalFault("charge_of_paid_case", "a paid attempt exists, so nothing may be charged")
    if attempts and requested <= len(attempts) and not _unanswered(attempts[-1]):
        return Idle(attempts[-1])
    return Post(len(attempts) + 1)


def _unanswered(attempt: Attempt) -> bool:
    """The request for this attempt never gave the payer an address, so it is still to be fulfilled."""
    return attempt.state is AttemptState.DEAD and attempt.redirect_url is None


class Verdict(StrEnum):
    """What a status answer says about an attempt."""

    PAID = "paid"
    MISPAID = "mispaid"
    WAITING = "waiting"
    FAILED = "failed"
    ABSENT = "absent"


def fits(transaction: Transaction, attempt: Attempt) -> bool:
    """Whether amount and currency are the attempt's: less, more and another currency are all not what was asked for."""
    return (transaction.amount, transaction.currency) == (attempt.amount, attempt.currency)


def judge(transactions: Sequence[Transaction], attempt: Attempt) -> Verdict:
    """Reading of a status answer.

    One success of the right amount is paid, a pending one waits, a success of another amount or currency waits for a
    person, only failures failed, nothing is absent.
    """
    statuses = {transaction.status for transaction in transactions}
    if any(told.status is TransactionStatus.SUCCESS and fits(told, attempt) for told in transactions):
        return Verdict.PAID
    if TransactionStatus.PENDING in statuses:
        return Verdict.WAITING
    if TransactionStatus.SUCCESS in statuses:
        return Verdict.MISPAID
    return Verdict.FAILED if statuses else Verdict.ABSENT


def proves_dead(verdict: Verdict, attempt: Attempt, *, cancelled: bool, now: datetime) -> bool:
    """Whether an answer, read after `transactionCancel` was tried, proves that no money can come by this order.

    After a confirmed cancel only failures or nothing may remain. Without one, only failures do (cancel is not possible
    for a finished transaction), or nothing once `NOT_FOUND_PROVES_AFTER` has passed since the request left.
    """
    if verdict is Verdict.FAILED:
        return True
    if verdict is not Verdict.ABSENT:
        return False
    return cancelled or attempt.sent_at is None or now - attempt.sent_at >= NOT_FOUND_PROVES_AFTER


def ended_by_time(verdict: Verdict, attempt: Attempt, now: datetime) -> bool:
    """At the end of its validity only an answer of all failures, or of nothing, ends an attempt."""
    expired = attempt.valid_until is not None and now >= attempt.valid_until
    return expired and verdict in {Verdict.FAILED, Verdict.ABSENT}
