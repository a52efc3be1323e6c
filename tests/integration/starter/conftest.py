"""A folder for a command, with a database that has today's schema."""

import asyncio
import shutil
from pathlib import Path

import pytest

from invoicing.storage.schema import upgrade


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file to copy."""
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Path:
    """Where a command runs."""
    shutil.copy(migrated, tmp_path / "paidcase.db")
    return tmp_path
