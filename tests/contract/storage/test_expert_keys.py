"""wFirma keys at rest: sealed in a column of their own, opened only with the ring, sealed anew by rotation."""

import asyncio
import base64
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select

from invoicing.domain.cases import ExpertDocument, WfirmaKeys
from invoicing.domain.logins import Login
from invoicing.domain.records import CaseQuery
from invoicing.domain.state import payment_opened
from invoicing.errors import InternalFault, SettingsFault
from invoicing.keyring import KeyRing
from invoicing.ports import Sealer
from invoicing.storage import tables
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.samples import MINUTE, NOW, document, expert, fault_of, state

CANARIES = ("canary-access", "canary-secret", "canary-company")
KEYS = WfirmaKeys(access_key=CANARIES[0], secret_key=CANARIES[1], company_id=CANARIES[2])


class Ring:
    """Seals reversibly; the first name seals, all open. Says itself whose key a value has."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def seal(self, text: str) -> str:
        return f"{self._names[0]}:{base64.b64encode(text.encode()[::-1]).decode()}"

    def open(self, sealed: str) -> str:
        name, _, data = sealed.partition(":")
        if name not in self._names:
            raise SettingsFault("secrets_keys_missing")
        return base64.b64decode(data)[::-1].decode()


@asynccontextmanager
async def opened(url: str, sealer: Sealer | None) -> AsyncIterator[SqlCaseStore]:
    store = SqlCaseStore(url, sealer=sealer)
    try:
        yield store
    finally:
        await store.close()


def keyed(name: str = "Jan") -> ExpertDocument:
    return expert(issuer="wfirma", name=name).model_copy(update={"wfirma": KEYS})


async def saved(store: SqlCaseStore, *expert_ids: str) -> None:
    async with store.transaction() as work:
        for expert_id in expert_ids:
            await work.save_expert(expert_id, keyed(expert_id), NOW)


async def sealed(store: SqlCaseStore) -> dict[str, str | None]:
    async with store._database.reading() as connection:
        rows = await connection.execute(select(tables.experts.c.expert_id, tables.experts.c.wfirma_sealed))
        return {row.expert_id: row.wfirma_sealed for row in rows}


@pytest.mark.parametrize("ring", [Ring("a"), KeyRing([("a", b"k" * 32)])], ids=["double", "aes"])
async def test_keys_are_read_where_they_can_be_opened_and_stand_nowhere_in_clear(
    database_url: str, ring: Sealer
) -> None:
    async with opened(database_url, ring) as store:
        await saved(store, "exp-1")
        async with store.transaction() as work:
            await work.record_case(document(), state(), NOW)
            await work.save(payment_opened(state(), 1))
            assert await work.expert("exp-1") == keyed("exp-1")
            assert (await work.facts("2026-000123")).expert == keyed("exp-1")
        async with store.reading() as work:
            assert (await work.facts("2026-000123")).expert == keyed("exp-1")
        (listed,) = await store.payments(CaseQuery())
        assert listed.expert == keyed("exp-1").model_copy(update={"wfirma": None}), "a list opens no keys"
        async with store._database.reading() as connection:
            (row,) = await connection.execute(select(tables.experts))
        assert row.wfirma_sealed.startswith("a:")
        assert [canary for canary in CANARIES if canary in repr(row)] == []


async def test_without_a_ring_facts_have_no_keys_and_the_expert_cannot_be_read_or_saved(database_url: str) -> None:
    async with opened(database_url, Ring("a")) as store:
        await saved(store, "exp-1")
        async with store.transaction() as work:
            await work.record_case(document(), state(), NOW)
    for ring in (None, Ring("b")):
        async with opened(database_url, ring) as store, store.reading() as work:
            assert (await work.facts("2026-000123")).expert == keyed("exp-1").model_copy(update={"wfirma": None})
            assert (await fault_of(work.expert("exp-1"), SettingsFault)).code == "secrets_keys_missing"
    async with opened(database_url, None) as store:
        before = await sealed(store)
        fault = await fault_of(saved(store, "exp-1"), SettingsFault)
        assert fault.code == "secrets_keys_missing"
        assert await sealed(store) == before


async def test_an_expert_saved_without_keys_has_none(database_url: str) -> None:
    async with opened(database_url, Ring("a")) as store:
        await saved(store, "exp-1")
        async with store.transaction() as work:
            await work.save_expert("exp-1", expert(), NOW + MINUTE)
            assert await work.expert("exp-1") == expert()
        assert await sealed(store) == {"exp-1": None}


async def test_keys_stay_sealed_as_they_are_when_they_are_kept_also_without_a_ring(database_url: str) -> None:
    async with opened(database_url, Ring("a")) as store:
        await saved(store, "exp-1")
        before = await sealed(store)
    async with opened(database_url, None) as store:
        async with store.transaction() as work:
            await work.save_expert("exp-1", expert(name="Inna"), NOW + MINUTE, keep_keys=True)
            await work.save_expert("exp-2", expert(), NOW + MINUTE, keep_keys=True)
        assert await sealed(store) == {**before, "exp-2": None}
    async with opened(database_url, Ring("a")) as store, store.reading() as work:
        assert await work.expert("exp-1") == expert(name="Inna").model_copy(update={"wfirma": KEYS})


async def test_experts_with_keys_are_named_up_to_a_number_and_counted(database_url: str) -> None:
    async with opened(database_url, Ring("a")) as store:
        assert await store.experts_with_keys(5) == ((), 0)
        await saved(store, "e3", "e1", "e2")
        async with store.transaction() as work:
            await work.save_expert("e0", expert(), NOW)
        assert await store.experts_with_keys(2) == ((Login(expert_id="e1"), Login(expert_id="e2")), 3)


async def test_what_is_known_of_logins_goes_with_the_keys_and_stays_with_them(database_url: str) -> None:
    async with opened(database_url, Ring("a")) as store:
        await saved(store, "e1")
        async with store.transaction() as work:
            await work.login_accepted("e1", NOW, NOW)
            await work.login_refused("e1", NOW)
            await work.save_expert("e1", expert(name="Inna"), NOW + MINUTE, keep_keys=True)
        assert (await store.experts_with_keys(1))[0] == (Login(expert_id="e1", accepted_at=NOW, refused_at=NOW),)
        await saved(store, "e1")
        assert (await store.experts_with_keys(1))[0] == (Login(expert_id="e1"),)


async def test_keys_of_another_shape_are_a_fault_that_does_not_quote_them(database_url: str) -> None:
    class Odd(Ring):
        def open(self, sealed: str) -> str:
            return f'{{"other": "{CANARIES[0]}"}}'

    async with opened(database_url, Odd("a")) as store:
        await saved(store, "exp-1")
        async with store.reading() as work:
            fault = await fault_of(work.expert("exp-1"), InternalFault)
        assert CANARIES[0] not in "".join(traceback.format_exception(fault))


async def test_rotation_seals_anew_what_older_keys_sealed_in_portions(database_url: str) -> None:
    async with opened(database_url, Ring("old")) as store:
        await saved(store, "e1", "e2", "e3")
    async with opened(database_url, Ring("old_", "old")) as store:  # as a pattern of LIKE it would match "old:" too
        async with store.transaction() as work:
            await work.save_expert("e0", expert(), NOW)
            await work.save_expert("e4", keyed("e4"), NOW)
        untouched = (await sealed(store))["e4"]
        assert [await store.reseal(2), await store.reseal(2), await store.reseal(2)] == [2, 1, 0]
        after = await sealed(store)
        assert (after["e0"], after["e4"]) == (None, untouched)
        assert {(after[name] or "").split(":")[0] for name in ("e1", "e2", "e3")} == {"old_"}
    async with opened(database_url, Ring("old_")) as store, store.reading() as work:
        assert [await work.expert(name) for name in ("e0", "e1", "e3")] == [expert(), keyed("e1"), keyed("e3")]


async def test_rotation_passes_over_what_no_key_opens_and_says_so_at_the_end(database_url: str) -> None:
    async with opened(database_url, Ring("lost")) as store:
        await saved(store, "e1", "e2", "e3")
    async with opened(database_url, Ring("old")) as store:
        await saved(store, "e4")
    async with opened(database_url, Ring("new", "old")) as store:
        assert await store.reseal(2) == 1
        fault = await fault_of(store.reseal(2), SettingsFault)
        assert (fault.code, "3 experts" in str(fault)) == ("secrets_keys_missing", True)
        assert {name: (value or "").split(":")[0] for name, value in (await sealed(store)).items()} == {
            "e1": "lost",
            "e2": "lost",
            "e3": "lost",
            "e4": "new",
        }


async def test_rotation_never_brings_back_keys_that_were_replaced_meanwhile(database_url: str) -> None:
    changed = keyed("changed").model_copy(update={"wfirma": KEYS.model_copy(update={"access_key": "fresh"})})
    names = [f"e{n}" for n in range(12)]
    async with opened(database_url, Ring("old")) as store:
        await saved(store, *names)
    async with opened(database_url, Ring("new", "old")) as store, opened(database_url, Ring("new", "old")) as other:

        async def replace(name: str) -> None:
            async with other.transaction() as work:
                await work.save_expert(name, changed, NOW)

        await asyncio.gather(*(store.reseal(3) for _ in range(4)), *(replace(name) for name in names[::2]))
        while await store.reseal(3):
            pass
        async with store.reading() as work:
            assert [await work.expert(name) for name in names[::2]] == [changed] * 6
            assert [await work.expert(name) for name in names[1::2]] == [keyed(name) for name in names[1::2]]


async def test_rotation_without_a_ring_is_refused(database_url: str) -> None:
    async with opened(database_url, None) as store:
        assert (await fault_of(store.reseal(10), SettingsFault)).code == "secrets_keys_missing"


async def test_how_many_secrets_each_key_seals_is_told_without_any_ring(database_url: str) -> None:
    async with opened(database_url, Ring("old")) as store:
        await saved(store, "exp-1", "exp-2")
    async with opened(database_url, Ring("new", "old")) as store:
        await saved(store, "exp-3")
        async with store.transaction() as work:
            await work.save_expert("exp-4", expert(), NOW)
    async with opened(database_url, None) as store:
        assert await store.sealed_by() == {"old": 2, "new": 1}
