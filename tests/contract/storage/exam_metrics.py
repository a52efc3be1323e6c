"""Exam: figures for operators."""

from datetime import timedelta

from activities.reconciliation import CODE as DIFFERENCE
from invoicing.domain.metrics import Count
from invoicing.domain.reconciling import DifferenceKind
from invoicing.domain.records import (
    Alert,
    DeliveryStatus,
    Event,
    FailedTask,
    LogEntry,
    OutboxKind,
    OutboxMessage,
    TaskKind,
)
from invoicing.domain.state import InvoiceStatus, Parked, PaymentStatus, Step, parked
from invoicing.errors import Cause
from tests.contract.storage.exam_records import alert, delivery
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, document, opened, recorded, state

CASE = "2026-000123"


def counts(found: tuple[Count, ...]) -> dict[tuple[str, ...], int]:
    return {count.values: count.rows for count in found if count.rows}


def difference(key: str, kind: DifferenceKind) -> Alert:
    return alert(key, cause=Cause.PAYMENT, code=DIFFERENCE, opened_at=NOW + 3 * MINUTE, details={"kind": kind.value})


async def what_waits_is_counted_by_its_reasons(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        why = Parked(step=Step.INVOICE, cause=Cause.SETTINGS, code="issuer_not_ready", attempts=1)
        paid = {"status": PaymentStatus.COMPLETED}
        async with store.transaction() as work:
            for number in range(3):
                await work.record_case(document(f"m-{number}"), state(f"m-{number}"), NOW)
            first = (await work.facts("m-0")).state
            made = first.model_copy(
                update={
                    "payment": first.payment.model_copy(update=paid),
                    "invoice": first.invoice.model_copy(update={"status": InvoiceStatus.GENERATING}),
                }
            )
            await work.save(parked(made, why))
            second = (await work.facts("m-1")).state
            payment = second.payment.model_copy(update={"status": PaymentStatus.OPEN})
            await work.save(second.model_copy(update={"payment": payment}))
            await work.open_alert(alert("a", opened_at=NOW + MINUTE))
            await work.open_alert(alert("b", opened_at=NOW + 2 * MINUTE))
            await work.open_alert(alert("c"))
            await work.open_alert(difference("d", DifferenceKind.AMOUNT_DIFFERS))
            await work.open_alert(difference("e", DifferenceKind.REFUND_DIFFERS))
            await work.close_alerts(["c", "d"], NOW)
            await work.open_task(
                FailedTask(key="t", kind=TaskKind.EMAIL, case_id=CASE, code="mail_refused", opened_at=NOW)
            )
            await work.save_delivery(delivery(status=DeliveryStatus.FAILED))
            await work.save_delivery(delivery(message_id="sent", status=DeliveryStatus.SENT))
            for number in range(2):
                key = f"start:{number}"
                message = OutboxMessage(key=key, kind=OutboxKind.START, case_id=CASE)
                await work.enqueue(message, NOW + number * MINUTE)
        await store.acknowledge((await store.alerts(open_only=True, after_id=0, limit=9))[-1].id, "ops", NOW)
        await store.seen("host:1", "worker", NOW, NOW)
        await store.seen("host:2", "worker", NOW, NOW - MINUTE)
        found = await store.figures(NOW - timedelta(seconds=30))
        states = counts(await store.states())
    assert states == {("none", "none"): 2, ("open", "none"): 1, ("completed", "failed"): 1}
    assert counts(found.unsettled) == {("open",): 1}
    assert counts(found.uninvoiced) == {("failed",): 1}
    assert counts(found.parked) == {("generate_invoice", "settings"): 1}
    told = ("connectivity", "gateway_unreachable")
    differs = ("payment", DIFFERENCE, "no")
    assert counts(found.alerts) == {(*told, "yes"): 1, (*told, "no"): 1, differs: 1}
    assert counts(found.differences) == {("refund_differs",): 1}
    assert found.unseen_since == NOW + 2 * MINUTE
    assert counts(found.tasks) == {(TaskKind.EMAIL.value,): 1}
    assert counts(found.mails) == {("failed",): 1}
    assert counts(found.waiting) == {("outbox",): 2}
    assert found.oldest == {"outbox": NOW}
    assert counts(found.processes) == {("worker",): 1}


async def a_figure_of_nothing_is_told_as_nothing(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        found = await store.figures(NOW)
    assert (found.oldest, found.unseen_since, found.parked, found.alerts) == ({}, None, (), ())
    assert {count.values for count in found.unsettled} == {("open",), ("failed",)}
    assert {count.values for count in found.waiting} == {("outbox",), ("inbox",)}


async def lines_of_the_log_are_told_once_and_only_those_that_have_settled(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)

        async def log(minutes: int, **changes: object) -> None:
            fields = {"case_id": CASE, "event": Event.PARKED, "at": NOW + minutes * MINUTE, **changes}
            async with store.transaction() as work:
                await work.log(LogEntry.model_validate(fields))

        await log(0)
        begun = await store.told(None, NOW + MINUTE)
        assert begun.lines == ()
        await log(1, step=Step.INVOICE, cause=Cause.SETTINGS)
        await log(1, step=Step.INVOICE, cause=Cause.SETTINGS)
        await log(1, event=Event.COMPLETED)
        await log(9)
        first = await store.told(begun.upto, NOW + 5 * MINUTE)
        again = await store.told(first.upto, NOW + 5 * MINUTE)
        last = await store.told(again.upto, NOW + 10 * MINUTE)
    assert counts(first.lines) == {("parked", "generate_invoice", "settings"): 2, ("completed", "", ""): 1}
    assert counts(again.lines) == {}
    assert counts(last.lines) == {("parked", "", ""): 1}
