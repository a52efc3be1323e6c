"""What the repositories share: running a statement in the present transaction, and inserts that know about conflicts.

Statements are built once, at import, with bound parameters, so that SQLAlchemy compiles each of them once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Executable, Row, Table, TextClause
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.errors import InternalFault
from invoicing.ports import Clock, Sealer
from invoicing.storage.direct import Done, execute
from invoicing.storage.faults import translated

type_of_details: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


class Work:
    """One transaction. `writable` is False in a reading one; `sealer` is what opens secrets, when there is one."""

    def __init__(
        self,
        connection: AsyncConnection,
        dialect: str,
        clock: Clock,
        *,
        writable: bool,
        sealer: Sealer | None = None,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._clock = clock
        self._writable = writable
        self._sealer = sealer

    async def _read(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        with translated():
            done = await execute(self._connection, statement, parameters)
        return done.all()

    async def _write(self, statement: Executable, parameters: Any = None) -> Done:
        if not self._writable:
            raise InternalFault("internal", "a reading transaction was asked to write")
        with translated():
            return await execute(self._connection, statement, parameters)


Statements = Mapping[str, Executable]
"""The same statement for each dialect."""


def insert_once(table: Table, *columns: str, where: TextClause | None = None) -> Statements:
    """Insert unless a row with these columns exists; the row count tells which. Other unique rules still raise."""
    return {
        "sqlite": _counted(sqlite.insert(table).on_conflict_do_nothing(index_elements=columns, index_where=where)),
        "postgresql": _counted(
            postgresql.insert(table).on_conflict_do_nothing(index_elements=columns, index_where=where)
        ),
    }


def upsert(table: Table, *columns: str, keep: tuple[str, ...] = ()) -> Statements:
    """Insert, or replace every other column of the row with these columns but those in `keep`."""
    replaced = [column.name for column in table.columns if column.name not in {*columns, *keep}]
    lite, full = sqlite.insert(table), postgresql.insert(table)
    return {
        "sqlite": lite.on_conflict_do_update(
            index_elements=columns, set_={name: lite.excluded[name] for name in replaced}
        ).inline(),
        "postgresql": full.on_conflict_do_update(
            index_elements=columns, set_={name: full.excluded[name] for name in replaced}
        ).inline(),
    }


def _counted(statement: sqlite.Insert | postgresql.Insert) -> Executable:
    # inline: no RETURNING for a key that nobody reads; SQLAlchemy tells the row count of an insert only when asked
    return statement.inline().execution_options(preserve_rowcount=True)
