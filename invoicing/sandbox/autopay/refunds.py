"""Refund orders and the way that each of them goes. Pure state, no I/O, no clock.

Source: manual, "refunds" (statuses of outDetails/v2). The step of commissions is left out, as the manual says for a
service without any; money that is missing on the balance is asked for again for thirty minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from invoicing.sandbox.autopay.ledger import Transaction


class RefundStatus(StrEnum):
    """The statuses of outDetails that the stand-in uses."""

    NEW = "NEW"
    FAILED_ATTEMPT_OF_BALANCE_CHANGE = "FAILED_ATTEMPT_OF_BALANCE_CHANGE"
    PROCESSING = "PROCESSING"
    DONE = "DONE"
    CANCELED_NO_FUNDS_ON_BALANCE = "CANCELED_NO_FUNDS_ON_BALANCE"
    CANCELED_AMOUNT_EXCEEDS_TRANSACTION = "CANCELED_AMOUNT_EXCEEDS_TRANSACTION"
    CANCELED_MANUALLY_BY_SERVICES = "CANCELED_MANUALLY_BY_SERVICES"


STEP_SECONDS = 60.0
BALANCE_SECONDS = 30 * 60.0

WAYS = {
    RefundStatus.DONE: (RefundStatus.NEW, RefundStatus.PROCESSING, RefundStatus.DONE),
    RefundStatus.CANCELED_NO_FUNDS_ON_BALANCE: (
        RefundStatus.NEW,
        RefundStatus.FAILED_ATTEMPT_OF_BALANCE_CHANGE,
        RefundStatus.CANCELED_NO_FUNDS_ON_BALANCE,
    ),
    RefundStatus.CANCELED_AMOUNT_EXCEEDS_TRANSACTION: (
        RefundStatus.NEW,
        RefundStatus.CANCELED_AMOUNT_EXCEEDS_TRANSACTION,
    ),
    RefundStatus.CANCELED_MANUALLY_BY_SERVICES: (RefundStatus.NEW, RefundStatus.CANCELED_MANUALLY_BY_SERVICES),
}
"""From the order to each end."""

NOT_DONE = tuple(end for end in WAYS if end is not RefundStatus.DONE)


class TransferStatus(StrEnum):
    """What a settlement notification says of the transfer."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass
class SentIstn:
    """One settlement notification that left, with the receiver's answer."""

    sent_at: datetime
    status: TransferStatus
    answer: str


@dataclass
class Refund:
    """One refund order; MessageID is its idempotency key. `remote_out_id` is its transfer's."""

    message_id: str
    transaction: Transaction
    amount: str
    remote_out_id: str
    ordered_at: datetime
    status: RefundStatus = RefundStatus.NEW
    end: RefundStatus = RefundStatus.DONE
    done_at: datetime | None = None
    times_asked: int = 1
    istns: list[SentIstn] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.status is self.end

    @property
    def pause(self) -> float:
        """Seconds of the protocol until the next status."""
        return BALANCE_SECONDS if self.status is RefundStatus.FAILED_ATTEMPT_OF_BALANCE_CHANGE else STEP_SECONDS

    @property
    def told_out_id(self) -> str | None:
        """outDetails names the transfer only when the money has left."""
        return self.remote_out_id if self.status is RefundStatus.DONE else None

    @property
    def transfer(self) -> TransferStatus | None:
        """Status of the transfer; None before there is one."""
        match self.status:
            case RefundStatus.NEW | RefundStatus.FAILED_ATTEMPT_OF_BALANCE_CHANGE:
                return None
            case RefundStatus.PROCESSING:
                return TransferStatus.PENDING
            case RefundStatus.DONE:
                return TransferStatus.SUCCESS
            case _:
                return TransferStatus.FAILURE

    def advance(self, now: datetime) -> None:
        """One step on its way."""
        way = WAYS[self.end]
        if not self.over:
            self.status = way[way.index(self.status) + 1]
            self.done_at = now if self.status is RefundStatus.DONE else None


class RefundBook:
    """All refund orders, by service and MessageID."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], Refund] = {}

    def __iter__(self) -> Iterator[Refund]:
        return iter(self._orders.values())

    def find(self, service_id: str, message_id: str) -> Refund | None:
        return self._orders.get((service_id, message_id))

    def left(self, transaction: Transaction) -> Decimal:
        """What of a transaction is not given back and not on its way back."""
        taken = [order for order in self if order.transaction is transaction and order.end is RefundStatus.DONE]
        return Decimal(transaction.reported_amount) - sum((Decimal(order.amount) for order in taken), Decimal(0))

    def order(
        self, message_id: str, transaction: Transaction, amount: str | None, remote_out_id: str, now: datetime
    ) -> tuple[Refund, bool]:
        """Queue a refund; a MessageID that is known executes nothing. Second value: whether it is new."""
        key = (transaction.service.service_id, message_id)
        if known := self._orders.get(key):
            known.times_asked += 1
            return known, False
        left = self.left(transaction)
        wanted = Decimal(transaction.reported_amount) if amount is None else Decimal(amount)
        refund = Refund(message_id, transaction, str(wanted), remote_out_id, now)
        if not 0 < wanted <= left:
            refund.end = RefundStatus.CANCELED_AMOUNT_EXCEEDS_TRANSACTION
        self._orders[key] = refund
        return refund, True
