"""Sends ITNs and repeats them until the receiver confirms.

Guarantee: the first attempt carries the status of the moment it was announced; every repeat carries the newest
status, on the schedule of the manual's "retry policy" (12 repeats every 3 minutes, 144 every 10 minutes, 48
every hour, 5 every day: 209), until a well-formed, correctly signed CONFIRMED arrives. Redirects are not followed.
"""

import asyncio
import re
from collections.abc import Iterator
from enum import StrEnum

from invoicing.sandbox.autopay import messages
from invoicing.sandbox.autopay.faults import Operation
from invoicing.sandbox.autopay.ledger import SentItn, Status, Transaction
from invoicing.sandbox.autopay.messages import Answer, Node
from invoicing.sandbox.autopay.protocol import compact_local_time
from invoicing.sandbox.autopay.sender import Sender
from invoicing.sandbox.clock import Clock
from invoicing.sandbox.switches import SwitchBoard


class ItnMode(StrEnum):
    """How the notification of one status change travels."""

    SEND = "send"
    DROP = "drop"
    DELAY = "delay"
    FIVE_TIMES = "five_times"
    ALTERED = "altered"


CUSTOMER_DATA: list[Node] = [
    ("fName", "Anna"),
    ("lName", "Przykładowa"),
    ("streetName", "Jasna"),
    ("streetHouseNo", "6"),
    ("streetPremiseNo", "3"),
    ("postalCode", "00-013"),
    ("city", "Warszawa"),
    ("nrb", "61109010140000071219812874"),
    ("senderData", "Anna Przykładowa"),
]


def repeat_pauses() -> Iterator[float]:
    """Seconds before each of the 209 repeats."""
    for repeats, minutes in ((12, 3), (144, 10), (48, 60), (5, 1440)):
        yield from [minutes * 60.0] * repeats


def status_fields(item: Transaction) -> list[Node]:
    """What ITN and status answer say alike about a transaction; absent fields are left out, never empty."""
    fields: list[tuple[str, str | None]] = [
        ("orderID", item.order_id),
        ("remoteID", item.remote_id),
        ("amount", item.reported_amount),
        ("currency", item.reported_currency),
        ("gatewayID", item.gateway_id),
        ("paymentDate", compact_local_time(item.payment_at or item.started_at)),
        ("paymentStatus", item.status.value),
        ("paymentStatusDetails", item.details),
    ]
    return [(name, value) for name, value in fields if value is not None]


class Notifier:
    """Delivers ITNs in background tasks that ``close`` ends."""

    def __init__(self, clock: Clock, switches: SwitchBoard, itn_url: str | None, customer_data: bool = True) -> None:
        self.itn_url = itn_url
        self.closing = asyncio.Event()
        self._clock = clock
        self._switches = switches
        self._customer_data = customer_data
        self._sender = Sender(self.closing)
        self._tasks: set[asyncio.Task[None]] = set()
        self._newest: dict[str, int] = {}
        self._first_sent: dict[str, asyncio.Event] = {}

    def document(self, item: Transaction) -> str:
        fields = status_fields(item)
        if self._customer_data and item.status is Status.SUCCESS:
            fields.append(("customerData", CUSTOMER_DATA))
        return messages.transaction_list(item.service, [fields])

    def announce(self, item: Transaction, mode: ItnMode = ItnMode.SEND, delay_seconds: float = 0.0) -> None:
        """Tell the receiver about the transaction's status of this moment."""
        if mode is ItnMode.DROP:
            item.itns.append(SentItn(self._clock.now(), item.status, Answer.WITHHELD))
            return
        turn = self._newest[item.remote_id] = self._newest.get(item.remote_id, 0) + 1
        delay = delay_seconds if mode is ItnMode.DELAY else 0.0
        # Statuses leave in the order in which they arose; only a delayed one is overtaken.
        before = self._first_sent.get(item.remote_id)
        sent = asyncio.Event()
        if mode is not ItnMode.DELAY:
            self._first_sent[item.remote_id] = sent
        work = self._deliver(item, self.document(item), item.status, mode, delay, turn, before, sent)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(
        self,
        item: Transaction,
        document: str,
        status: Status,
        mode: ItnMode,
        delay: float,
        turn: int,
        before: asyncio.Event | None,
        sent: asyncio.Event,
    ) -> None:
        if delay:
            await self._clock.sleep(delay)
        elif before is not None:
            await before.wait()
        if mode is ItnMode.ALTERED:
            document = re.sub("<amount>", "<amount>9", document)
        copies = 5 if mode is ItnMode.FIVE_TIMES else 1
        try:
            answers = await asyncio.gather(*(self._send(item, document, status) for _ in range(copies)))
        finally:
            sent.set()
        for pause in repeat_pauses():
            if Answer.CONFIRMED in answers or self._newest[item.remote_id] != turn:
                return
            await self._clock.pause(pause)
            if self._newest[item.remote_id] != turn:
                return
            answers = [await self._send(item, self.document(item), item.status)]

    async def _send(self, item: Transaction, document: str, status: Status) -> Answer:
        entry = SentItn(self._clock.now(), status, Answer.NO_ANSWER)
        item.itns.append(entry)
        entry.answer = answer = await self._exchange(item, document)
        return answer

    async def _exchange(self, item: Transaction, document: str) -> Answer:
        if self.itn_url is None:
            return Answer.NO_ADDRESS
        switch = self._switches.take(Operation.ITN, item.order_id)
        came = await self._sender.sent(self.itn_url, document, switch)
        return came if isinstance(came, Answer) else messages.read_confirmation(item.service, item.order_id, came)

    async def close(self) -> None:
        self.closing.set()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.close()
