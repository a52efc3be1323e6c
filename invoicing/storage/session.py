"""Connections and transactions.

SQLite: write-ahead log, so that readers and the one writer do not wait for each other; BEGIN IMMEDIATE for writers, so
that what was read in a transaction is still true when it writes; in one process writers queue in order instead of
polling the file, between processes the busy timeout counts. `synchronous=FULL`: with NORMAL a power cut may take back
the last commits, and an intent to charge or a number that was acted on must not be taken back. It costs one fsync per
writing transaction: measured, 1.1 ms instead of 0.6 ms for facts, save and log.

PostgreSQL: READ COMMITTED for writers, one REPEATABLE READ snapshot for readers, time limits so that the locks of a
frozen process are given up. A lost connection is an error once; the next transaction gets another.

Lost commit: when the connection breaks during COMMIT the caller gets `ConnectivityFault`, yet the commit may have
happened. Every writer of this project looks for its recorded result first, so repeating is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from invoicing.errors import ConnectivityFault, SettingsFault
from invoicing.storage.direct import driver_of
from invoicing.storage.faults import translated
from invoicing.storage.one_hop import OneHopConnection, connect_sqlite

BUSY_SECONDS = 10
"""How long a writer waits for another one; below the 30 seconds of an outward call."""
_POOL_SQLITE, _POOL_POSTGRESQL = 4, 16
_SERVER_SETTINGS = {
    "application_name": "paidcase",
    "lock_timeout": f"{BUSY_SECONDS}s",
    "statement_timeout": "20s",
    "idle_in_transaction_session_timeout": "20s",
    "timezone": "UTC",
}


def parse_url(text: str) -> URL:
    """The address of a supported database. Raises `SettingsFault`; its message never repeats the password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        raise SettingsFault("database_url", "DATABASE_URL is not an address of a database") from None
    if url.drivername == "postgresql+asyncpg" and url.database:
        return url
    if url.drivername == "sqlite+aiosqlite" and url.database and url.database != ":memory:" and not url.query:
        return url
    raise SettingsFault(
        "database_url",
        "DATABASE_URL must be sqlite+aiosqlite:///path/to/file.db or postgresql+asyncpg://user:password@host/name; "
        "a database in memory would lose every case",
    )


def create_engine(url: URL, *, pooled: bool = True, patience: float = BUSY_SECONDS) -> AsyncEngine:
    """An engine for the database; opens nothing yet, but makes the folder of an SQLite file."""
    options: dict[str, Any] = {"hide_parameters": True}
    if not pooled:
        options |= {"poolclass": NullPool}
    else:
        size = _POOL_SQLITE if url.drivername.startswith("sqlite") else _POOL_POSTGRESQL
        options |= {"pool_size": size, "max_overflow": size, "pool_timeout": patience, "pool_use_lifo": True}
    if url.drivername.startswith("sqlite"):
        Path(url.database or "").expanduser().absolute().parent.mkdir(parents=True, exist_ok=True)
        options["connect_args"] = {"async_creator_fn": connect_sqlite, "timeout": patience, "isolation_level": None}
        engine = create_async_engine(url, **options)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return engine
    options["connect_args"] = {"timeout": 5, "command_timeout": 25, "server_settings": _SERVER_SETTINGS}
    return create_async_engine(url, **options)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_with_next(connection: AsyncConnection, statement: str) -> OneHopConnection:
    driver = driver_of(connection)
    assert driver is not None  # noqa: S101  # `create_engine` makes no other
    driver.begin_with_next(statement)
    return driver


class Database:
    """One engine with the two kinds of transaction."""

    def __init__(self, url: str, patience: float = BUSY_SECONDS) -> None:
        self.url = parse_url(url)
        self.dialect = self.url.get_backend_name()
        self._patience = patience
        self._engine = create_engine(self.url, patience=patience)
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Commits when the block ends, rolls back when it raises."""
        if self.dialect != "sqlite":
            async with self._connected(self._engine) as connection:
                yield connection
                with translated():
                    await connection.commit()
            return
        await self._wait_for_turn()
        try:
            async with self._connected(self._engine) as connection:
                driver = _begin_with_next(connection, "BEGIN IMMEDIATE")
                yield connection
                with translated():
                    await driver.commit()  # SQLAlchemy has not seen every statement
        finally:
            self._turn.release()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot; always rolled back."""
        sqlite = self.dialect == "sqlite"
        async with self._connected(self._engine if sqlite else self._snapshots) as connection:
            if sqlite:
                _begin_with_next(connection, "BEGIN")
            yield connection

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        with translated():
            connection = await engine.connect()
        try:
            yield connection
        finally:
            with translated():
                await asyncio.shield(asyncio.ensure_future(connection.close()))

    async def _wait_for_turn(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError:
            raise ConnectivityFault("database_unavailable", "another transaction holds the database") from None

    async def close(self) -> None:
        """Give every connection back."""
        await self._engine.dispose()
