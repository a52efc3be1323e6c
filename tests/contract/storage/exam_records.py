"""Exam: mail, notices, activity log, alerts, failed lists, signs of life, schema."""

import asyncio
from datetime import UTC, timedelta

from invoicing.domain.records import (
    Alert,
    Delivery,
    DeliveryStatus,
    Event,
    FailedTask,
    LogEntry,
    LogQuery,
    MailKind,
    Notice,
    TaskKind,
    WorkerSeen,
)
from invoicing.domain.state import Step
from invoicing.errors import Cause, DataFault
from invoicing.storage.schema import REVISION
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, fault_of, opened, recorded

CASE = "2026-000123"


def alert(key: str = "charge:2026-000123", **changes: object) -> Alert:
    fields: dict[str, object] = {
        "key": key,
        "case_id": CASE,
        "step": Step.CHARGE,
        "cause": Cause.CONNECTIVITY,
        "code": "gateway_unreachable",
        "opened_at": NOW,
        "details": {"service": "100001", "reason": "zażółć"},
    }
    return Alert.model_validate({**fields, **changes})


def delivery(**changes: object) -> Delivery:
    fields: dict[str, object] = {
        "message_id": "case.invoice.1@example.com",
        "case_id": CASE,
        "kind": MailKind.INVOICE,
        "recipient": "faktury@example.com",
        "status": DeliveryStatus.SENDING,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Delivery.model_validate({**fields, **changes})


async def a_delivery_is_one_row_that_is_replaced(open_store: OpenStore) -> None:
    sent = delivery(status=DeliveryStatus.SENT, tries=2, doubtful=1, code="250", updated_at=NOW + MINUTE)
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.delivery(sent.message_id) is None
            await work.save_delivery(delivery())
            assert await work.delivery(sent.message_id) == delivery()
            await work.save_delivery(sent)
        async with store.reading() as work:
            assert await work.delivery(sent.message_id) == sent


async def a_recipient_with_nul_is_refused_and_not_quoted(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            fault = await fault_of(work.save_delivery(delivery(recipient="anna\x00@example.com")), DataFault)
            assert "anna" not in f"{fault} {fault.__cause__}"
            await work.save_delivery(delivery())
        async with store.reading() as work:
            assert await work.delivery(delivery().message_id) == delivery()


async def a_notice_is_delivered_once(open_store: OpenStore) -> None:
    notice = Notice(key="k", expert_id="exp-1", case_id=CASE, kind=MailKind.EXPERT_FAILED, created_at=NOW)
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.add_notice(notice)
            assert not await work.add_notice(notice)
        async with store.transaction() as work:
            assert not await work.add_notice(notice)
            assert await work.add_notice(notice.model_copy(update={"key": "k2"}))


async def the_timeline_tells_by_time_what_was_logged_and_in_order_what_was_at_once(open_store: OpenStore) -> None:
    full = LogEntry(
        case_id=CASE,
        event=Event.STEP_FAILED,
        at=NOW - MINUTE,
        step=Step.INVOICE,
        attempt=3,
        cause=Cause.INTERNAL,
        code="internal",
        actor="ops",
        details={"a": "1", "ż": "\x00ó"},
    )
    first, again, foreign = (
        LogEntry(case_id=CASE, event=Event.CASE_RECORDED, at=NOW),
        LogEntry(case_id=CASE, event=Event.PAYMENT_REQUESTED, at=NOW),
        LogEntry(case_id=None, event=Event.NOTIFICATION_REJECTED, at=NOW),
    )
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.log()
            await work.log(first, foreign, again)
        async with store.transaction() as work:
            await work.log(full)
        # `full` was written later and happened before
        assert await store.timeline(CASE) == (full, first, again)
        assert await store.timeline("other") == ()


async def an_alert_is_open_once_and_opens_again_after_it_was_closed(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            assert await work.open_alert(alert())
            assert not await work.open_alert(alert(code="other"))
            assert await work.open_alert(alert("other"))
            assert await work.close_alerts([alert().key, "unknown"], NOW + MINUTE) == 1
            assert await work.close_alerts([alert().key], NOW + MINUTE) == 0
            assert await work.close_alerts([], NOW) == 0
        async with store.transaction() as work:
            assert await work.open_alert(alert(opened_at=NOW + MINUTE))
        newest, other, oldest = await store.alerts(open_only=False, after_id=0, limit=10)
        assert (oldest.closed_at, oldest.code, oldest.details) == (NOW + MINUTE, alert().code, alert().details)
        assert (newest.closed_at, newest.opened_at, other.key) == (None, NOW + MINUTE, "other")
        assert (newest.acknowledged_at, newest.acknowledged_by) == (None, None)
        assert [row.id for row in await store.alerts(open_only=True, after_id=0, limit=10)] == [newest.id, other.id]


async def alerts_are_read_page_by_page(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            for number in range(5):
                await work.open_alert(alert(f"key-{number}", case_id=None, step=None))
        seen: list[str] = []
        after = 0
        while page := await store.alerts(open_only=True, after_id=after, limit=2):
            seen += [row.key for row in page]
            after = page[-1].id
        assert seen == ["key-4", "key-3", "key-2", "key-1", "key-0"]


async def many_openers_open_one_alert(open_store: OpenStore) -> None:
    async with opened(open_store) as store:

        async def press() -> bool:
            async with store.transaction() as work:
                return await work.open_alert(alert())

        assert sum(await asyncio.gather(*(press() for _ in range(6)))) == 1


async def a_failed_task_is_open_once(open_store: OpenStore) -> None:
    task = FailedTask(key="t", kind=TaskKind.EMAIL, case_id=CASE, code="mail_refused", opened_at=NOW)
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.open_task(task)
            assert not await work.open_task(task)
            assert await work.close_task("t", NOW)
            assert not await work.close_task("t", NOW)
            assert not await work.close_task("unknown", NOW)
            assert await work.open_task(task)


async def a_failed_list_tells_what_is_open_of_a_case_newest_first(open_store: OpenStore) -> None:
    task = FailedTask(key="a", kind=TaskKind.NOTIFICATION, case_id=CASE, code="mail_refused", opened_at=NOW)
    later = task.model_copy(update={"key": "b", "opened_at": NOW + MINUTE})
    async with opened(open_store) as store:
        await recorded(store, CASE, "other")
        async with store.transaction() as work:
            for one in (
                task,
                later,
                task.model_copy(update={"key": "closed"}),
                task.model_copy(update={"key": "mail", "kind": TaskKind.EMAIL}),
                task.model_copy(update={"key": "foreign", "case_id": "other"}),
            ):
                await work.open_task(one)
            await work.close_task("closed", NOW)
            assert await work.open_tasks(CASE, TaskKind.NOTIFICATION) == (later, task)
        async with store.reading() as work:
            assert await work.open_tasks(CASE, TaskKind.REFUND) == ()


async def processes_give_signs_of_life(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await store.seen("host-1", "worker", NOW, NOW)
        await store.seen("host-2", "api", NOW, NOW + MINUTE)
        await store.seen("host-1", "worker", NOW, NOW + 2 * MINUTE)
        workers = await store.workers()
        assert workers == (
            WorkerSeen(name="host-1", role="worker", started_at=NOW, seen_at=NOW + 2 * MINUTE),
            WorkerSeen(name="host-2", role="api", started_at=NOW, seen_at=NOW + MINUTE),
        )
        assert workers[0].seen_at.utcoffset() == timedelta(0)
        assert workers[0].seen_at.tzinfo is UTC


async def processes_that_have_long_been_silent_are_forgotten_and_no_other(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        for minutes, name in enumerate(("long-gone", "gone", "last", "alive")):
            await store.seen(name, "worker", NOW, NOW + minutes * MINUTE)
        async with store.transaction() as work:
            await work.log(LogEntry(case_id=None, event=Event.ISSUER_SHUT, at=NOW, details={"by": "long-gone"}))
            await work.open_alert(alert(details={"by": "gone"}))
        assert await store.forget_processes(NOW + 2 * MINUTE) == 2
        assert await store.forget_processes(NOW + 2 * MINUTE) == 0
        assert [process.name for process in await store.workers()] == ["alive", "last"]
        (line,) = await store.activity(LogQuery())
        (told,) = await store.alerts(open_only=True, after_id=0, limit=5)
        assert (line.details, told.details) == ({"by": "long-gone"}, {"by": "gone"})
        await store.seen("gone", "worker", NOW, NOW + 9 * MINUTE)
        assert [process.name for process in await store.workers()] == ["gone", "alive", "last"]


async def a_ping_tells_the_schemas_revision(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        assert await store.ping() == REVISION
