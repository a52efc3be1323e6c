"""Exam: decisions, refunds, the archive of documents, every issued document of a case."""

import asyncio
import random
from decimal import Decimal

from invoicing.domain.decisions import Decided, DecisionKind, Refund, RefundStatus
from invoicing.domain.records import ArchivedDocument, StoredInvoice
from invoicing.errors import DataFault, InternalFault, NotFound
from invoicing.ports import CaseStore
from tests.contract.storage.samples import MINUTE, NOW, SERVICE, OpenStore, fault_of, invoice, opened, recorded

CASE = "2026-000123"


def refund(number: int = 1, **changes: object) -> Refund:
    fields: dict[str, object] = {
        "case_id": CASE,
        "number": number,
        "service_id": SERVICE,
        "remote_id": "9ABC",
        "message_id": f"{number:032d}",
        "amount": Decimal("100.50"),
        "currency": "PLN",
        "kept": True,
        "status": RefundStatus.REQUESTED,
        "requested_at": NOW,
    }
    return Refund.model_validate({**fields, **changes})


def archived(sha256: str = "ab" * 32, case_id: str = CASE, **changes: object) -> ArchivedDocument:
    fields: dict[str, object] = {
        "case_id": case_id,
        "kind": "attachment",
        "sha256": sha256,
        "size": 10 * 1024 * 1024,
        "actor": "expert:exp-1",
        "archived_at": NOW,
    }
    return ArchivedDocument.model_validate({**fields, **changes})


async def decided(store: CaseStore, key: str, case_id: str = CASE) -> tuple[Decided, bool]:
    async with store.transaction() as work:
        return await work.decide(case_id, DecisionKind.REFUND, key, "ops:Ewa", {"amount": "10.00"}, NOW)


async def a_decision_comes_back_whole(open_store: OpenStore) -> None:
    body = {"email": "anna@example.com", "reason": "Zażółć 🙂 \x00 ' \" \\"}
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            made, new = await work.decide(CASE, DecisionKind.RESEND_INVOICE, "k-1", "ops:Ewa", body, NOW)
            assert await work.decision(CASE, 1) == made
        assert new
        assert made == Decided(
            case_id=CASE,
            number=1,
            key="k-1",
            kind=DecisionKind.RESEND_INVOICE,
            actor="ops:Ewa",
            decided_at=NOW,
            body=body,
        )
        async with store.reading() as work:
            assert await work.decision(CASE, 1) == made
            for case_id, number in ((CASE, 2), (CASE, 0), ("other", 1)):
                assert (await fault_of(work.decision(case_id, number), NotFound)).code == "decision_unknown"


