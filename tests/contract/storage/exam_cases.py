"""Exam: cases, billing data, experts, compare-and-set, transactions."""

import asyncio

from invoicing.domain.cases import BillingData
from invoicing.domain.logins import RefusedLogins
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.state import payment_opened
from invoicing.errors import DataFault, InternalFault, NotFound, SettingsFault, VersionConflict
from invoicing.ports import Recorded
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, document, expert, fault_of, opened, recorded, state


async def facts_are_those_that_were_recorded(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.save_expert("exp-1", expert(), NOW)
            assert await work.record_case(document(), state(), NOW) is Recorded.NEW
            inside = await work.facts("2026-000123")
        async with store.reading() as work:
            facts = await work.facts("2026-000123")
        assert facts == inside
        assert (facts.document, facts.state, facts.expert) == (document(), state(), expert())
        assert facts.billing == document().billing_data
        assert (facts.billing_revision, facts.arrived_at) == (1, NOW)


async def facts_of_an_unknown_case_are_not_found(open_store: OpenStore) -> None:
    async with opened(open_store) as store, store.reading() as work:
        fault = await fault_of(work.facts("nobody"), NotFound)
        assert fault.code == "case_unknown"


async def a_case_without_its_own_billing_data_has_none(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        for case_id, billing in (("by-profile", {"profile_id": "office"}), ("later", None)):
            async with store.transaction() as work:
                await work.record_case(document(case_id, billing_data=billing), state(case_id), NOW)
            async with store.reading() as work:
                facts = await work.facts(case_id)
            assert (facts.billing, facts.billing_revision, facts.expert) == (None, 0, None)


async def the_same_document_again_is_same_and_another_is_conflict(open_store: OpenStore) -> None:
    again = document(currency="PLN", payment={"method": "autopay"})
    changed = document(billing_data=None)
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.record_case(again, state(), NOW + MINUTE) is Recorded.SAME
            assert await work.record_case(changed, state(), NOW + MINUTE) is Recorded.CONFLICT
        async with store.reading() as work:
            facts = await work.facts("2026-000123")
        assert (facts.document, facts.arrived_at, facts.billing_revision) == (document(), NOW, 1)


async def many_recorders_of_one_case_make_one_new(open_store: OpenStore) -> None:
    async with opened(open_store) as store:

        async def record() -> Recorded:
            async with store.transaction() as work:
                return await work.record_case(document(), state(), NOW)

        outcomes = await asyncio.gather(*(record() for _ in range(8)))
        assert sorted(outcomes) == [Recorded.NEW, *[Recorded.SAME] * 7]


async def saving_a_record_that_was_written_meanwhile_is_a_conflict(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.reading() as work:
            seen = (await work.facts("2026-000123")).state
        async with store.transaction() as work:
            saved = await work.save(payment_opened(seen, 1))
        assert saved.version == seen.version + 1
        fault: Exception | None = None
        try:
            async with store.transaction() as work:
                await work.save(payment_opened(seen, 2))
        except VersionConflict as conflict:
            fault = conflict
        assert fault is not None, "a stale version was written"
        async with store.reading() as work:
            assert (await work.facts("2026-000123")).state == saved


async def of_concurrent_savers_one_wins(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)

        async def press(attempt: int) -> bool:
            async with store.reading() as work:
                seen = (await work.facts("2026-000123")).state
            await barrier.wait()
            try:
                async with store.transaction() as work:
                    await work.save(payment_opened(seen, attempt))
            except VersionConflict:
                return False
            return True

        barrier = asyncio.Barrier(4)
        assert sum(await asyncio.gather(*(press(n) for n in range(1, 5)))) == 1


async def readers_in_writing_transactions_see_each_others_writes_in_turn(open_store: OpenStore) -> None:
    """What a writing transaction read is still true when it writes: nobody loses a race, each waits."""
    async with opened(open_store) as store:
        await recorded(store)

        async def press(attempt: int) -> None:
            async with store.transaction() as work:
                seen = (await work.facts("2026-000123")).state
                await work.save(payment_opened(seen, attempt))

        await asyncio.gather(*(press(n) for n in range(1, 9)))
        async with store.reading() as work:
            assert (await work.facts("2026-000123")).state.version == 8


async def facts_read_while_billing_data_change_hold_together(open_store: OpenStore) -> None:
    """A writer that waited for another one's revision sees that revision's data, not a number without data."""
    async with opened(open_store) as store:
        await recorded(store)

        async def revise(name: str) -> None:
            async with store.transaction() as work:
                before = await work.facts("2026-000123")
                assert before.billing is not None, "the facts have a revision and no data"
                mine = BillingData(kind="person", name=name)
                revision = await work.save_billing_data("2026-000123", mine, "ops", NOW)
                after = await work.facts("2026-000123")
                assert revision == before.billing_revision + 1
                assert (after.billing, after.billing_revision) == (mine, revision)

        await asyncio.gather(*(revise(f"Buyer {n}") for n in range(8)))


async def a_transaction_that_raises_leaves_nothing(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        try:
            async with store.transaction() as work:
                await work.save(payment_opened(state(), 1))
                await work.log(LogEntry(case_id="2026-000123", event=Event.PAYMENT_OPENED, at=NOW))
                await work.take_number("series", "2026-11")
                raise _Stop
        except _Stop:
            pass
        async with store.transaction() as work:
            assert (await work.facts("2026-000123")).state.version == 0
            assert await work.take_number("series", "2026-11") == 1
        assert await store.timeline("2026-000123") == ()


async def a_cancelled_transaction_leaves_nothing_and_blocks_nobody(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        entered = asyncio.Event()

        async def frozen() -> None:
            async with store.transaction() as work:
                await work.save(payment_opened(state(), 1))
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(frozen())
        await entered.wait()
        task.cancel()
        await asyncio.wait([task])
        async with store.transaction() as work:
            assert (await work.save(payment_opened(state(), 1))).version == 1


async def a_reading_transaction_refuses_to_write(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.reading() as work:
            await fault_of(work.save(state()), InternalFault)


async def a_reading_transaction_is_one_snapshot(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.reading() as work:
            before = (await work.facts("2026-000123")).state
            async with store.transaction() as other:
                await other.save(payment_opened(state(), 1))
            assert (await work.facts("2026-000123")).state == before
        async with store.reading() as work:
            assert (await work.facts("2026-000123")).state.version == 1


async def billing_data_are_numbered_revisions_and_equal_ones_make_none(open_store: OpenStore) -> None:
    private = BillingData(kind="person", name="Anna Przykładowa", city="Łódź")
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.save_billing_data("2026-000123", private, "ops", NOW) == 2
            assert await work.save_billing_data("2026-000123", private, "ops", NOW) == 2
        async with store.transaction() as work:
            first = document().billing_data
            assert isinstance(first, BillingData)
            assert await work.save_billing_data("2026-000123", first, "ops", NOW) == 3
            facts = await work.facts("2026-000123")
        assert (facts.billing, facts.billing_revision) == (first, 3)
        async with store.reading() as work:
            assert await work.billing_data("2026-000123", 2) == private
            await fault_of(work.billing_data("2026-000123", 4), NotFound)
        async with store.transaction() as work:
            await fault_of(work.save_billing_data("nobody", private, "ops", NOW), NotFound)


async def a_logo_stays_when_the_expert_is_saved_again(open_store: OpenStore) -> None:
    async with opened(open_store) as store, store.transaction() as work:
        assert await work.expert_logo("exp-1") is None
        await fault_of(work.save_expert_logo("exp-1", "ab" * 32), NotFound)
        await work.save_expert("exp-1", expert(), NOW)
        assert await work.expert_logo("exp-1") is None
        await work.save_expert_logo("exp-1", "ab" * 32)
        await work.save_expert("exp-1", expert(name="Nowa Nazwa"), NOW + MINUTE)
        assert await work.expert_logo("exp-1") == "ab" * 32
        await work.save_expert_logo("exp-1", "cd" * 32)
        assert await work.expert_logo("exp-1") == "cd" * 32
        assert await work.expert("exp-1") == expert(name="Nowa Nazwa")


async def an_expert_is_replaced_and_keys_are_not_stored_in_clear(open_store: OpenStore) -> None:
    keys = {"access_key": "a", "secret_key": "s"}
    async with opened(open_store) as store, store.transaction() as work:
        assert await work.expert("exp-1") is None
        await work.save_expert("exp-1", expert(), NOW)
        await work.save_expert("exp-1", expert(name="Nowa Nazwa"), NOW + MINUTE)
        assert await work.expert("exp-1") == expert(name="Nowa Nazwa")
        await fault_of(work.save_expert("exp-1", expert(wfirma=keys), NOW), SettingsFault)
        assert await work.expert("exp-1") == expert(name="Nowa Nazwa")
    async with opened(open_store) as store:
        assert await store.experts_with_keys(10) == ((), 0)


async def a_login_is_noted_once_a_while_and_at_once_after_a_refusal(open_store: OpenStore) -> None:
    async with opened(open_store) as store, store.transaction() as work:
        for expert_id in ("e1", "e2", "e3"):
            await work.save_expert(expert_id, expert(), NOW)
        assert await work.refused_logins(NOW - MINUTE) == RefusedLogins()
        assert await work.login_accepted("e1", NOW, NOW - MINUTE)
        assert not await work.login_accepted("e1", NOW + MINUTE / 2, NOW - MINUTE / 2)
        assert await work.login_accepted("e1", NOW + MINUTE, NOW)
        await work.login_refused("e2", NOW + MINUTE)
        await work.login_refused("e3", NOW)
        seen = RefusedLogins(refused_at=(NOW + MINUTE,), accepted_at=NOW + MINUTE)
        assert await work.refused_logins(NOW) == seen
        assert await work.login_accepted("e2", NOW + MINUTE, NOW + MINUTE)
        await work.login_refused("e2", NOW + MINUTE)
        assert await work.login_accepted("e2", NOW + MINUTE, NOW)
        assert not await work.login_accepted("nobody", NOW, NOW)


async def odd_characters_survive_in_documents(open_store: OpenStore) -> None:
    odd = "Zażółć\x00\x01\u202e\ufffe <b>'\"; DROP TABLE cases; -- %s :x $1 ? 🙂 e\u0301\r\n\t\\u0000"
    case = document("odd", billing_data={"kind": "person", "name": odd})
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.record_case(case, state("odd"), NOW)
        async with store.reading() as work:
            facts = await work.facts("odd")
        assert facts.document == case
        assert facts.billing is not None
        assert facts.billing.name == odd


async def ids_with_odd_characters_are_not_found_or_refused(open_store: OpenStore) -> None:
    async with opened(open_store) as store, store.reading() as work:
        await fault_of(work.facts("' OR 1=1 --"), NotFound)
        for refused in ("a\x00b", "a\ud800b"):
            fault = await fault_of(work.facts(refused), DataFault)
            assert fault.code == "bad_characters"


async def statuses_come_in_the_order_asked_for_or_newest_first(open_store: OpenStore) -> None:
    names = [f"case-{n}" for n in range(5)]
    async with opened(open_store) as store:
        await recorded(store, *names)
        assert [s.case_id for s in await store.statuses([])] == names[::-1]
        asked = await store.statuses(["case-3", "nobody", "case-1", "case-3"])
        assert [s.case_id for s in asked] == ["case-3", "case-1"]
        many = await store.statuses([f"nobody-{n}" for n in range(2500)] + ["case-2"])
        assert [s.case_id for s in many] == ["case-2"]


async def the_newest_hundred_are_a_hundred(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store, *(f"c{n}" for n in range(103)))
        newest = await store.statuses([])
        assert [newest[0].case_id, newest[-1].case_id, len(newest)] == ["c102", "c3", 100]


class _Stop(Exception):
    """Raised inside a transaction."""
