"""Exam: which cases and refunds must have a run, and whether something of a case is on its way."""

from datetime import timedelta
from decimal import Decimal

from invoicing.domain.decisions import DecisionKind, Refund, RefundStatus
from invoicing.domain.records import OutboxKind, OutboxMessage
from invoicing.domain.state import PaymentState, PaymentStatus
from invoicing.ports import CaseStore
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, document, opened, state

ALL = 100


async def recorded(store: CaseStore, case_id: str, **changes: object) -> None:
    async with store.transaction() as work:
        await work.record_case(document(case_id, **changes), state(case_id), NOW)


async def running(store: CaseStore, after: str = "", limit: int = ALL) -> list[str]:
    return [case.case_id for case in await store.running(after, limit)]


async def a_case_must_have_a_run_from_being_asked_for_until_it_is_closed(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store, "priced")
        await recorded(store, "arrives", payment={"method": "external", "reference": "r", "paid_at": NOW.isoformat()})
        await recorded(store, "pays")
        assert await running(store) == ["arrives"]
        async with store.transaction() as work:
            asked = OutboxMessage(key="pay", kind=OutboxKind.PAYMENT_REQUESTED, case_id="pays", body={"attempt": 1})
            assert await work.enqueue(asked, NOW)
        assert await running(store) == ["arrives", "pays"]
        for closed, left in ((True, ["arrives"]), (False, ["arrives", "pays"])):
            async with store.transaction() as work:
                known = (await work.facts("pays")).state
                payment = PaymentState(status=PaymentStatus.OPEN, attempt=1)
                await work.save(known.model_copy(update={"payment": payment, "closed": closed}))
            assert await running(store) == left


async def running_cases_turn_pages_by_their_id_and_say_what_was_read(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        names = [f"c{number}" for number in (3, 1, 5, 2, 4)]
        for name in names:
            await recorded(store, name, payment={"method": "external", "reference": "r", "paid_at": NOW.isoformat()})
        found: list[str] = []
        while page := await running(store, found[-1] if found else "", 2):
            found += page
        assert found == sorted(names)
        (first, *_) = await store.running("", 1)
        async with store.reading() as work:
            assert first.version == (await work.facts("c1")).state.version


async def a_refund_is_under_way_until_it_has_ended(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store, "c1")
        for number, (status, ended_at) in enumerate(
            ((RefundStatus.REQUESTED, None), (RefundStatus.DONE, None), (RefundStatus.DONE, NOW)), 1
        ):
            async with store.transaction() as work:
                await work.save_refund(
                    Refund(
                        case_id="c1",
                        number=number,
                        service_id="100001",
                        remote_id="9A",
                        message_id=f"m{number}",
                        amount=Decimal("1.00"),
                        currency="PLN",
                        kept=True,
                        status=status,
                        requested_at=NOW,
                        settled_at=NOW if status is RefundStatus.DONE else None,
                        ended_at=ended_at,
                    )
                )
        under_way = [refund.status for refund in await store.refunding(NOW + MINUTE, ALL)]
        assert under_way == [RefundStatus.REQUESTED, RefundStatus.DONE]
        assert await store.refunding(NOW, ALL) == ()
        assert len(await store.refunding(NOW + MINUTE, 1)) == 1


async def a_refund_that_was_only_decided_is_told_until_somebody_begins_it(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        for case_id in ("c1", "c2"):
            await recorded(store, case_id)
            async with store.transaction() as work:
                for kind in (DecisionKind.RESEND_INVOICE, DecisionKind.REFUND):
                    await work.decide(case_id, kind, kind.value, "ops", {}, NOW)
        assert await store.unbegun_refunds(NOW, ALL) == ()
        assert sorted(await store.unbegun_refunds(NOW + MINUTE, ALL)) == [("c1", 2), ("c2", 2)]
        assert len(await store.unbegun_refunds(NOW + MINUTE, 1)) == 1
        begun = Refund(
            case_id="c1", number=2, service_id="100001", remote_id="9A", message_id="m", amount=Decimal("1.00"),
            currency="PLN", kept=True, status=RefundStatus.REQUESTED, requested_at=NOW,
        )  # fmt: skip
        async with store.transaction() as work:
            await work.save_refund(begun)
        assert await store.unbegun_refunds(NOW + MINUTE, ALL) == (("c2", 2),)
        async with store.reading() as work:
            assert [len(await work.refunds_to_begin(case_id)) for case_id in ("c1", "c2")] == [0, 1]
            (to_begin,) = await work.refunds_to_begin("c2")
        assert (to_begin.number, to_begin.kind) == (2, DecisionKind.REFUND)


async def what_waits_for_the_relay_is_told_for_its_case_alone(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store, "c1")
        await recorded(store, "c2")
        async with store.transaction() as work:
            assert not await work.is_awaiting_delivery("c1")
            await work.enqueue(OutboxMessage(key="start:c1", kind=OutboxKind.START, case_id="c1"), NOW)
            assert await work.is_awaiting_delivery("c1")
            assert not await work.is_awaiting_delivery("c2")
        (message,) = await store.claim_messages("w", NOW, timedelta(seconds=30), 10)
        async with store.reading() as work:
            assert await work.is_awaiting_delivery("c1"), "a claim is not a delivery"
        await store.messages_delivered([message.id], NOW)
        async with store.reading() as work:
            assert not await work.is_awaiting_delivery("c1")
