"""Exam: notes of requests that left for an issuer."""

import asyncio

from invoicing.errors import InternalFault
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, document, fault_of, opened, recorded, state

CASE = "2026-000123"


async def a_note_is_claimed_once_until_it_is_old_enough(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.issue_sent(CASE, 1) is None
            assert await work.claim_issue(CASE, 1, NOW, NOW - MINUTE)
        async with opened(open_store) as later:
            async with later.reading() as work:
                assert await work.issue_sent(CASE, 1) == NOW
            async with later.transaction() as work:
                assert not await work.claim_issue(CASE, 1, NOW + MINUTE, NOW - MINUTE / 60_000_000)
                assert await work.issue_sent(CASE, 1) == NOW, "a refused claim notes nothing"
                assert await work.claim_issue(CASE, 1, NOW + MINUTE, NOW)
                assert await work.issue_sent(CASE, 1) == NOW + MINUTE


async def a_note_of_one_document_says_nothing_of_another(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            await work.record_case(document("2026-000124"), state("2026-000124"), NOW)
            assert await work.claim_issue(CASE, 1, NOW, NOW - MINUTE)
            assert await work.claim_issue(CASE, 2, NOW, NOW - MINUTE)
            assert await work.issue_sent("2026-000124", 1) is None
            assert await work.claim_issue("2026-000124", 1, NOW, NOW - MINUTE)
            await work.release_issue(CASE, 2, NOW)
            assert [await work.issue_sent(CASE, n) for n in (1, 2)] == [NOW, None]


async def only_the_note_of_that_time_is_taken_back(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.claim_issue(CASE, 1, NOW, NOW - MINUTE)
            assert await work.claim_issue(CASE, 1, NOW + MINUTE, NOW)
            await work.release_issue(CASE, 1, NOW)
            assert await work.issue_sent(CASE, 1) == NOW + MINUTE
            await work.release_issue(CASE, 1, NOW + MINUTE)
            await work.release_issue(CASE, 1, NOW + MINUTE)
            assert await work.issue_sent(CASE, 1) is None


async def of_many_that_claim_at_once_one_gets_the_note(open_store: OpenStore) -> None:
    async with opened(open_store) as store, opened(open_store) as other:
        await recorded(store)

        async def claim(nth: int) -> bool:
            async with (store, other)[nth % 2].transaction() as work:
                return await work.claim_issue(CASE, 1, NOW + nth * MINUTE / 1000, NOW - MINUTE)

        claimed = await asyncio.gather(*(claim(nth) for nth in range(12)))
        assert claimed.count(True) == 1
        async with store.reading() as work:
            assert await work.issue_sent(CASE, 1) == NOW + claimed.index(True) * MINUTE / 1000


async def a_reading_transaction_claims_nothing(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.reading() as work:
            assert (await fault_of(work.claim_issue(CASE, 1, NOW, NOW), InternalFault)).code == "internal"
