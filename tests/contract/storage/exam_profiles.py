"""Exam: billing profiles of clients."""

import asyncio
from dataclasses import replace

from invoicing.domain.cases import BillingData
from invoicing.domain.profiles import BillingProfile, saved
from invoicing.errors import InternalFault
from invoicing.ports import CaseStore
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, fault_of, opened

OFFICE = BillingData(kind="company", name="Przykład sp. z o.o.", tax_id="5260250274", city="Warszawa", country="PL")


def profile(name: str, minute: int = 0, *, default: bool = False, client: str = "cli-7") -> BillingProfile:
    at = NOW + minute * MINUTE
    return BillingProfile(client, name, OFFICE.model_copy(update={"name": name}), default, at, at)


async def profiles_come_back_as_saved_oldest_first_and_only_to_their_client(open_store: OpenStore) -> None:
    late, first, foreign = profile("late", 2), profile("first", 1, default=True), profile("late", client="cli-8")
    async with opened(open_store) as store:
        async with store.transaction() as work:
            for one in (late, first, foreign):
                await work.save_profile(one)
        async with store.reading() as work:
            assert await work.profiles("cli-7") == (first, late)
            assert await work.profile("cli-7", "late") == late
            assert await work.profile("cli-8", "late") == foreign
            assert await work.profile("cli-8", "first") is None
            assert await work.profiles("nobody") == ()


async def a_new_default_takes_that_from_the_others_of_its_client(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.save_profile(profile("a", default=True))
            await work.save_profile(profile("x", default=True, client="cli-8"))
            await work.save_profile(profile("b", 1, default=True))
            await work.save_profile(profile("b", 1, default=True))
        async with store.reading() as work:
            assert [(one.profile_id, one.is_default) for one in await work.profiles("cli-7")] == [
                ("a", False),
                ("b", True),
            ]
            assert [one.is_default for one in await work.profiles("cli-8")] == [True]


async def a_profile_saved_again_is_replaced_and_keeps_its_place(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.save_profile(profile("a"))
            await work.save_profile(profile("b", 1))
            await work.save_profile(replace(profile("a", 5), data=OFFICE))
        async with store.reading() as work:
            (a, _) = await work.profiles("cli-7")
            assert (a.profile_id, a.data, a.created_at, a.updated_at) == ("a", OFFICE, NOW, NOW + 5 * MINUTE)


async def a_deleted_profile_is_gone_and_a_second_time_there_is_none(open_store: OpenStore) -> None:
    async with opened(open_store) as store, store.transaction() as work:
        await work.save_profile(profile("a"))
        assert not await work.delete_profile("cli-8", "a")
        assert await work.delete_profile("cli-7", "a")
        assert not await work.delete_profile("cli-7", "a")
        assert await work.profiles("cli-7") == ()


async def of_many_first_profiles_saved_at_once_one_is_the_default(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await asyncio.gather(*(_save(store, f"p{number}") for number in range(8)))
        async with store.reading() as work:
            found = await work.profiles("cli-7")
        assert len(found) == 8
        assert [one.is_default for one in found].count(True) == 1


async def profiles_cannot_be_written_in_a_reading_transaction(open_store: OpenStore) -> None:
    async with opened(open_store) as store, store.reading() as work:
        await fault_of(work.save_profile(profile("a")), InternalFault)


async def _save(store: CaseStore, name: str) -> None:
    async with store.transaction() as work:
        await work.save_profile(saved(await work.profiles("cli-7"), profile(name)))