async def a_key_decides_once_whatever_comes_again_under_it(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        first, _ = await decided(store, "k-1")
        async with store.transaction() as work:
            again = await work.decide(CASE, DecisionKind.GIVE_UP, "k-1", "ops:Jan", {"other": "body"}, NOW + MINUTE)
            within = await work.decide(CASE, DecisionKind.GIVE_UP, "k-1", "ops:Jan", {}, NOW + MINUTE)
        assert again == within == (first, False)
        assert (await decided(store, "k-2"))[0].number == 2


async def a_key_of_one_case_means_nothing_to_another(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store, "case-1", "case-2")
        for case_id in ("case-1", "case-2"):
            made, new = await decided(store, "k-1", case_id)
            assert (made.case_id, made.number, new) == (case_id, 1, True)


async def a_decision_about_no_case_is_refused(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        assert (await fault_of(decided(store, "k-1", "nobody"), NotFound)).code == "case_unknown"
        await recorded(store)
        assert (await fault_of(decided(store, "k\x00"), DataFault)).code == "bad_characters"
        async with store.reading() as work:
            await fault_of(work.decide(CASE, DecisionKind.GIVE_UP, "k", "ops", {}, NOW), InternalFault)


async def one_key_pressed_many_times_at_once_is_one_decision(open_store: OpenStore) -> None:
    async with opened(open_store) as store, opened(open_store) as other:
        await recorded(store)
        outcomes = await asyncio.gather(*(decided((store, other)[n % 2], "k-1") for n in range(12)))
        assert sum(new for _, new in outcomes) == 1
        assert {made.number for made, _ in outcomes} == {1}
        async with store.reading() as work:
            await fault_of(work.decision(CASE, 2), NotFound)


async def decisions_have_no_gap_with_many_writers_and_rollbacks(open_store: OpenStore) -> None:
    """Half of the writers have read the facts before, as those do who check whether the decision makes sense."""
    async with opened(open_store) as store, opened(open_store) as other:
        await recorded(store, "case-1", "case-2")
        dice = random.Random(7)  # noqa: S311  # which transactions fail is no secret
        plan = [(n, f"case-{n % 2 + 1}", dice.random() < 0.3) for n in range(64)]

        async def press(n: int, case_id: str, fails: bool) -> tuple[str, int] | None:
            try:
                async with (store, other)[n // 2 % 2].transaction() as work:
                    if n % 3:
                        await work.facts(case_id)
                    made, new = await work.decide(case_id, DecisionKind.REFUND, f"k-{n}", "ops", {}, NOW)
                    assert new
                    await asyncio.sleep(0)
                    if fails:
                        raise _RolledBack
            except _RolledBack:
                return None
            return case_id, made.number

        kept = [made for made in await asyncio.gather(*(press(*one) for one in plan)) if made]
        assert 0 < len(kept) < len(plan)
        for case_id in ("case-1", "case-2"):
            numbers = sorted(number for of, number in kept if of == case_id)
            assert numbers == list(range(1, len(numbers) + 1))


async def refunds_come_back_in_order_and_are_replaced(open_store: OpenStore) -> None:
    done = refund(
        2,
        amount=Decimal("0.10"),
        kept=False,
        status=RefundStatus.FAILED,
        reason="paid twice: żółć",
        code="refund_refused",
        settled_at=NOW + MINUTE,
    )
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.refunds(CASE) == ()
            await work.save_refund(refund(2))
            await work.save_refund(refund(1))
            assert await work.refunds(CASE) == (refund(1), refund(2))
            await work.save_refund(done)
        async with store.reading() as work:
            assert await work.refunds(CASE) == (refund(1), done)
            assert await work.refunds("other") == ()
            assert [str(row.amount) for row in await work.refunds(CASE)] == ["100.50", "0.10"]


async def a_message_id_belongs_to_one_refund(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        await _in_transaction(store, refund(1))
        fault = await fault_of(_in_transaction(store, refund(2, message_id=refund(1).message_id)), InternalFault)
        assert refund(1).message_id not in str(fault)
        await fault_of(_in_transaction(store, refund(case_id="nobody", message_id="other")), NotFound)
        async with store.reading() as work:
            assert await work.refunds(CASE) == (refund(1),)


async def the_archive_keeps_every_content_once_in_order(open_store: OpenStore) -> None:
    first, second = archived("aa" * 32), archived("bb" * 32, kind="correction", actor="system")
    async with opened(open_store) as store:
        await recorded(store, CASE, "other")
        async with store.transaction() as work:
            assert await work.archive(first) == 1
            assert await work.archive(second) == 2
            assert await work.archive(archived("aa" * 32, actor="ops", archived_at=NOW + MINUTE)) == 1
        async with store.transaction() as work:
            assert await work.archive(archived("bb" * 32)) == 2
            assert await work.archive(archived("aa" * 32, "other")) == 1
            assert await work.archive(archived("cc" * 32, number=9)) == 3
            await fault_of(work.archive(archived(case_id="nobody")), NotFound)
        async with store.reading() as work:
            kept = await work.archived(CASE)
            assert kept[:2] == (
                first.model_copy(update={"number": 1}),
                second.model_copy(update={"number": 2}),
            )
            assert [(row.number, row.sha256[:2]) for row in kept] == [(1, "aa"), (2, "bb"), (3, "cc")]
            assert await work.archived("nobody") == ()


async def one_document_archived_many_times_at_once_has_one_number(open_store: OpenStore) -> None:
    async with opened(open_store) as store, opened(open_store) as other:
        await recorded(store)

        async def press(n: int) -> int:
            async with (store, other)[n % 2].transaction() as work:
                return await work.archive(archived(f"{n % 3}" * 64))

        numbers = await asyncio.gather(*(press(n) for n in range(12)))
        assert all({numbers[n], numbers[n + 3], numbers[n + 6], numbers[n + 9]} == {numbers[n]} for n in range(3))
        assert sorted(set(numbers)) == [1, 2, 3]


async def an_invoice_and_its_corrections_come_by_sequence(open_store: OpenStore) -> None:
    correction = invoice("FK/1/11/2026", sequence=2)
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.invoices(CASE) == ()
            await work.add_invoice(correction, "corrections", "2026-11", 1)
            await work.add_invoice(invoice(), "invoices", "2026-11", 1)
            await work.set_invoice_document(CASE, 1, "ab" * 32)
        async with store.reading() as work:
            assert await work.invoices(CASE) == (
                StoredInvoice(invoice=invoice(), series="invoices", sha256="ab" * 32),
                StoredInvoice(invoice=correction, series="corrections"),
            )
            assert await work.invoice(CASE, 2) == StoredInvoice(invoice=correction, series="corrections")
            assert await work.invoices("other") == ()


async def _in_transaction(store: CaseStore, row: Refund) -> None:
    async with store.transaction() as work:
        await work.save_refund(row)


class _RolledBack(Exception):
    """A failure after the decision was recorded."""
