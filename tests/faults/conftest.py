"""One Temporal server for the session, and a migrated database to copy."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from invoicing.storage.schema import upgrade
from tests.stage_temporal import TemporalServer, temporal_server


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """The dev server that all worlds of this folder share."""
    with temporal_server(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with our schema."""
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path
