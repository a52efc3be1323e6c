"""Statements that go to SQLite's driver directly say the same as through SQLAlchemy, and leave nothing behind."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, insert, select, text

from invoicing.storage.direct import execute, prepared
from invoicing.storage.one_hop import OneHopConnection
from invoicing.storage.session import Database
from invoicing.storage.types import Instant, Words

NOTES = Table(
    "notes",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("said", Words),
    Column("at", Instant),
    Column("open", Boolean),
)
ADD = insert(NOTES).inline()
NOTE = {"said": "zażółć", "at": datetime(2026, 11, 22, 10, tzinfo=UTC), "open": True}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/notes.db")
    async with made.writing() as connection:
        await connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT, at TEXT, open INTEGER)"))
    yield made
    await made.close()


async def written(database: Database) -> None:
    async with database.writing() as connection:
        await execute(connection, ADD, NOTE)


async def count(database: Database) -> int:
    async with database.reading() as connection:
        return len((await execute(connection, select(NOTES.c.id), None)).all())


async def test_rows_are_read_as_sqlalchemy_reads_them(database: Database) -> None:
    async with database.writing() as connection:
        done = await execute(connection, ADD, [NOTE, {**NOTE, "at": None, "open": False}])
        assert done.rowcount == 2
    async with database.reading() as connection:
        directly = (await execute(connection, select(NOTES), None)).all()
        whole = (await connection.execute(select(NOTES))).all()
    assert [row._asdict() for row in directly] == [row._asdict() for row in whole]
    assert directly[0].at == NOTE["at"]


async def test_a_statement_whose_text_depends_on_its_values_goes_the_whole_way(database: Database) -> None:
    await written(database)
    named = select(NOTES.c.said).where(NOTES.c.said.in_(["zażółć", "x"]))
    assert prepared(named, ()) is None
    assert prepared(select(NOTES), ()) is not None
    async with database.writing() as connection:
        await execute(connection, ADD, NOTE)
        assert len((await execute(connection, named, None)).all()) == 2, "in the same transaction"


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.writing() as connection:
            await execute(connection, ADD, NOTE)
            raise ZeroDivisionError
    assert await count(database) == 0


async def test_a_statement_cancelled_while_it_waits_for_its_lock_is_never_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, executed = threading.Event(), OneHopConnection._executed

    def on_the_thread(self: OneHopConnection, statement: str, parameters: Any, many: bool) -> tuple[list[Any], int]:
        begun.set()
        return executed(self, statement, parameters, many)

    monkeypatch.setattr(OneHopConnection, "_executed", on_the_thread)
    with sqlite3.connect(str(database.url.database), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(written(database))
        await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()
        other.execute("ROLLBACK")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await written(database)
    assert await count(database) == 1
