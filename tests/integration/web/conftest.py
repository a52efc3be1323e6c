"""One migrated SQLite file to copy, and an application on a copy of it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from invoicing.storage.schema import upgrade
from tests.integration.web.stage import Stage, settings, staged


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our schema."""
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A folder with an empty database of our schema."""
    shutil.copy(template, tmp_path / "paidcase.db")
    return tmp_path


@pytest.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The application."""
    async with staged(settings(folder)) as it:
        yield it
