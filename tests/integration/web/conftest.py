"""One migrated SQLite file to copy, an application on a copy of it, and a migrated PostgreSQL database."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from invoicing.storage.schema import upgrade
from tests.fixtures_postgres import create_database, emptied, postgres_server
from tests.integration.web.stage import Stage, settings, staged


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our schema."""
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL database with our schema; tests empty it before they use it."""
    with postgres_server() as address:
        url = create_database(address, "web")
        asyncio.run(upgrade(url))
        yield url


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A folder with an empty database of our schema."""
    shutil.copy(template, tmp_path / "paidcase.db")
    return tmp_path


@pytest.fixture(params=["sqlite", "postgresql"])
def either_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """An empty database with our schema, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{folder / 'paidcase.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    asyncio.run(emptied(url))
    return url


@pytest.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The application."""
    async with staged(settings(folder)) as it:
        yield it
