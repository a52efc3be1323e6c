"""The gateway of a random walk: its transactions are the truth about money, its messages get lost, doubled and late."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from invoicing.domain.payments import Transaction, TransactionStatus
from tests.unit.domain.samples import NOW

PENDING, SUCCESS, FAILURE = TransactionStatus.PENDING, TransactionStatus.SUCCESS, TransactionStatus.FAILURE
PRICE = Decimal("398.52")


@dataclass
class Paid:
    """A transaction as the gateway knows it."""

    order: str
    remote_id: str
    valid_until: datetime
    amount: Decimal = PRICE
    currency: str = "PLN"
    status: TransactionStatus = PENDING
    ours: bool = True

    def told(self) -> Transaction:
        return Transaction(
            order_id=self.order,
            remote_id=self.remote_id,
            amount=self.amount,
            currency=self.currency,
            status=self.status,
        )


@dataclass
class GatewaySide:
    """Transactions, cancelled orders, and messages on their way."""

    random: random.Random
    now: datetime = NOW
    gateway: list[Paid] = field(default_factory=list)
    burnt: set[str] = field(default_factory=set)
    lied: bool = False
    flying: list[Transaction] = field(default_factory=list)

    def register(self, order: str, valid_until: datetime, *, ours: bool = True) -> Paid:
        made = Paid(order, f"9R{len(self.gateway):04}", valid_until, ours=ours)
        self.gateway.append(made)
        return made

    def announce(self, paid: Paid) -> None:
        """Messages are lost, doubled and kept for later."""
        self.flying += [paid.told()] * self.random.choice([0, 1, 1, 1, 2, 3])

    def payer_acts(self) -> None:
        """Somebody with a link pays, is refused, orders a transfer, opens a second tab, or pays a wrong amount."""
        alive = [p for p in self.gateway if p.status is PENDING and p.order not in self.burnt]
        if not alive:
            return
        paid = self.random.choice(alive)
        match self.random.choice(["pay", "pay", "refuse", "refuse", "transfer", "tab", "wrong"]):
            case "pay":
                paid.status = SUCCESS
            case "refuse":
                paid.status = FAILURE
            case "tab":
                paid = self.register(paid.order, paid.valid_until, ours=False)
            case "wrong":
                paid.status = SUCCESS
                paid.amount, paid.currency = self.random.choice(
                    [(PRICE / 2, "PLN"), (PRICE + 1, "PLN"), (PRICE, "EUR")]
                )
        self.announce(paid)

    def gateway_changes_its_mind(self) -> None:
        """A transfer that was given up arrives after all; the manual calls it rare, not impossible."""
        failed = [p for p in self.gateway if p.status is FAILURE]
        if failed and self.random.random() < 0.3:
            paid = self.random.choice(failed)
            paid.status, paid.ours = SUCCESS, False
            self.announce(paid)

    def time_passes(self) -> None:
        """Up to two days; what was not paid in time fails."""
        self.now += timedelta(seconds=self.random.choice([1, 30, 120, 7_200, 86_400, 172_800]))
        for paid in self.gateway:
            if paid.status is PENDING and self.now >= paid.valid_until:
                paid.status = FAILURE
                self.announce(paid)

    def status(self, order: str) -> list[Transaction]:
        return [p.told() for p in self.gateway if p.order == order]

    def cancel(self, order: str) -> bool:
        unpaid = [p for p in self.gateway if p.order == order and p.status is PENDING]
        for paid in unpaid:
            paid.status = FAILURE
            self.announce(paid)
        if unpaid:
            self.burnt.add(order)
        return bool(unpaid)
