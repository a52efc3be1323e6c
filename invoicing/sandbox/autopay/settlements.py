"""Sends settlement notifications (ISTN) about refunds and repeats them until the receiver confirms.

An option, as at the real gateway: nothing is sent without an address. Guarantee: a status is told when the transfer
enters it, and repeated on the schedule of the ITN while it is the newest and no signed CONFIRMED has come. Redirects
are not followed. Source: manual, "istn", "retry policy".
"""

import asyncio

from invoicing.sandbox.autopay import messages
from invoicing.sandbox.autopay.faults import Operation
from invoicing.sandbox.autopay.messages import Answer, Node
from invoicing.sandbox.autopay.notifier import repeat_pauses
from invoicing.sandbox.autopay.protocol import compact_local_time
from invoicing.sandbox.autopay.refunds import Refund, SentIstn, TransferStatus
from invoicing.sandbox.autopay.sender import Sender
from invoicing.sandbox.clock import Clock
from invoicing.sandbox.switches import SwitchBoard

DETAILS = {
    TransferStatus.PENDING: None,
    TransferStatus.SUCCESS: "CONFIRMED",
    TransferStatus.FAILURE: "ANOTHER_ERROR",
}


def document(refund: Refund, status: TransferStatus) -> str:
    """The notification; absent fields are left out, never empty. `transferDate` belongs to SUCCESS alone."""
    item = refund.transaction
    done_at = refund.done_at if status is TransferStatus.SUCCESS else None
    fields: list[tuple[str, str | None]] = [
        ("isRefund", "true"),
        ("orderID", item.order_id),
        ("remoteID", item.remote_id),
        ("remoteOutID", refund.remote_out_id),
        ("amount", refund.amount),
        ("currency", item.reported_currency),
        ("transferDate", compact_local_time(done_at) if done_at else None),
        ("transferStatus", status.value),
        ("transferStatusDetails", DETAILS[status]),
        ("title", f"Zwrot {item.remote_id}"),
        ("receiverNRB", "61109010140000071219812874"),
        ("receiverName", "Anna Przykładowa"),
    ]
    present: list[Node] = [(name, value) for name, value in fields if value is not None]
    return messages.transaction_list(item.service, [present])


class SettlementNotifier:
    """Delivers ISTNs in background tasks that ``close`` ends."""

    def __init__(self, clock: Clock, switches: SwitchBoard, istn_url: str | None, closing: asyncio.Event) -> None:
        self.istn_url = istn_url
        self._clock = clock
        self._switches = switches
        self._sender = Sender(closing)
        self._tasks: set[asyncio.Task[None]] = set()

    def announce(self, refund: Refund) -> None:
        """Tell the receiver how the transfer stands, when there is a transfer and somebody to tell."""
        if self.istn_url is None or refund.transfer is None:
            return
        task = asyncio.create_task(self._deliver(self.istn_url, refund, refund.transfer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, url: str, refund: Refund, status: TransferStatus) -> None:
        answer = await self._send(url, refund, status)
        for pause in repeat_pauses():
            if answer is Answer.CONFIRMED or refund.transfer is not status:
                return
            await self._clock.pause(pause)
            if refund.transfer is not status:
                return
            answer = await self._send(url, refund, status)

    async def _send(self, url: str, refund: Refund, status: TransferStatus) -> Answer:
        entry = SentIstn(self._clock.now(), status, Answer.NO_ANSWER)
        refund.istns.append(entry)
        entry.answer = answer = await self._exchange(url, refund, status)
        return answer

    async def _exchange(self, url: str, refund: Refund, status: TransferStatus) -> Answer:
        item = refund.transaction
        switch = self._switches.take(Operation.ISTN, item.order_id)
        came = await self._sender.sent(url, document(refund, status), switch)
        if isinstance(came, Answer):
            return came
        return messages.read_confirmation(item.service, refund.remote_out_id, came, "remoteOutID")

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.close()
