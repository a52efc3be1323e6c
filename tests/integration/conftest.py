"""A brown-out stage on a real SQLite file, made once and copied for each test."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from invoicing.storage.schema import upgrade
from invoicing.storage.store import SqlCaseStore
from tests.contract.gateways.wfirma_stage import MovedClock
from tests.integration.brownout_stage import Bench


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
async def bench(migrated: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    shutil.copy(migrated, tmp_path / "paidcase.db")
    clock = MovedClock()
    store = SqlCaseStore(f"sqlite+aiosqlite:///{tmp_path / 'paidcase.db'}", clock)
    yield Bench(store, clock)
    await store.close()
