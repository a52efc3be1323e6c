"""Statements handed to SQLite's driver without SQLAlchemy's execution, which costs more than SQLite itself.

SQLAlchemy builds and compiles each statement once, with the types of its parameters and columns, exactly as it does for
PostgreSQL; what it does again for every execution (contexts, cursors, results, a greenlet each) is left out. Measured,
it is two thirds of a small statement's time. A statement whose text depends on its values, such as a list of keys,
goes the whole way, in the same transaction.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BindParameter, Executable, Select, UpdateBase
from sqlalchemy.dialects.sqlite.aiosqlite import dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from invoicing.storage.one_hop import OneHopConnection

_SQLITE = dialect(paramstyle="qmark")
Processor = Callable[[Any], Any]


class Done(Protocol):
    """What an executed statement gives; SQLAlchemy's results do as well."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def all(self) -> Sequence[Any]:
        """The rows, with their columns as attributes."""

    def first(self) -> Any:
        """The first row, or None."""

    def scalar_one(self) -> Any:
        """The first column of the one row."""

    def scalar_one_or_none(self) -> Any:
        """The same, None without a row."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What SQLite has answered."""

    rows: Sequence[Any]
    rowcount: int

    def all(self) -> Sequence[Any]:
        """The rows."""
        return self.rows

    def first(self) -> Any:
        """The first row, or None."""
        return self.rows[0] if self.rows else None

    def scalar_one(self) -> Any:
        """The first column of the one row."""
        ((value, *_),) = self.rows
        return value

    def scalar_one_or_none(self) -> Any:
        """The same, None without a row."""
        return self.scalar_one() if self.rows else None


class _Bind(NamedTuple):
    key: str
    default: Any
    required: bool
    processor: Processor | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled statement: its text, how its parameters are written, and how its columns are read."""

    text: str
    binds: Sequence[_Bind]
    row: Callable[..., Any]
    readers: Sequence[tuple[int, Processor]]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """The parameters in their places, as the driver takes them. Raises `KeyError` for one that is missing."""
        values = []
        for key, default, required, processor in self.binds:
            value = given[key] if required else given.get(key, default)
            values.append(value if processor is None else processor(value))
        return values

    def rows(self, answered: Sequence[Sequence[Any]]) -> Sequence[Any]:
        """The rows as the columns' types read them."""
        if not self.readers:
            return [self.row(*columns) for columns in answered]
        rows = []
        for columns in answered:
            read = list(columns)
            for place, reader in self.readers:
                read[place] = reader(read[place])
            rows.append(self.row(*read))
        return rows


async def execute(connection: AsyncConnection, statement: Executable, parameters: Any) -> Done:
    """Execute in the connection's present transaction; on SQLite directly, whenever the statement allows it."""
    driver = driver_of(connection)
    if driver is None:
        return await connection.execute(statement, parameters)
    sets = parameters if isinstance(parameters, list) else [parameters or {}]
    ready = prepared(statement, tuple(sets[0]))
    if ready is None:
        return await connection.execute(statement, parameters)
    values = [ready.values(one) for one in sets]
    many = len(values) > 1
    answered, rowcount = await driver.executed(ready.text, values if many else values[0], many=many)
    return Executed(ready.rows(answered), rowcount)


def driver_of(connection: AsyncConnection) -> OneHopConnection | None:
    """The driver's connection where it is SQLite's."""
    assert connection.sync_connection is not None  # noqa: S101  # for the type checker: who has one is connected
    driver = connection.sync_connection.connection.driver_connection
    return driver if isinstance(driver, OneHopConnection) else None


@lru_cache(maxsize=1024)
def prepared(statement: Executable, keys: tuple[str, ...]) -> Prepared | None:
    """The statement for parameters of these names; None when its text depends on their values."""
    if not isinstance(statement, Select | UpdateBase):
        return None
    compiled = statement.compile(dialect=_SQLITE, column_keys=list(keys))
    if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params or compiled.insert_prefetch:
        return None
    columns = list(statement.exported_columns)
    return Prepared(
        text=str(compiled),
        binds=tuple(_bind(compiled.binds[name]) for name in compiled.positiontup or ()),
        row=namedtuple("Row", [column.key or "" for column in columns], rename=True),
        readers=tuple((n, reader) for n, column in enumerate(columns) if (reader := _reader(column.type)) is not None),
    )


def _bind(bind: BindParameter[Any]) -> _Bind:
    processor = bind.type.dialect_impl(_SQLITE).bind_processor(_SQLITE)
    return _Bind(bind.key, bind.value, bind.required, processor)


def _reader(kind: TypeEngine[Any]) -> Processor | None:
    return kind.dialect_impl(_SQLITE).result_processor(_SQLITE, None)
