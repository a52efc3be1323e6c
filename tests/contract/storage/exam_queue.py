"""Exam: outbox and inbox, claimed by several workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from invoicing.domain.records import InboxMessage, OutboxKind, OutboxMessage, QueuedMessage, QueuedNotification
from invoicing.errors import NotFound
from invoicing.ports import CaseStore
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, fault_of, opened, recorded

LEASE = timedelta(seconds=30)
Claimed = Sequence[QueuedMessage] | Sequence[QueuedNotification]


@dataclass(frozen=True)
class Queue:
    """One of the two queues of a store."""

    claim: Callable[[str, datetime, timedelta, int], Awaitable[Claimed]]
    delivered: Callable[[Sequence[int], datetime], Awaitable[None]]
    release: Callable[[Sequence[int], datetime], Awaitable[None]]


def outbox_of(store: CaseStore) -> Queue:
    return Queue(store.claim_messages, store.messages_delivered, store.release_messages)


def inbox_of(store: CaseStore) -> Queue:
    return Queue(store.claim_notifications, store.notifications_delivered, store.release_notifications)


def message(number: int = 1) -> OutboxMessage:
    return OutboxMessage(
        key=f"start:{number}", kind=OutboxKind.START, case_id="2026-000123", body={"revision": number, "by": "ops"}
    )


def notification(number: int = 1, **changes: object) -> InboxMessage:
    fields: dict[str, object] = {
        "service_id": "100001",
        "order_id": "2026-000123-1",
        "remote_id": f"9{number}",
        "status": "SUCCESS",
        "amount": Decimal("398.52"),
        "currency": "PLN",
        "details": None,
        "paid_at": NOW,
        "case_id": "2026-000123",
        "received_at": NOW,
    }
    return InboxMessage.model_validate({**fields, **changes})


async def filled(store: CaseStore, count: int) -> None:
    await recorded(store)
    async with store.transaction() as work:
        for number in range(1, count + 1):
            await work.enqueue(message(number), NOW)
            await work.receive(notification(number))


async def what_was_accepted_is_claimed_whole(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store, 1)
        (sent,) = await store.claim_messages("a", NOW, LEASE, 10)
        (came,) = await store.claim_notifications("a", NOW, LEASE, 10)
        assert sent == QueuedMessage(**message().model_dump(), id=sent.id, deliveries=1)
        assert came == QueuedNotification(**notification().model_dump(), id=came.id, deliveries=1)
        assert await store.notification(came.id) == notification()
        await fault_of(store.notification(came.id + 1), NotFound)


async def the_same_is_accepted_once_even_after_delivery(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store, 1)
        await store.messages_delivered([row.id for row in await store.claim_messages("a", NOW, LEASE, 10)], NOW)
        async with store.transaction() as work:
            assert not await work.enqueue(message(), NOW)
            assert not await work.receive(notification(received_at=NOW + MINUTE))
            assert await work.receive(notification(status="PENDING"))
            assert await work.receive(notification(order_id="2026-000123-2"))
        assert await store.waiting() == {"outbox": 0, "inbox": 3}


async def a_claimed_row_is_nobody_elses_until_its_lease_lapses(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store, 1)
        for queue in (outbox_of(store), inbox_of(store)):
            assert len(await queue.claim("a", NOW, LEASE, 10)) == 1
            almost = NOW + LEASE - timedelta(microseconds=1)
            assert not await queue.claim("b", almost, LEASE, 10), "a claimed row was claimed again"
            (again,) = await queue.claim("b", NOW + LEASE, LEASE, 10)
            assert again.deliveries == 2


async def oldest_come_first_and_no_more_than_asked_for(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store, 7)
        for queue in (outbox_of(store), inbox_of(store)):
            batches = [[row.id for row in await queue.claim("a", NOW, LEASE, 3)] for _ in range(4)]
            assert [len(batch) for batch in batches] == [3, 3, 1, 0]
            ids = [row for batch in batches for row in batch]
            assert ids == sorted(ids)


async def workers_never_claim_the_same_row(open_store: OpenStore) -> None:
    async with opened(open_store) as store, opened(open_store) as other:
        await filled(store, 40)
        for queues in ((outbox_of(store), outbox_of(other)), (inbox_of(store), inbox_of(other))):

            async def drain(queue: Queue, worker: str) -> list[int]:
                mine: list[int] = []
                while (rows := await queue.claim(worker, NOW, LEASE, 3)) and len(mine) < 40:
                    mine += [row.id for row in rows]
                return mine

            claims = await asyncio.gather(*(drain(queues[n % 2], f"worker-{n}") for n in range(6)))
            ids = [row for mine in claims for row in mine]
            assert len(ids) == len(set(ids)) == 40


async def delivered_rows_are_gone_and_released_ones_wait(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store, 3)
        for queue in (outbox_of(store), inbox_of(store)):
            first, second, _ = [row.id for row in await queue.claim("a", NOW, LEASE, 10)]
            await queue.delivered([first], NOW)
            await queue.release([first, second], NOW + 5 * MINUTE)
            early = await queue.claim("b", NOW + MINUTE, LEASE, 10)
            assert second not in [row.id for row in early], "a released row came before its time"
            assert len(early) == 1
            late = await queue.claim("b", NOW + 5 * MINUTE, LEASE, 10)
            assert late[0].id == second
            assert first not in [row.id for row in late], "a delivered row came again"
        assert await store.waiting() == {"outbox": 2, "inbox": 2}


async def a_message_delivered_long_ago_may_be_armed_again(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store, 1)
        async with store.transaction() as work:
            assert not await work.rearm(message().key, NOW + MINUTE), "what waits needs no arming"
        (first,) = await store.claim_messages("a", NOW, LEASE, 10)
        await store.messages_delivered([first.id], NOW)
        async with store.transaction() as work:
            assert not await work.rearm(message().key, NOW)
            assert not await work.rearm("unknown", NOW + MINUTE)
            assert await work.rearm(message().key, NOW + MINUTE)
        (again,) = await store.claim_messages("b", NOW + LEASE, LEASE, 10)
        assert (again.key, again.deliveries) == (message().key, 2)


async def a_rolled_back_acceptance_is_not_delivered(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        try:
            async with store.transaction() as work:
                assert await work.enqueue(message(), NOW)
                raise _Stop
        except _Stop:
            pass
        assert await store.claim_messages("a", NOW, LEASE, 10) == ()
        assert await store.waiting() == {"outbox": 0, "inbox": 0}


async def empty_lists_of_ids_change_nothing(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store, 2)
        for queue in (outbox_of(store), inbox_of(store)):
            await queue.delivered([], NOW)
            await queue.release([], NOW + MINUTE)
            assert len(await queue.claim("a", NOW, LEASE, 10)) == 2


class _Stop(Exception):
    """Raised inside a transaction."""
