"""Exam: gates of issuers, outages that cases met, cases that wait."""

import asyncio

from invoicing.domain.brownouts import Gate, Hold, Outage, SeenGate
from invoicing.errors import InternalFault
from invoicing.ports import CaseStore
from tests.contract.storage.samples import MINUTE, NOW, OpenStore, document, fault_of, opened, state

WFIRMA = "wfirma"
GATE = Gate(
    issuer=WFIRMA, shut_at=NOW, opened_at=NOW - MINUTE, trusted_at=NOW, probe_at=NOW + MINUTE, probes=3, relapses=1
)


def outage(case_id: str, minutes: int = 0) -> Outage:
    return Outage(case_id=case_id, failed_at=NOW + minutes * MINUTE)


def hold(case_id: str, minutes: int = 0, issuer: str = WFIRMA) -> Hold:
    return Hold(case_id=case_id, issuer=issuer, held_at=NOW + minutes * MINUTE)


async def cases(store: CaseStore, *case_ids: str) -> None:
    async with store.transaction() as work:
        for case_id in case_ids:
            await work.record_case(document(case_id), state(case_id), NOW)


async def a_gate_is_open_until_something_is_noted_and_comes_back_as_saved(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.reading() as work:
            assert await work.gate(WFIRMA) == Gate(issuer=WFIRMA)
        assert await store.gates() == ()
        async with store.transaction() as work:
            assert await work.lock_gate(WFIRMA) == Gate(issuer=WFIRMA)
            await work.save_gate(GATE)
        async with store.transaction() as work:
            assert await work.lock_gate(WFIRMA) == await work.gate(WFIRMA) == GATE
            await work.save_gate(Gate(issuer=WFIRMA, probes=4))
            await work.lock_gate("wfirma/exp-1")
        async with store.reading() as work:
            assert await work.gate(WFIRMA) == Gate(issuer=WFIRMA, probes=4)
            named = await work.gates_named(("wfirma/exp-1", "wfirma/exp-2", WFIRMA))
            assert named == (Gate(issuer="wfirma/exp-1"), Gate(issuer=WFIRMA, probes=4))


async def gates_of_other_issuers_are_not_touched(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await cases(store, "c-1", "c-2")
        async with store.transaction() as work:
            await work.save_gate(GATE)
            await work.add_outage(WFIRMA, outage("c-1"), NOW - MINUTE)
            assert await work.add_outage("another", outage("c-2"), NOW + MINUTE) == (outage("c-2"),)
            assert await work.add_outage(WFIRMA, outage("c-1"), NOW - MINUTE) == (outage("c-1"),)
            await work.save_holds(hold("c-1"), hold("c-2", issuer="another"))
            assert await work.gate("another") == Gate(issuer="another")
            assert [one.case_id for one in await work.holds("another")] == ["c-2"]
            assert await work.count_holds(WFIRMA) == 1


async def a_case_has_one_outage_its_newest_and_old_ones_are_forgotten(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await cases(store, "c-1", "c-2", "c-3")
        async with store.transaction() as work:
            assert await work.add_outage(WFIRMA, outage("c-1"), NOW - MINUTE) == (outage("c-1"),)
            assert await work.add_outage(WFIRMA, outage("c-1", 2), NOW - MINUTE) == (outage("c-1", 2),)
            await work.add_outage(WFIRMA, outage("c-2", 1), NOW)
        async with store.transaction() as work:
            left = await work.add_outage(WFIRMA, outage("c-3", 3), NOW + MINUTE)
            assert sorted(one.case_id for one in left) == ["c-1", "c-3"]


async def of_many_that_fail_at_once_somebody_sees_them_all(open_store: OpenStore) -> None:
    names = [f"c-{n}" for n in range(12)]
    async with opened(open_store) as store, opened(open_store) as other:
        await cases(store, *names)

        async def fail(nth: int) -> int:
            async with (store, other)[nth % 2].transaction() as work:
                await work.lock_gate(WFIRMA)
                return len(await work.add_outage(WFIRMA, outage(names[nth]), NOW - MINUTE))

        seen = await asyncio.gather(*(fail(nth) for nth in range(12)))
        assert sorted(seen) == [*range(1, 13)]


async def of_many_that_change_a_gate_each_sees_the_last_change(open_store: OpenStore) -> None:
    async with opened(open_store) as store, opened(open_store) as other:

        async def probe(nth: int) -> None:
            async with (store, other)[nth % 2].transaction() as work:
                gate = await work.lock_gate(WFIRMA)
                await work.save_gate(gate.model_copy(update={"probes": gate.probes + 1}))

        await asyncio.gather(*(probe(nth) for nth in range(12)))
        async with store.reading() as work:
            assert (await work.gate(WFIRMA)).probes == 12


async def those_that_wait_are_told_oldest_first_and_counted(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await cases(store, "c-1", "c-2", "c-3", "c-4")
        async with store.transaction() as work:
            await work.save_gate(GATE)
            await work.save_holds()
            await work.save_holds(hold("c-3"), hold("c-2", 1), hold("c-4"), hold("c-1", 2))
        async with store.reading() as work:
            assert [one.case_id for one in await work.holds(WFIRMA)] == ["c-3", "c-4", "c-2", "c-1"]
            assert await work.hold("c-2") == hold("c-2", 1)
            queue = await work.holds(WFIRMA)
            assert [await work.count_holds(WFIRMA, one) for one in queue] == [0, 1, 2, 3]
            assert await work.count_holds(WFIRMA) == 4
        assert await store.gates() == (SeenGate.model_validate({**GATE.model_dump(), "waiting": 4}),)


async def a_hold_is_one_row_that_is_replaced_and_ended(open_store: OpenStore) -> None:
    turn = hold("c-1").model_copy(update={"go_at": NOW + MINUTE})
    async with opened(open_store) as store:
        await cases(store, "c-1")
        async with store.transaction() as work:
            assert await work.hold("c-1") is None
            await work.save_holds(hold("c-1"))
            await work.save_holds(turn)
        async with store.transaction() as work:
            assert list(await work.holds(WFIRMA)) == [turn]
            await work.save_holds(hold("c-1", 5, "another"))
            assert await work.count_holds(WFIRMA) == 0
            await work.end_hold("c-1")
            await work.end_hold("c-1")
            assert await work.hold("c-1") is None


async def a_reading_transaction_shuts_nothing(open_store: OpenStore) -> None:
    async with opened(open_store) as store, store.reading() as work:
        assert (await fault_of(work.save_gate(GATE), InternalFault)).code == "internal"
        assert (await fault_of(work.lock_gate(WFIRMA), InternalFault)).code == "internal"
