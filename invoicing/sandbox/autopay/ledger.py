"""What the stand-in knows: transactions, and how often it was asked. Pure state, no I/O, no clock.

Guarantee: SUCCESS never moves to another status; every start makes a new transaction, also under an OrderID
that exists; an OrderID that was cancelled never starts again. Source: manual, "statuses" (legal transitions per
OrderID and RemoteID), "cancel-transaction".
"""

import heapq
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from invoicing.sandbox.autopay.protocol import Service

REMOTE_ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Status(StrEnum):
    """Payment status; PENDING is also what a transaction has before a channel is chosen."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class IllegalMove(Exception):
    """A transition that the real System never makes."""


@dataclass
class SentItn:
    """One ITN that left (or was withheld), with the receiver's answer."""

    sent_at: datetime
    status: Status
    answer: str


@dataclass
class Transaction:
    """One attempt to pay, identified by its remoteID."""

    service: Service
    order_id: str
    remote_id: str
    token: str
    amount: str
    started_at: datetime
    valid_until: datetime
    link_valid_until: datetime
    description: str = ""
    language: str = "PL"
    return_url: str | None = None
    origin: str = "start"
    status: Status = Status.PENDING
    details: str | None = None
    gateway_id: str | None = None
    payment_at: datetime | None = None
    paid_amount: str | None = None
    paid_currency: str | None = None
    itns: list[SentItn] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.status is Status.PENDING

    @property
    def reported_amount(self) -> str:
        return self.paid_amount or self.amount

    @property
    def reported_currency(self) -> str:
        return self.paid_currency or self.service.currency


@dataclass(frozen=True)
class Cancelled:
    """What a transactionCancel did; kept, because its MessageID may come again."""

    subject: tuple[str, str]
    confirmed: bool
    reason: str
    transactions: tuple[Transaction, ...] = ()


OrderKey = tuple[str, str]


class Ledger:
    """All state of the gateway stand-in."""

    def __init__(self) -> None:
        self.orders: dict[OrderKey, list[Transaction]] = {}
        self.by_remote: dict[str, Transaction] = {}
        self.requests: dict[str, Counter[str]] = {}
        self.burnt: set[OrderKey] = set()
        self._service_ids: dict[str, None] = {}
        self._cancels: dict[tuple[str, str], Cancelled] = {}
        self._expiries: list[tuple[datetime, str]] = []

    def count(self, operation: str, order_id: str) -> None:
        self.requests.setdefault(order_id, Counter())[operation] += 1

    def fresh_ids(self) -> tuple[str, str]:
        """A new remoteID and the secret part of its link."""
        while True:
            remote_id = "9" + "".join(secrets.choice(REMOTE_ID_LETTERS) for _ in range(9))
            if remote_id not in self.by_remote:
                return remote_id, "".join(secrets.choice(REMOTE_ID_LETTERS) for _ in range(16))

    def add(self, transaction: Transaction) -> Transaction:
        key = (transaction.service.service_id, transaction.order_id)
        self._service_ids[key[0]] = None
        self.orders.setdefault(key, []).append(transaction)
        self.by_remote[transaction.remote_id] = transaction
        heapq.heappush(self._expiries, (transaction.valid_until, transaction.remote_id))
        return transaction

    def twin(self, transaction: Transaction, origin: str, now: datetime) -> Transaction:
        """Another transaction under the same OrderID, as a second tab would have started it."""
        remote_id, token = self.fresh_ids()
        return self.add(
            Transaction(
                service=transaction.service,
                order_id=transaction.order_id,
                remote_id=remote_id,
                token=token,
                amount=transaction.amount,
                started_at=now,
                valid_until=transaction.valid_until,
                link_valid_until=transaction.link_valid_until,
                description=transaction.description,
                language=transaction.language,
                return_url=transaction.return_url,
                origin=origin,
            )
        )

    def of_order(self, service_id: str, order_id: str) -> list[Transaction]:
        return self.orders.get((service_id, order_id), [])

    def anywhere(self, order_id: str) -> list[Transaction]:
        """Transactions of this OrderID under whichever service has them."""
        return [item for service_id in self._service_ids for item in self.of_order(service_id, order_id)]

    def settle(
        self, transaction: Transaction, status: Status, details: str | None, now: datetime, channel: str | None
    ) -> None:
        """Move to a status. FAILURE to SUCCESS is the late payment that the System admits by agreement."""
        if transaction.status is Status.SUCCESS and status is not Status.SUCCESS:
            raise IllegalMove("a successful payment never changes its status")
        if transaction.status is Status.FAILURE and status is Status.PENDING:
            raise IllegalMove("a failed payment is never waited for again")
        transaction.status = status
        transaction.details = details
        transaction.gateway_id = channel or transaction.gateway_id
        transaction.payment_at = now

    def expire_due(self, now: datetime) -> list[Transaction]:
        """Open transactions whose ValidityTime has passed become FAILURE / EXPIRED; which ones."""
        expired = []
        while self._expiries and self._expiries[0][0] <= now:
            transaction = self.by_remote[heapq.heappop(self._expiries)[1]]
            if transaction.open:
                self.settle(transaction, Status.FAILURE, "EXPIRED", now, None)
                expired.append(transaction)
        return expired

    def cancel(
        self, service_id: str, message_id: str, subject: tuple[str, str], now: datetime
    ) -> tuple[Cancelled, bool]:
        """Cancel by ("RemoteID" or "OrderID", value). Second value: a known MessageID got its first answer."""
        if known := self._cancels.get((service_id, message_id)):
            same = known.subject == subject
            return (known if same else Cancelled(subject, False, "OTHER_ERROR")), True
        done = self._cancel(service_id, subject, now)
        self._cancels[service_id, message_id] = done
        return done, False

    def _cancel(self, service_id: str, subject: tuple[str, str], now: datetime) -> Cancelled:
        kind, value = subject
        if kind == "OrderID":
            found = self.of_order(service_id, value)
        else:
            found = [item for item in (self.by_remote.get(value),) if item is not None]
            found = [item for item in found if item.service.service_id == service_id]
        if not found:
            return Cancelled(subject, False, "TRANSACTION_NOT_FOUND")
        unpaid = tuple(item for item in found if item.open)
        if not unpaid:
            return Cancelled(subject, False, "INCORRECT_PAYMENT_STATUS")
        for transaction in unpaid:
            self.settle(transaction, Status.FAILURE, "CANCELLED", now, None)
        self.burnt.add((service_id, unpaid[0].order_id))
        paid = any(item.status is Status.SUCCESS for item in found)
        return Cancelled(subject, True, "CANCELED_PARTIALLY" if paid else "CANCELED_FULLY", unpaid)
