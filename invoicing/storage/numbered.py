"""Rows that are numbered per case: 1, 2, 3 … without gap.

A number is taken under the lock of the case's row, in the statement that stores what it numbers: writers of one case
queue as they do for its facts, so numbers follow the order of commits and a rollback leaves none missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from invoicing.errors import NotFound
from invoicing.storage.tables import cases
from invoicing.storage.work import Statements, Work

_LOCK_CASE = (
    select(cases.c.case_id).where(cases.c.case_id == bindparam("of")).with_for_update(key_share=True)
)  # a statement of its own: on PostgreSQL only the next one sees what another writer committed while this one waited


def insert_numbered(table: Table, *columns: str) -> Statements:
    """Insert under the next number of the case unless a row with these columns exists; gives back the number."""
    last = select(func.coalesce(func.max(table.c.number), 0)).where(table.c.case_id == bindparam("of"))
    following = {"number": last.scalar_subquery() + 1}
    return {
        "sqlite": sqlite.insert(table)
        .values(following)
        .on_conflict_do_nothing(index_elements=columns)
        .returning(table.c.number),
        "postgresql": postgresql.insert(table)
        .values(following)
        .on_conflict_do_nothing(index_elements=columns)
        .returning(table.c.number),
    }


class NumberedRows(Work):
    """Adding a numbered row."""

    async def _numbered(self, statements: Statements, row: Mapping[str, Any]) -> int | None:
        """The number of the new row, None when there is one already. Raises `NotFound("case_unknown")`."""
        of = row["case_id"]
        if not (await self._write(_LOCK_CASE, {"of": of})).all():
            raise NotFound("case_unknown", "no case is recorded under this id")
        number: int | None = (await self._write(statements[self._dialect], {**row, "of": of})).scalar_one_or_none()
        return number
