"""Exam: lists of activity, mails, failed tasks and notices, page by page; what people tick off in them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from invoicing.domain.invoices import Fact
from invoicing.domain.records import (
    Delivery,
    DeliveryStatus,
    EmailQuery,
    Event,
    FailedTask,
    LogEntry,
    LogQuery,
    MailKind,
    Notice,
    StoredDelivery,
    StoredLogEntry,
    StoredNotice,
    StoredTask,
    TaskKind,
)
from invoicing.domain.state import (
    Step,
)
from invoicing.errors import Cause, NotFound
from tests.contract.storage.exam_records import CASE, alert
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, fault_of, opened, recorded

HUGE = 10**30
"""No column holds it, but somebody may send it as a cursor or in an address."""
Row = TypeVar("Row", bound=Fact)


def entry(number: int, **changes: object) -> LogEntry:
    fields: dict[str, object] = {"case_id": CASE, "event": Event.PAYMENT_OPENED, "at": NOW + number * MINUTE}
    return LogEntry.model_validate({**fields, **changes})


ENTRIES = (
    entry(0, details={"ż": "\x00ó"}),
    entry(1, event=Event.STEP_FAILED, cause=Cause.CONNECTIVITY, step=Step.INVOICE, attempt=1, code="x"),
    entry(2, event=Event.PAYMENT_DUPLICATE, case_id="other"),
    entry(3, event=Event.STEP_FAILED, cause=Cause.LIMIT, step=Step.EMAIL, case_id="other"),
    entry(4, event=Event.NOTIFICATION_REJECTED, case_id=None, cause=Cause.PAYMENT),
    entry(5, event=Event.COMPLETED),
)


async def activity_is_chosen_by_case_event_cause_step_and_time(open_store: OpenStore) -> None:
    chosen: list[tuple[dict[str, object], list[int]]] = [
        ({}, [5, 4, 3, 2, 1, 0]),
        ({"case_id": CASE}, [5, 1, 0]),
        ({"case_id": "nobody"}, []),
        ({"event": Event.STEP_FAILED}, [3, 1]),
        ({"event": Event.PAYMENT_OPENED}, [0]),
        ({"event": Event.COMPLETED, "case_id": "other"}, []),
        ({"cause": Cause.LIMIT}, [3]),
        ({"cause": Cause.SETTINGS}, []),
        ({"step": Step.INVOICE}, [1]),
        ({"event": Event.STEP_FAILED, "cause": Cause.CONNECTIVITY, "case_id": CASE}, [1]),
        ({"since": NOW + MINUTE, "until": NOW + 3 * MINUTE}, [2, 1]),
        ({"limit": 2}, [5, 4]),
        ({"after_id": HUGE, "limit": 1}, [5]),
    ]
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.log(*ENTRIES)
        for query, expected in chosen:
            found = await store.activity(LogQuery.model_validate(query))
            assert (query, [_plain(row, LogEntry) for row in found]) == (query, [ENTRIES[n] for n in expected])


async def activity_turns_pages_and_lines_written_meanwhile_move_nothing(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.log(*ENTRIES)

        async def turn(after: int) -> tuple[StoredLogEntry, ...]:
            async with store.transaction() as work:
                await work.log(entry(9), entry(9, event=Event.STEP_FAILED, cause=Cause.LIMIT))
            return await store.activity(LogQuery(after_id=after, limit=2))

        first = await store.activity(LogQuery(limit=2))
        pages = await _rest(first, turn)
        assert [_plain(row, LogEntry) for row in pages] == list(ENTRIES[::-1])


def delivery(number: int, status: DeliveryStatus, **changes: object) -> Delivery:
    fields: dict[str, object] = {
        "message_id": f"m{number}@example.com",
        "case_id": CASE,
        "kind": MailKind.INVOICE,
        "recipient": "anna@example.com",
        "status": status,
        "created_at": NOW + number * MINUTE,
        "updated_at": NOW + number * MINUTE,
    }
    return Delivery.model_validate({**fields, **changes})


async def emails_are_chosen_by_case_status_and_time(open_store: OpenStore) -> None:
    mails = (*(delivery(n, status) for n, status in enumerate(DeliveryStatus)), delivery(5, DeliveryStatus.SENT))
    mails = (*mails[:-1], mails[-1].model_copy(update={"case_id": "other"}))
    async with opened(open_store) as store:
        await recorded(store, CASE, "other")
        async with store.transaction() as work:
            for mail in mails:
                await work.save_delivery(mail)
        chosen: list[tuple[dict[str, object], list[int]]] = [
            ({}, [5, 4, 3, 2, 1, 0]),
            ({"case_id": CASE}, [4, 3, 2, 1, 0]),
            ({"case_id": "other", "status": DeliveryStatus.SENT}, [5]),
            ({"case_id": "other", "status": DeliveryStatus.FAILED}, []),
            ({"status": DeliveryStatus.SENDING}, [0]),
            ({"status": DeliveryStatus.WAITING}, [1]),
            ({"status": DeliveryStatus.SENT}, [5, 2]),
            ({"status": DeliveryStatus.FAILED}, [3]),
            ({"status": DeliveryStatus.UNKNOWN, "case_id": CASE}, [4]),
            ({"since": NOW + MINUTE, "until": NOW + 3 * MINUTE}, [2, 1]),
            ({"after_id": HUGE, "limit": 1}, [5]),
        ]
        for query, expected in chosen:
            found = await store.emails(EmailQuery.model_validate(query))
            assert (query, [_plain(row, Delivery) for row in found]) == (query, [mails[n] for n in expected])


async def a_mail_keeps_its_place_in_the_log_when_its_status_changes(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        for status in (DeliveryStatus.SENDING, DeliveryStatus.WAITING, DeliveryStatus.SENT):
            async with store.transaction() as work:
                for number in range(5):
                    await work.save_delivery(delivery(number, status))
        changed = iter(range(5))

        async def turn(after: int) -> tuple[StoredDelivery, ...]:
            async with store.transaction() as work:
                await work.save_delivery(delivery(next(changed), DeliveryStatus.UNKNOWN))
            return await store.emails(EmailQuery(after_id=after, limit=2))

        found = await _rest(await store.emails(EmailQuery(limit=2)), turn)
        assert [row.message_id[:2] for row in found] == ["m4", "m3", "m2", "m1", "m0"]


async def failed_tasks_are_the_open_ones_by_kind(open_store: OpenStore) -> None:
    kinds = [TaskKind.EMAIL, TaskKind.REFUND, TaskKind.EMAIL, TaskKind.INVOICE, TaskKind.EMAIL, TaskKind.EMAIL]
    tasks = [FailedTask(key=f"t{n}", kind=kind, case_id=CASE, code="x", opened_at=NOW) for n, kind in enumerate(kinds)]
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            for task in tasks:
                await work.open_task(task)
            await work.close_task("t2", NOW)
        every = await store.failed_tasks(None, 0, 10)
        assert [_plain(row, FailedTask) for row in every] == [tasks[n] for n in (5, 4, 3, 1, 0)]
        assert {row.closed_at for row in every} == {None}
        assert await store.failed_tasks(TaskKind.NOTIFICATION, 0, 10) == ()

        async def turn(after: int) -> tuple[StoredTask, ...]:
            async with store.transaction() as work:
                await work.close_task("t5", NOW)
                await work.open_task(tasks[2].model_copy(update={"key": f"later-{after}"}))
            return await store.failed_tasks(TaskKind.EMAIL, after, 1)

        found = await _rest(await store.failed_tasks(TaskKind.EMAIL, 0, 1), turn)
        assert [row.key for row in found] == ["t5", "t4", "t0"]
        assert len(await store.failed_tasks(None, HUGE, 100)) == 7


def notice(number: int, expert_id: str = "exp-1") -> Notice:
    return Notice(
        key=f"{expert_id}:{number}",
        expert_id=expert_id,
        case_id=CASE,
        kind=MailKind.EXPERT_FAILED,
        created_at=NOW + number * MINUTE,
    )


async def notices_are_an_experts_own_newest_first(open_store: OpenStore) -> None:
    mine = [notice(n) for n in range(5)]
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            for one in mine:
                await work.add_notice(one)
                await work.add_notice(notice(int(one.key[-1]), "exp-2"))

        async def turn(after: int) -> tuple[StoredNotice, ...]:
            async with store.transaction() as work:
                await work.add_notice(notice(100 + after))
            return await store.notices("exp-1", after, 2)

        found = await _rest(await store.notices("exp-1", 0, 2), turn)
        assert [_plain(row, Notice) for row in found] == mine[::-1]
        assert {row.read_at for row in found} == {None}
        assert await store.notices("nobody", 0, 10) == ()
        assert len(await store.notices("exp-2", HUGE, 10)) == 5


async def a_notice_is_read_once_and_only_by_its_expert(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            for number in range(3):
                await work.add_notice(notice(number))
            await work.add_notice(notice(0, "exp-2"))
        assert [await store.unread(name) for name in ("exp-1", "exp-2", "nobody")] == [3, 1, 0]
        newest = (await store.notices("exp-1", 0, 1))[0]
        assert not await store.read_notice("exp-2", newest.id, NOW)
        assert not await store.read_notice("exp-1", HUGE, NOW)
        assert await store.unread("exp-1") == 3
        assert await store.read_notice("exp-1", newest.id, NOW + MINUTE)
        assert await store.read_notice("exp-1", newest.id, NOW + 2 * MINUTE)
        assert await store.unread("exp-1") == 2
        assert [row.read_at for row in await store.notices("exp-1", 0, 3)] == [NOW + MINUTE, None, None]


async def an_alert_is_acknowledged_once(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.open_alert(alert())
            await work.open_alert(alert("other"))
        other, mine = await store.alerts(open_only=True, after_id=0, limit=10)
        first = await store.acknowledge(mine.id, "ops:Ewa", NOW)
        assert first == mine.model_copy(update={"acknowledged_at": NOW, "acknowledged_by": "ops:Ewa"})
        assert await store.acknowledge(mine.id, "ops:Jan", NOW + MINUTE) == first
        assert await store.alerts(open_only=True, after_id=0, limit=10) == (other, first)
        for unknown in (mine.id + 1000, 0, -1, HUGE):
            assert (await fault_of(store.acknowledge(unknown, "ops", NOW), NotFound)).code == "alert_unknown"
        async with store.transaction() as work:
            await work.close_alerts([alert().key], NOW + MINUTE)
            assert await work.open_alert(alert())
        again, _, closed = await store.alerts(open_only=False, after_id=HUGE, limit=10)
        assert (again.acknowledged_by, closed.acknowledged_by, closed.closed_at) == (None, "ops:Ewa", NOW + MINUTE)


async def an_acknowledged_alert_stays_so_while_its_failure_repeats_and_a_later_one_is_another(
    open_store: OpenStore,
) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.open_alert(alert())
        (mine,) = await store.alerts(open_only=True, after_id=0, limit=10)
        seen = await store.acknowledge(mine.id, "ops:Ewa", NOW)
        for n in range(3):
            async with store.transaction() as work:
                assert not await work.open_alert(alert(code="issuer_unreachable", opened_at=NOW + n * MINUTE))
        assert await store.alerts(open_only=False, after_id=0, limit=10) == (seen,)
        async with store.transaction() as work:
            assert await work.close_alerts_of(CASE, {"issuer_unreachable"}, NOW) == 0
            assert await work.close_alerts_of(CASE, {alert().code}, NOW + 4 * MINUTE) == 1
            assert await work.open_alert(alert(opened_at=NOW + 5 * MINUTE))
        later, over = await store.alerts(open_only=False, after_id=0, limit=10)
        assert over == seen.model_copy(update={"closed_at": NOW + 4 * MINUTE})
        assert (later.opened_at, later.acknowledged_by, later.closed_at) == (NOW + 5 * MINUTE, None, None)


async def acknowledging_ends_what_no_record_would_end_and_nothing_that_waits_for_a_decision(
    open_store: OpenStore,
) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        by_hand = {"code": "mail_refused", "step": Step.EMAIL}
        parked = alert("parked:case:charge", code="payment_not_verified")
        async with store.transaction() as work:
            for one in (alert("mail:1", **by_hand), alert("mail:2", **by_hand), parked):
                await work.open_alert(one)
                await work.open_task(
                    FailedTask(key=one.key, kind=TaskKind.EMAIL, case_id=CASE, code=one.code, opened_at=NOW)
                )
        waiting, other, mine = await store.alerts(open_only=True, after_id=0, limit=10)
        for one in (mine, waiting):
            await store.acknowledge(one.id, "ops:Ewa", NOW + MINUTE)
            await store.acknowledge(one.id, "ops:Jan", NOW + 2 * MINUTE)
        found = await store.alerts(open_only=False, after_id=0, limit=10)
        assert [(one.id, one.acknowledged_by, one.closed_at) for one in found] == [
            (waiting.id, "ops:Ewa", None),
            (other.id, None, None),
            (mine.id, "ops:Ewa", NOW + MINUTE),
        ]
        assert {task.key for task in await store.failed_tasks(None, 0, 10)} == {"mail:2", parked.key}
        (line,) = await store.timeline(CASE)
        assert (line.event, line.at, line.code, line.actor) == (
            Event.ALERT_CLOSED, NOW + MINUTE, "mail_refused", "ops:Ewa",
        )  # fmt: skip


async def of_many_who_acknowledge_at_once_one_is_named(open_store: OpenStore) -> None:
    async with opened(open_store) as store, opened(open_store) as other:
        async with store.transaction() as work:
            await work.open_alert(alert())
        (mine,) = await store.alerts(open_only=True, after_id=0, limit=10)
        calls = ((store, other)[n % 2].acknowledge(mine.id, f"ops:{n}", NOW) for n in range(6))
        assert len({done.acknowledged_by for done in await asyncio.gather(*calls)}) == 1


Stored = TypeVar("Stored", StoredLogEntry, StoredDelivery, StoredTask, StoredNotice)


async def _rest(first: tuple[Stored, ...], turn: Callable[[int], Awaitable[tuple[Stored, ...]]]) -> tuple[Stored, ...]:
    """Every page, the first one being read already; ids fall all the way."""
    rows = first
    while page := await turn(rows[-1].id):
        rows += page
    assert [row.id for row in rows] == sorted({row.id for row in rows}, reverse=True)
    return rows


def _plain(row: Fact, model: type[Row]) -> Row:
    """A listed row as it was written."""
    return model.model_validate(row.model_dump())
