"""What an authentic message about one transaction means: every pair of attempt state and transaction status decided.

State decides, not messages: they may come twice, late, in any order, and each is applied as if it were the first. The
table is printed in `docs/payments.md`, and a test compares the two. Source: Autopay online gateway manual, "statuses"
(a success of a transaction never changes; transactions of one order interleave) and "itn".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from invoicing.domain.payments import Attempt, AttemptState, Transaction, TransactionStatus, fits


class Effect(StrEnum):
    """What a message does.

    keep: the money is the case's kept payment; the attempt becomes paid
    duplicate: the money is recorded and given back; the case has its payment; the attempt becomes paid
    mark_failed: the attempt becomes failed; its payer may still pay by the same link
    doubt: something exists at the gateway where we believed there is nothing: the attempt becomes sent, to be settled
    reject: amount or currency are not the attempt's: an alert with both figures, nothing else changes
    nothing: it informs, or was told before
    """

    KEEP = "keep"
    DUPLICATE = "duplicate"
    MARK_FAILED = "mark_failed"
    DOUBT = "doubt"
    REJECT = "reject"
    NOTHING = "nothing"


BECOMES: Mapping[Effect, AttemptState] = MappingProxyType(
    {
        Effect.KEEP: AttemptState.PAID,
        Effect.DUPLICATE: AttemptState.PAID,
        Effect.MARK_FAILED: AttemptState.FAILED,
        Effect.DOUBT: AttemptState.SENT,
    }
)
"""State of the attempt after an effect; the others leave it alone."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a message does to a case without its payment, what to a paid one, and why."""

    unpaid: Effect
    paid: Effect
    why: str


_KEEP, _DUPLICATE, _NOTHING = Effect.KEEP, Effect.DUPLICATE, Effect.NOTHING

TRANSITIONS: Mapping[tuple[AttemptState, TransactionStatus], Decision] = MappingProxyType(
    {
        (AttemptState.PREPARED, TransactionStatus.PENDING): Decision(
            Effect.DOUBT, _NOTHING, "the request did arrive: posting it again could take the money twice"
        ),
        (AttemptState.PREPARED, TransactionStatus.SUCCESS): Decision(
            _KEEP, _DUPLICATE, "the request did arrive, and its payer paid"
        ),
        (AttemptState.PREPARED, TransactionStatus.FAILURE): Decision(
            Effect.MARK_FAILED, _NOTHING, "the request did arrive: it is settled before anything is posted"
        ),
        (AttemptState.SENT, TransactionStatus.PENDING): Decision(
            _NOTHING, _NOTHING, "still unanswered; whoever settles it finds the transaction"
        ),
        (AttemptState.SENT, TransactionStatus.SUCCESS): Decision(
            _KEEP, _DUPLICATE, "the message overtook the answer to the start, or the answer was lost"
        ),
        (AttemptState.SENT, TransactionStatus.FAILURE): Decision(
            Effect.MARK_FAILED, _NOTHING, "the message overtook the answer to the start, or the answer was lost"
        ),
        (AttemptState.OPEN, TransactionStatus.PENDING): Decision(_NOTHING, _NOTHING, "the payer chose a channel"),
        (AttemptState.OPEN, TransactionStatus.SUCCESS): Decision(_KEEP, _DUPLICATE, "the usual payment"),
        (AttemptState.OPEN, TransactionStatus.FAILURE): Decision(
            Effect.MARK_FAILED, _NOTHING, "refused, cancelled or expired at the gateway"
        ),
        (AttemptState.REFUSED, TransactionStatus.PENDING): Decision(
            Effect.DOUBT, _NOTHING, "a refused start has no transaction: settled before another attempt is opened"
        ),
        (AttemptState.REFUSED, TransactionStatus.SUCCESS): Decision(
            _KEEP, _DUPLICATE, "money is money, whatever the answer to the start was"
        ),
        (AttemptState.REFUSED, TransactionStatus.FAILURE): Decision(_NOTHING, _NOTHING, "it brought no money before"),
        (AttemptState.FAILED, TransactionStatus.PENDING): Decision(
            _NOTHING, _NOTHING, "cannot be told from one that was delayed; a new attempt asks for the status first"
        ),
        (AttemptState.FAILED, TransactionStatus.SUCCESS): Decision(
            _KEEP, _DUPLICATE, "the payer tried again by the same link, or the gateway accepted the transfer later"
        ),
        (AttemptState.FAILED, TransactionStatus.FAILURE): Decision(_NOTHING, _NOTHING, "repeated"),
        (AttemptState.DEAD, TransactionStatus.PENDING): Decision(
            _NOTHING, _NOTHING, "delayed: the order was cancelled, or its time was over"
        ),
        (AttemptState.DEAD, TransactionStatus.SUCCESS): Decision(
            _KEEP, _DUPLICATE, "late money after a cancel or after the end of validity counts"
        ),
        (AttemptState.DEAD, TransactionStatus.FAILURE): Decision(_NOTHING, _NOTHING, "that is why it is dead"),
        (AttemptState.PAID, TransactionStatus.PENDING): Decision(_NOTHING, _NOTHING, "a success is final"),
        (AttemptState.PAID, TransactionStatus.SUCCESS): Decision(
            _KEEP, _DUPLICATE, "a second transaction of the order was paid too"
        ),
        (AttemptState.PAID, TransactionStatus.FAILURE): Decision(_NOTHING, _NOTHING, "a success is final"),
    }
)


def effect_of(
    transaction: Transaction,
    attempt: Attempt,
    *,
    captured: Collection[str],
    case_paid: bool,
    only_failures: bool = False,
) -> Effect:
    """The decision about one message. `captured` are the transactions of the case whose money is recorded already.

    Before the table: another amount or currency is rejected, a recorded success is old news, and the failure of a
    transaction that is not the one which was opened says nothing about that one, which may still bring the money,
    unless a status answer lists nothing else (`only_failures`).
    """
    if not fits(transaction, attempt):
        return Effect.REJECT
    if transaction.status is TransactionStatus.SUCCESS and transaction.remote_id in captured:
        return Effect.NOTHING
    another = attempt.state is AttemptState.OPEN and attempt.remote_id not in {None, transaction.remote_id}
    if transaction.status is TransactionStatus.FAILURE and another and not only_failures:
        return Effect.NOTHING
    decision = TRANSITIONS[attempt.state, transaction.status]
    return decision.paid if case_paid else decision.unpaid
