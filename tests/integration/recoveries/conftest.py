"""One application on one database for the whole table; rows have cases of their own."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from invoicing.storage.schema import upgrade
from tests.fixtures_postgres import create_database, postgres_server
from tests.integration.recoveries.stage import Play, played


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def play(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Play]:
    """The stage of the module."""
    folder = tmp_path_factory.mktemp("recoveries")
    await upgrade(f"sqlite+aiosqlite:///{folder / 'paidcase.db'}")
    async with played(folder) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def play_postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Play]:
    """The same before a server."""
    with postgres_server() as address:
        url = await asyncio.to_thread(create_database, address, "recoveries")
        await upgrade(url)
        async with played(tmp_path_factory.mktemp("postgresql"), url) as opened:
            yield opened
