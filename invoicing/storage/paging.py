"""Lists page by page, newest first.

Guarantee: each page begins behind the last row of the one before, by the key of that row and never by counting, so that
rows which arrive meanwhile neither move nor repeat anything.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Select, Table, TextClause, select

Condition = ColumnElement[bool] | TextClause
E = TypeVar("E", bound=StrEnum)

LARGEST_ID = 2**63 - 1
"""What a column of ids can hold; a number from outside may be larger, and the drivers refuse it."""


def page_below(table: Table, after_id: int, limit: int, *conditions: Condition) -> Select[Any]:
    """Rows under these conditions with an id below `after_id` (0: from the newest)."""
    if after_id:
        conditions = (*conditions, table.c.id < min(after_id, LARGEST_ID))
    return select(table).where(*conditions).order_by(table.c.id.desc()).limit(limit)


def within(column: Column[datetime], since: datetime | None, until: datetime | None) -> list[Condition]:
    """From `since` on, and before `until`."""
    bounds: list[Condition] = []
    if since is not None:
        bounds.append(column >= since)
    if until is not None:
        bounds.append(column < until)
    return bounds


def named_in(condition: TextClause, values: type[E]) -> frozenset[E]:
    """The values of a closed set that an index's condition lists: which of them it serves, said in one place."""
    return frozenset(value for value in values if f"'{value.value}'" in condition.text)
