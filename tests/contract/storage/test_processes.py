"""Several processes on one database: numbers without gap, and one migration."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

import pytest

from invoicing.storage.schema import REVISION
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.exam_money import PERIOD, SERIES, stored_ordinals
from tests.contract.storage.samples import recorded

UPGRADE = "import asyncio, sys; from invoicing.storage.schema import upgrade; print(asyncio.run(upgrade(sys.argv[1])))"


async def test_two_processes_of_eight_writers_leave_no_gap(database_url: str) -> None:
    names = [f"case-{n}" for n in range(128)]
    store = SqlCaseStore(database_url)
    try:
        await recorded(store, *names)
        module = ["-m", "tests.contract.storage.number_writer", database_url]
        processes = [await _python(*module, str(seed), *names[seed::2]) for seed in range(2)]
        for process in processes:
            await _succeed(process)
        ordinals = await stored_ordinals(store, names)
        assert 0 < len(ordinals) < len(names)
        assert sorted(ordinals) == list(range(1, len(ordinals) + 1))
        async with store.transaction() as work:
            assert await work.take_number(SERIES, PERIOD) == len(ordinals) + 1
    finally:
        await store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_processes_that_migrate_at_once_all_succeed(kind: str, empty_url: str) -> None:
    processes = [await _python("-c", UPGRADE, empty_url) for _ in range(3)]
    assert [await _succeed(process) for process in processes] == [REVISION] * 3
    store = SqlCaseStore(empty_url)
    try:
        assert await store.ping() == REVISION
    finally:
        await store.close()


async def _python(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, stderr=PIPE)


async def _succeed(process: Process) -> str:
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    return out.decode().strip()
