"""The tables of a database, read in one snapshot and loaded in one transaction, on SQLite and PostgreSQL.

Guarantee: what is written belongs to one instant, whatever moves meanwhile; what is loaded is there whole or not at
all. Signs of life (`processes`) stay behind: they speak of other processes. No program of the database is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Table, func, insert, literal, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.backups import TableSum
from invoicing.errors import NotAllowed
from invoicing.storage.append_only import may_be_emptied
from invoicing.storage.faults import translated
from invoicing.storage.schema import demand_revision
from invoicing.storage.session import Database
from invoicing.storage.table_files import TableWriter
from invoicing.storage.tables import metadata, processes

TABLES: Mapping[str, Table] = {table.name: table for table in metadata.sorted_tables if table is not processes}
"""In an order in which each row finds what it refers to."""

PAGE = 2000
Batches = Callable[[Table], Iterator[list[dict[str, Any]]]]


async def dump(url: str, folder: Path) -> Mapping[str, TableSum]:
    """Write a file a table into a folder. Raises `ConnectivityFault`, `SettingsFault` for another schema."""
    database = Database(url)
    sums: dict[str, TableSum] = {}
    try:
        async with database.reading() as connection:
            await demand_revision(connection)
            for name, table in TABLES.items():
                with TableWriter(table_file(folder, name), table) as file:
                    async for rows in _pages(connection, table):
                        file.add(rows)
                sums[name] = file.total
    finally:
        await database.close()
    return sums


def table_file(folder: Path, name: str) -> Path:
    """Where `dump` writes a table."""
    return folder / f"{name}.jsonl.gz"


async def _pages(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    key = list(table.primary_key.columns)
    statement = select(table).order_by(*key).limit(PAGE)
    page = statement
    while True:
        with translated():
            rows = (await connection.execute(page)).all()
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        last = tuple_(*(literal(getattr(rows[-1], column.name), column.type) for column in key))
        page = statement.where(tuple_(*key) > last)


async def load(url: str, tables: Batches, *, replace: bool, seen_since: datetime) -> None:
    """Fill a database of today's schema.

    Raises `NotAllowed`: `database_not_empty` unless it is to be replaced, `processes_running` while any gives signs of
    life. Raises what `tables` raises; then, and whenever anything else goes wrong, the database is as it was.
    """
    database = Database(url)
    try:
        async with database.writing() as connection:
            await demand_revision(connection)
            if database.dialect == "postgresql":
                with translated():
                    await connection.execute(text("SET LOCAL statement_timeout = 0"))
            async with may_be_emptied(connection, database.dialect):
                await _demand_room(connection, replace=replace, seen_since=seen_since)
            for table in TABLES.values():
                for batch in tables(table):
                    with translated():
                        await connection.execute(insert(table).inline(), batch)
            if database.dialect == "postgresql":
                await _number_on(connection)
    finally:
        await database.close()


async def _demand_room(connection: AsyncConnection, *, replace: bool, seen_since: datetime) -> None:
    with translated():
        alive = await connection.execute(select(processes.c.name).where(processes.c.seen_at >= seen_since).limit(1))
        if alive.first() is not None:
            raise NotAllowed("processes_running", "workers or the API use this database: stop them first")
        for table in reversed([*TABLES.values()]):
            if replace:
                await connection.execute(table.delete())
            elif (await connection.execute(select(literal(1)).select_from(table).limit(1))).first() is not None:
                raise NotAllowed("database_not_empty", f"table {table.name} has rows")


async def _number_on(connection: AsyncConnection) -> None:
    """PostgreSQL numbers rows by a sequence, which knows nothing of numbers that were given."""
    for table in TABLES.values():
        if "id" in table.columns:
            last = select(func.coalesce(func.max(table.c.id), 0) + 1).scalar_subquery()
            with translated():
                await connection.execute(
                    select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last, False))
                )
