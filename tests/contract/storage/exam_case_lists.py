"""Exam: the list of payments, chosen and page by page."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from invoicing.domain.records import CaseFacts, CaseQuery
from invoicing.domain.state import (
    CaseState,
    InvoiceStatus,
    Parked,
    Step,
    invoice_available,
    invoice_by_hand,
    parked,
    payment_completed,
    payment_failed,
    payment_opened,
)
from invoicing.errors import Cause, DataFault, NotFound
from invoicing.ports import CaseStore
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, document, expert, fault_of, opened, state


def opened_payment(before: CaseState) -> CaseState:
    return payment_opened(before, 1)


def failed_payment(before: CaseState) -> CaseState:
    return payment_failed(payment_opened(before, 1), 1)


def paid(before: CaseState) -> CaseState:
    return payment_completed(before, attempt=1, remote_id="9ABC", paid_at=NOW, reference="9ABC")


def invoiced(before: CaseState) -> CaseState:
    return invoice_available(paid(before), number="1", issued_on=NOW.date(), sha256="ab", attempts=1)


def stopped(before: CaseState) -> CaseState:
    why = Parked(step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="issuer_unreachable", attempts=3)
    return parked(paid(before), why)


def by_hand(before: CaseState) -> CaseState:
    return invoice_by_hand(paid(before))


Change = Callable[[CaseState], CaseState]


async def add(
    store: CaseStore, case_id: str, change: Change | None, at: datetime, client: str = "cli-1", expert_id: str = "exp-1"
) -> None:
    changed = document(case_id, client={"id": client}, expert_id=expert_id)
    async with store.transaction() as work:
        await work.record_case(changed, state(case_id), at)
        if change is not None:
            await work.save(change(state(case_id)))


async def filled(store: CaseStore) -> None:
    """Eight cases, one a minute; the second was never clicked."""
    changes = (opened_payment, None, failed_payment, paid, invoiced, stopped, by_hand, opened_payment)
    for index, change in enumerate(changes):
        await add(store, f"c{index}", change, NOW + index * MINUTE, f"cli-{index % 2}", f"exp-{index % 3}")


async def names(store: CaseStore, **query: Any) -> list[str]:
    return [facts.document.case_id for facts in await store.payments(CaseQuery(**query))]


async def payments_are_the_cases_with_a_label_newest_first(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        assert await names(store) == []
        await filled(store)
        assert await names(store) == ["c7", "c6", "c5", "c4", "c3", "c2", "c0"]
        assert await names(store, limit=2) == ["c7", "c6"]


async def payments_are_the_facts_of_their_cases(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.save_expert("exp-1", expert(), NOW)
        await add(store, "c1", paid, NOW)
        await add(store, "c0", opened_payment, NOW, expert_id="exp-0")
        async with store.reading() as work:
            expected: tuple[CaseFacts, ...] = (await work.facts("c1"), await work.facts("c0"))
        found = await store.payments(CaseQuery())
        assert found == expected
        assert [facts.expert for facts in found] == [expert(), None]


async def payments_are_chosen_by_party_status_and_time(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store)
        chosen: list[tuple[dict[str, object], list[str]]] = [
            ({"client_id": "cli-0"}, ["c6", "c4", "c2", "c0"]),
            ({"client_id": "nobody"}, []),
            ({"expert_id": "exp-1"}, ["c7", "c4"]),
            ({"expert_id": "exp-0", "client_id": "cli-0"}, ["c6", "c0"]),
            ({"payment_status": "open"}, ["c7", "c0"]),
            ({"payment_status": "failed"}, ["c2"]),
            ({"payment_status": "completed"}, ["c6", "c5", "c4", "c3"]),
            ({"payment_status": "none"}, []),
            ({"payment_status": "x' OR 1=1 --"}, []),
            ({"invoice_status": InvoiceStatus.GENERATING}, ["c3"]),
            ({"invoice_status": "failed"}, ["c5"]),
            ({"invoice_status": "manual"}, ["c6"]),
            ({"invoice_status": "available"}, ["c4"]),
            ({"invoice_status": "none"}, ["c7", "c2", "c0"]),
            ({"parked": True}, ["c5"]),
            ({"parked": False, "payment_status": "completed"}, ["c6", "c4", "c3"]),
            ({"payment_status": "open", "expert_id": "exp-1", "parked": False}, ["c7"]),
            ({"since": NOW + 4 * MINUTE}, ["c7", "c6", "c5", "c4"]),
            ({"until": NOW + 4 * MINUTE}, ["c3", "c2", "c0"]),
            ({"since": NOW, "until": NOW + MINUTE, "client_id": "cli-0"}, ["c0"]),
        ]
        for query, expected in chosen:
            assert (query, await names(store, **query)) == (query, expected)
        await fault_of(names(store, client_id="a\x00b"), DataFault)


async def payments_turn_pages_and_arrivals_meanwhile_move_nothing(open_store: OpenStore) -> None:
    """Some arrived at the same instant, as a batch does; one that turns paid meanwhile stays in its place."""
    async with opened(open_store) as store:
        for index in range(9):
            await add(store, f"c{index}", opened_payment, NOW + index // 4 * MINUTE)
        everybody = await names(store)
        assert everybody == ["c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"]
        seen = await names(store, limit=2)
        turn = 0
        while page := await names(store, limit=2, cursor=seen[-1]):
            turn += 1
            await add(store, f"new-{turn}", paid, NOW + (10 + turn) * MINUTE)
            async with store.transaction() as work:
                await work.save(paid((await work.facts(seen[-1])).state))
            seen += page
        assert seen == everybody
        assert turn == 4
        assert await names(store, limit=3, cursor="c4", until=NOW + MINUTE) == ["c3", "c2", "c1"]


async def a_page_of_payments_behind_no_case_is_refused(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await filled(store)
        assert (await fault_of(names(store, cursor="nobody"), NotFound)).code == "case_unknown"
        assert await names(store, cursor="c1") == ["c0"], "a case without label may still be where a page begins"
