"""Exam: what is handed over again when Temporal has lost its runs."""

from collections.abc import Mapping
from datetime import timedelta

from invoicing.domain.decisions import DecisionKind, Refund, RefundStatus
from invoicing.domain.records import DeliveryStatus, OutboxKind, OutboxMessage
from invoicing.domain.state import CaseState, InvoiceState, InvoiceStatus, PaymentState, PaymentStatus
from invoicing.ports import CaseStore, UnitOfWork, utc_now
from tests.contract.storage.exam_queue import notification
from tests.contract.storage.exam_records import delivery
from tests.contract.storage.samples import NOW, OpenStore, document, opened, state

LEASE = timedelta(seconds=30)
DAY = timedelta(days=1)
PAID = PaymentState(status=PaymentStatus.COMPLETED)
DONE = {"payment": PAID, "invoice": InvoiceState(status=InvoiceStatus.AVAILABLE), "expert_told": True, "closed": True}
GIVEN_UP = {"payment": PAID, "invoice": InvoiceState(status=InvoiceStatus.FAILED), "closed": True}


async def case(work: UnitOfWork, case_id: str, **changes: object) -> CaseState:
    await work.record_case(document(case_id), state(case_id), NOW)
    return await work.save((await work.facts(case_id)).state.model_copy(update=changes))


async def said(work: UnitOfWork, key: str, kind: OutboxKind, case_id: str, number: int = 0) -> None:
    body: dict[str, str | int] = {"number": number} if number else {}
    await work.enqueue(OutboxMessage(key=key, kind=kind, case_id=case_id, body=body), NOW)


async def decided(work: UnitOfWork, case_id: str, *kinds: DecisionKind) -> None:
    for kind in kinds:
        key = f"{case_id}:{kind.value}"
        made, _ = await work.decide(case_id, kind, key, "ops", {}, NOW)
        await said(work, f"decision:{case_id}:{made.number}", OutboxKind.DECISION, case_id, made.number)


async def delivered(store: CaseStore) -> None:
    rows = await store.claim_messages("w", NOW, LEASE, 1000)
    await store.messages_delivered([row.id for row in rows], NOW)
    messages = await store.claim_notifications("w", NOW, LEASE, 1000)
    await store.notifications_delivered([row.id for row in messages], NOW)


async def again(store: CaseStore, since_days: int = 0) -> tuple[Mapping[str, int], list[str]]:
    """What is told, and the keys that a relay claims at once."""
    later = NOW + 30 * DAY
    told = await store.rearm_open(later, NOW - DAY if since_days else later)
    return told, [row.key for row in await store.claim_messages("w", later, LEASE, 1000)]


async def open_cases_start_again_with_their_newest_wish_and_decision(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await case(work, "open", payment=PaymentState(status=PaymentStatus.OPEN))
            await case(work, "priced")
            for number in (1, 2):
                await said(work, f"pay:open:{number}", OutboxKind.PAYMENT_REQUESTED, "open")
            await decided(work, "open", DecisionKind.GIVE_UP, DecisionKind.CHECK_PAYMENT_NOW)
            await work.receive(notification(case_id="open"))
        await delivered(store)
        told, keys = await again(store)
        assert keys == ["pay:open:2", "decision:open:2"]
        assert told == {"starts": 1, "decisions": 1, "messages": 1}
        assert len(await store.claim_notifications("w", NOW + 30 * DAY, LEASE, 9)) == 1


async def what_has_not_been_delivered_yet_stays_where_it_is(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await case(work, "open")
            await said(work, "start:open", OutboxKind.START, "open")
        told = await store.rearm_open(NOW, NOW)
        assert (told["starts"], (await store.waiting())["outbox"]) == (0, 1)


async def done_cases_stay_unless_something_of_them_may_be_under_way(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            for case_id in ("done", "mailing", "refunding"):
                await case(work, case_id, **DONE)
                await said(work, f"start:{case_id}", OutboxKind.START, case_id)
            await work.save_delivery(delivery(case_id="mailing", status=DeliveryStatus.WAITING))
            await decided(work, "done", DecisionKind.RESEND_INVOICE)
            await decided(work, "refunding", DecisionKind.REFUND, DecisionKind.RESEND_INVOICE)
            await work.save_refund(
                Refund(
                    case_id="refunding", number=1, service_id="100001", remote_id="9A", message_id="m" * 32,
                    amount=state().gross, currency="PLN", kept=True, status=RefundStatus.QUEUED, requested_at=NOW,
                )
            )  # fmt: skip
        await _touch(store)
        await delivered(store)
        _, keys = await again(store)
        assert keys == ["start:mailing", "decision:refunding:1", "decision:refunding:2"]
        await delivered(store)
        _, keys = await again(store, since_days=1)
        assert "decision:done:1" in keys


async def _touch(store: CaseStore) -> None:
    """A case that was written so much later that the others were done long before; their times are the store's own."""
    async with store.transaction() as work:
        await work.record_case(document("newest"), state("newest"), utc_now() + DAY)


async def a_case_given_up_stays_and_one_reopened_starts(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            for case_id in ("given", "reopened"):
                await case(work, case_id, **GIVEN_UP)
                await said(work, f"start:{case_id}", OutboxKind.START, case_id)
                await decided(work, case_id, DecisionKind.GIVE_UP)
            await decided(work, "reopened", DecisionKind.REGENERATE_INVOICE)
            await said(work, "start:reopened:decision-2", OutboxKind.START, "reopened")
        await delivered(store)
        _, keys = await again(store)
        assert keys == ["start:reopened:decision-2"]


async def a_case_that_was_done_just_before_starts_again(open_store: OpenStore) -> None:
    """Its last mail may have been lost with the run that was about to hand it over."""
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await case(work, "lately", **DONE)
            await said(work, "start:lately", OutboxKind.START, "lately")
        await delivered(store)
        assert (await again(store))[1] == ["start:lately"]
