"""SQLite statements in one trip to the connection's thread.

aiosqlite runs each of cursor, execute, fetch and close as a job of its own on the thread of the connection; SQLAlchemy
asks for all four, and each costs a switch between two threads. Here a cursor opens nothing until it executes, and then
executes and fetches in one job, and BEGIN travels with the first statement of its transaction. Same driver, same
thread, same order of jobs; measured, a transaction of three statements takes half the time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import aiosqlite


class OneHopCursor:
    """What SQLAlchemy's adapter asks of a cursor, with the rows already here."""

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> OneHopCursor:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> OneHopCursor:
        """Execute and fetch."""
        await self._connection.run(self._do, "execute", operation, parameters)
        return self

    async def executemany(self, operation: str, parameters: Iterable[Sequence[Any]]) -> OneHopCursor:
        """Execute for each set of parameters."""
        await self._connection.run(self._do, "executemany", operation, parameters)
        return self

    def _do(self, how: str, operation: str, parameters: Any) -> None:
        cursor = self._connection.cursor_of_thread()
        try:
            getattr(cursor, how)(operation, parameters)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    async def fetchall(self) -> list[Any]:
        """The rows that came with the execution."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open."""


class OneHopConnection(aiosqlite.Connection):
    """An aiosqlite connection whose statements take one trip, and whose needless rollbacks take none."""

    _begin: str | None = None
    _abandoned = False
    _stopped: Any = None

    def stop(self) -> Any:
        """Stop the thread."""
        self._stopped = super().stop()
        return self._stopped

    async def _connect(self) -> aiosqlite.Connection:
        try:
            return await super()._connect()
        except BaseException:
            if self._stopped is not None:  # else the thread would speak to an event loop that may be closed by then
                await self._stopped
            raise

    def cursor(self) -> Any:
        """A cursor that is opened by its execution."""
        return OneHopCursor(self)

    def begin_with_next(self, statement: str) -> None:
        """Begin the transaction when its first statement comes; a transaction without any never begins."""
        self._begin = statement

    def cursor_of_thread(self) -> sqlite3.Cursor:
        """A driver's cursor in the begun transaction; only for jobs on the thread of the connection."""
        if self._begin is not None:
            self._conn.execute(self._begin)
            self._begin = None  # only now: when it was refused, the next statement must not run without it
        return self._conn.cursor()

    async def executed(self, statement: str, parameters: Any, *, many: bool) -> tuple[list[Any], int]:
        """Rows and row count of a statement, for one set of parameters or for many."""
        return cast("tuple[list[Any], int]", await self.run(self._executed, statement, parameters, many))

    def _executed(self, statement: str, parameters: Any, many: bool) -> tuple[list[Any], int]:
        cursor = self.cursor_of_thread()
        try:
            (cursor.executemany if many else cursor.execute)(statement, parameters)
            return cursor.fetchall() if cursor.description else [], cursor.rowcount
        finally:
            cursor.close()

    async def run(self, job: Any, *arguments: Any) -> Any:
        """One job on the thread of the connection."""
        try:
            return await self._execute(job, *arguments)  # type: ignore[no-untyped-call]  # aiosqlite leaves it untyped
        except asyncio.CancelledError:
            self._abandoned = True  # the job itself goes on, or waits for its turn
            raise

    async def commit(self) -> None:
        """Nothing to commit when nothing began."""
        if self._begin is None:
            await self.run(self._conn.commit)

    async def rollback(self) -> None:
        """SQLAlchemy rolls back whenever a connection returns to the pool; most have nothing to roll back."""
        if self._abandoned or self._conn.in_transaction:
            await self.run(self._roll_back)
            self._abandoned = False
        self._begin = None

    def _roll_back(self) -> None:
        # on the thread, behind an abandoned statement: taken from it before, it would run outside of any transaction
        self._begin = None
        self._conn.rollback()


def connect_sqlite(database: str | Path, **options: Any) -> OneHopConnection:
    """A connection for SQLAlchemy's `async_creator_fn`; awaited there."""

    def connector() -> sqlite3.Connection:
        opened: sqlite3.Connection = sqlite3.connect(str(database), cached_statements=256, **options)
        return opened

    connection = OneHopConnection(connector, iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy does: a process must be able to end without it
    return connection
