"""Exam: alerts and failed tasks by what they say, alerts grouped by cause, lines of the log by process."""

from invoicing.domain.processes import Process
from invoicing.domain.records import AlertQuery, Event, FailedTask, LogEntry, LogQuery, TaskKind, TaskQuery
from invoicing.domain.state import Step
from invoicing.errors import Cause
from tests.contract.storage.exam_records import CASE, alert
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, opened, recorded

PAYMENT = Cause.PAYMENT
ALERTS = (
    alert("a0", code="issuer_settings", cause=Cause.SETTINGS, step=Step.INVOICE, opened_at=NOW),
    alert("a1", code="gateway_unreachable", cause=Cause.CONNECTIVITY, step=Step.CHARGE, opened_at=NOW + MINUTE),
    alert("a2", code="issuer_unreachable", cause=Cause.CONNECTIVITY, step=Step.INVOICE, case_id="other",
          opened_at=NOW + 2 * MINUTE),
    alert("a3", code="issuer_unreachable", cause=Cause.CONNECTIVITY, step=Step.INVOICE, opened_at=NOW + 3 * MINUTE),
    alert("a4", code="notification_rejected", cause=Cause.PAYMENT, case_id=None, opened_at=NOW + 4 * MINUTE),
)  # fmt: skip


async def alerts_are_chosen_by_what_they_say_and_grouped_by_cause(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            for one in ALERTS:
                await work.open_alert(one)
            assert await work.close_alerts(["a1"], NOW + 9 * MINUTE) == 1
        newest = (await store.alert_list(AlertQuery(code="issuer_unreachable")))[0]
        await store.acknowledge(newest.id, "ops", NOW + 9 * MINUTE)
        chosen: list[tuple[dict[str, object], list[str]]] = [
            ({}, ["a4", "a3", "a2", "a1", "a0"]),
            ({"open": True}, ["a4", "a3", "a2", "a0"]),
            ({"open": False}, ["a1"]),
            ({"acknowledged": True}, ["a3"]),
            ({"acknowledged": False, "open": True}, ["a4", "a2", "a0"]),
            ({"cause": Cause.CONNECTIVITY}, ["a3", "a2", "a1"]),
            ({"code": "issuer_unreachable", "case_id": CASE}, ["a3"]),
            ({"step": Step.CHARGE}, ["a4", "a1"]),
            ({"since": NOW + MINUTE, "until": NOW + 3 * MINUTE}, ["a2", "a1"]),
            ({"limit": 2}, ["a4", "a3"]),
            ({"after_id": newest.id, "limit": 2}, ["a2", "a1"]),
        ]
        for query, expected in chosen:
            found = await store.alert_list(AlertQuery.model_validate(query))
            assert (query, [one.key for one in found]) == (query, expected)
        groups = await store.alert_groups()
        assert [(one.cause, one.code, one.open, one.acknowledged) for one in groups] == [
            (Cause.CONNECTIVITY, "issuer_unreachable", 2, 1),
            (Cause.PAYMENT, "notification_rejected", 1, 0),
            (Cause.SETTINGS, "issuer_settings", 1, 0),
        ]
        assert (groups[0].oldest_at, groups[0].newest_at) == (NOW + 2 * MINUTE, NOW + 3 * MINUTE)


async def alerts_of_a_case_are_closed_by_their_codes(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            for one in ALERTS:
                await work.open_alert(one)
            assert await work.close_alerts_of(CASE, {"issuer_unreachable", "issuer_settings", "internal"}, NOW) == 2
            assert await work.close_alerts_of(CASE, {"issuer_unreachable"}, NOW) == 0
            assert await work.close_alerts_of(CASE, frozenset(), NOW) == 0
        still = await store.alert_list(AlertQuery(open=True))
        assert [one.key for one in still] == ["a4", "a2", "a1"]


async def what_no_record_shows_as_cured_is_closed_by_acknowledging_it(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            for one in ALERTS:
                await work.open_alert(one)
        found = {one.key: await store.acknowledge(one.id, "ops", NOW) for one in await store.alert_list(AlertQuery())}
        assert {key: one.closed_at is not None for key, one in found.items()} == {
            "a0": False, "a1": False, "a2": False, "a3": False, "a4": True,
        }  # fmt: skip


async def failed_tasks_are_chosen_by_kind_case_code_state_and_time(open_store: OpenStore) -> None:
    kinds = (TaskKind.EMAIL, TaskKind.REFUND, TaskKind.EMAIL, TaskKind.INVOICE)
    tasks = [
        FailedTask(key=f"t{n}", kind=kind, case_id=CASE if n else "other", code=f"c{n % 2}", opened_at=NOW + n * MINUTE)
        for n, kind in enumerate(kinds)
    ]
    async with opened(open_store) as store:
        await recorded(store, CASE, "other")
        async with store.transaction() as work:
            for task in tasks:
                await work.open_task(task)
            await work.close_task("t2", NOW)
        chosen: list[tuple[dict[str, object], list[str]]] = [
            ({}, ["t3", "t1", "t0"]),
            ({"open": None}, ["t3", "t2", "t1", "t0"]),
            ({"open": False}, ["t2"]),
            ({"kind": TaskKind.EMAIL}, ["t0"]),
            ({"case_id": "other"}, ["t0"]),
            ({"code": "c1"}, ["t3", "t1"]),
            ({"since": NOW + MINUTE, "until": NOW + 3 * MINUTE}, ["t1"]),
            ({"limit": 1}, ["t3"]),
        ]
        for query, expected in chosen:
            found = await store.task_list(TaskQuery.model_validate(query))
            assert (query, [one.key for one in found]) == (query, expected)


async def lines_of_the_log_are_chosen_by_process_code_actor_and_failure(open_store: OpenStore) -> None:
    lines = (
        LogEntry(case_id=CASE, event=Event.PAYMENT_OPENED, at=NOW, step=Step.CHARGE),
        LogEntry(
            case_id=CASE, event=Event.ATTEMPT_FAILED, at=NOW, step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="x"
        ),
        LogEntry(
            case_id=CASE, event=Event.REFUND_ATTEMPT_FAILED, at=NOW, step=Step.CHARGE, cause=Cause.LIMIT, code="y"
        ),
        LogEntry(case_id=CASE, event=Event.MAIL_FAILED, at=NOW, step=Step.NOTIFY, cause=Cause.SETTINGS, code="x"),
        LogEntry(case_id=CASE, event=Event.STEP_FAILED, at=NOW, cause=Cause.INTERNAL, code="z", actor="ola"),
        LogEntry(case_id=CASE, event=Event.INVOICE_MAILED, at=NOW, step=Step.EMAIL),
    )
    chosen: list[tuple[dict[str, object], list[int]]] = [
        ({"process": Process.PAYMENT}, [0]),
        ({"process": Process.INVOICE}, [1]),
        ({"process": Process.REFUND}, [2]),
        ({"process": Process.NOTIFICATION}, [3]),
        ({"process": Process.DECISION}, [4]),
        ({"process": Process.EMAIL}, [5]),
        ({"process": Process.CASE}, []),
        ({"failed": True}, [4, 3, 2, 1]),
        ({"code": "x"}, [3, 1]),
        ({"actor": "ola"}, [4]),
    ]
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.log(*lines)
        for query, expected in chosen:
            found = await store.activity(LogQuery.model_validate(query))
            assert (query, [LogEntry.model_validate(row.model_dump(exclude={"id"})) for row in found]) == (
                query, [lines[n] for n in expected],
            )  # fmt: skip
