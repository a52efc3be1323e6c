"""The gateway behind its counters: one ledger, one clock, one notifier, and how simulated payers behave.

Paywall buttons, control calls and automatic payers all go through ``Desk.perform``, so a test by HTTP and a
person in a browser cause the very same messages. Source: manual, "statuses" and "itn".
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from invoicing.sandbox.autopay.ledger import Ledger, Status, Transaction
from invoicing.sandbox.autopay.notifier import ItnMode, Notifier
from invoicing.sandbox.autopay.protocol import SANDBOX_KEY, Service
from invoicing.sandbox.autopay.refunds import Refund, RefundBook
from invoicing.sandbox.autopay.settlements import SettlementNotifier
from invoicing.sandbox.clock import Clock
from invoicing.sandbox.switches import SwitchBoard

TEST_BANK = "106"
DELAY_SECONDS = 15.0
EXPIRY_CHECK_SECONDS = 1.0
DEFAULT_SERVICE = Service(service_id="100001", shared_key=SANDBOX_KEY)


class Action(StrEnum):
    """What a payer, or chance, can do with a transaction."""

    PAY = "pay"
    REFUSE = "refuse"
    CANCEL = "cancel"
    LEAVE = "leave"
    PAY_TWICE = "pay_twice"
    PENDING = "pending"
    LATE_FAILURE = "late_failure"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    EXPIRE = "expire"
    RESEND = "resend"


@dataclass(frozen=True)
class AutoPayer:
    """A payer who acts by himself on every transaction of matching orders."""

    order_prefix: str
    action: Action
    itn: ItnMode = ItnMode.SEND
    after_seconds: float = 0.0
    delay_seconds: float = DELAY_SECONDS


@dataclass(frozen=True)
class AutopayOptions:
    """How the stand-in is set up; port 0 takes a free one."""

    port: int = 9001
    services: tuple[Service, ...] = (DEFAULT_SERVICE,)
    itn_url: str | None = None
    istn_url: str | None = None
    return_url: str | None = None
    payment_path: str = "/payment"
    customer_data: bool = True
    pending_first: bool = False


class Desk:
    """State and behaviour of the stand-in, without its HTTP side."""

    def __init__(self, options: AutopayOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.base_url = ""
        self.services = {service.service_id: service for service in options.services}
        self.ledger = Ledger()
        self.refunds = RefundBook()
        self.switches = SwitchBoard()
        self.notifier = Notifier(clock, self.switches, options.itn_url, options.customer_data)
        self.settlements = SettlementNotifier(clock, self.switches, options.istn_url, self.notifier.closing)
        self.payers: list[AutoPayer] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def link(self, item: Transaction) -> str:
        return f"{self.base_url}/payment/continue/{item.remote_id}/{item.token}"

    def perform(
        self, item: Transaction, action: Action, itn: ItnMode = ItnMode.SEND, delay: float = DELAY_SECONDS
    ) -> None:
        """Carry out an action and announce what it changed; IllegalMove when the System never does that."""
        match action:
            case Action.PAY:
                self._pay(item, itn, delay)
            case Action.PAY_TWICE:
                self._pay(item, itn, delay)
                self._pay(self.ledger.twin(item, "second_payment", self.clock.now()), itn, delay)
            case Action.WRONG_AMOUNT:
                item.paid_amount = str(Decimal(item.amount) + 1)
                self._pay(item, itn, delay)
            case Action.WRONG_CURRENCY:
                item.paid_currency = "EUR" if item.service.currency != "EUR" else "PLN"
                self._pay(item, itn, delay)
            case Action.PENDING:
                self._settle(item, Status.PENDING, None, itn, delay, channel=TEST_BANK)
            case Action.REFUSE:
                self._settle(item, Status.FAILURE, "REJECTED", itn, delay, channel=TEST_BANK)
            case Action.CANCEL:
                self._settle(item, Status.FAILURE, "REJECTED_BY_USER", itn, delay)
            case Action.EXPIRE:
                self._settle(item, Status.FAILURE, "EXPIRED", itn, delay)
            case Action.LATE_FAILURE:
                other = self.ledger.twin(item, "late_failure", self.clock.now())
                self._settle(other, Status.FAILURE, "REJECTED", itn, delay, channel=TEST_BANK)
            case Action.RESEND:
                self.notifier.announce(item, itn, delay)
            case Action.LEAVE:
                pass

    def _pay(self, item: Transaction, itn: ItnMode, delay: float) -> None:
        if self.options.pending_first and item.open:
            self._settle(item, Status.PENDING, None, ItnMode.SEND, 0.0, channel=TEST_BANK)
        self._settle(item, Status.SUCCESS, "AUTHORIZED", itn, delay, channel=item.gateway_id or TEST_BANK)

    def _settle(
        self,
        item: Transaction,
        status: Status,
        details: str | None,
        itn: ItnMode,
        delay: float,
        channel: str | None = None,
    ) -> None:
        self.ledger.settle(item, status, details, self.clock.now(), channel)
        self.notifier.announce(item, itn, delay)

    def started(self, item: Transaction) -> None:
        """Let the newest automatic payer who feels concerned act on a new transaction."""
        for payer in reversed(self.payers):
            if item.order_id.startswith(payer.order_prefix):
                self._background(self._act_later(item, payer))
                return

    async def _act_later(self, item: Transaction, payer: AutoPayer) -> None:
        await self.clock.sleep(payer.after_seconds)
        self.expire_due()
        if item.open:
            self.perform(item, payer.action, payer.itn, payer.delay_seconds)

    def refund_queued(self, refund: Refund) -> None:
        self._background(self._execute(refund))

    async def _execute(self, refund: Refund) -> None:
        while not refund.over:
            await self.clock.pause(refund.pause)
            refund.advance(self.clock.now())
            self.settlements.announce(refund)

    def expire_due(self) -> None:
        for item in self.ledger.expire_due(self.clock.now()):
            self.notifier.announce(item)

    async def _watch_expiry(self) -> None:
        while True:
            await self.clock.sleep(EXPIRY_CHECK_SECONDS)
            self.expire_due()

    def open(self, base_url: str) -> None:
        self.base_url = base_url
        self._background(self._watch_expiry())

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.notifier.close()
        await self.settlements.close()

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
