"""Databases for the exam: one migrated SQLite file to copy, one migrated PostgreSQL database to empty."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from invoicing.storage.schema import upgrade
from tests.fixtures_postgres import PostgresAddress, create_database, emptied, postgres_server


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[PostgresAddress]:
    """One server for all tests of this folder."""
    with postgres_server() as address:
        yield address


@pytest.fixture(scope="session")
def migrated_postgresql(postgres_address: PostgresAddress) -> str:
    """A database with our schema; tests empty it before they use it."""
    url = create_database(postgres_address, "exam")
    asyncio.run(upgrade(url))
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our schema; tests copy it."""
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with our schema, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "paidcase.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite+aiosqlite:///{path}"
    url: str = request.getfixturevalue("migrated_postgresql")
    asyncio.run(emptied(url))
    return url


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> str:
    """A database without schema; `kind` is given by the test's parameters."""
    if kind == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'new' / 'folder' / 'paidcase.db'}"
    name = f"empty_{abs(hash(request.node.name)) % 10**9}"
    return create_database(request.getfixturevalue("postgres_address"), name)
