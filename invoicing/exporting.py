"""Lists written out whole: CSV that no spreadsheet takes for formulas, and JSON Lines.

Guarantee: page after page, so that no export is held in memory; each page begins behind the last row of the one before,
so that what is written meanwhile neither moves nor repeats anything. CSV is RFC 4180; a cell that a spreadsheet would
compute gets an apostrophe before it (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from invoicing.domain.records import Page

T = TypeVar("T")
Q = TypeVar("Q", bound=Page)


class Row(Protocol):
    """What has a place in a list."""

    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=Row)

PAGE = 500
COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula, the full-width forms too."""


class Format(StrEnum):
    """How a list is given: a page of JSON, or all of it."""

    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


MEDIA_TYPES = {Format.CSV: "text/csv; charset=utf-8; header=present", Format.JSONL: "application/jsonl; charset=utf-8"}


async def pages(
    fetch: Callable[[Any], Awaitable[Sequence[T]]], place: Callable[[T], Any], start: Any = None
) -> AsyncIterator[Sequence[T]]:
    """Every page of a list; `fetch` takes the place after which a page begins."""
    while True:
        page = await fetch(start)
        yield page
        if len(page) < PAGE:
            return
        start = place(page[-1])


def every(call: Callable[[Q], Awaitable[Sequence[R]]], query: Q) -> AsyncIterator[Sequence[R]]:
    """Every page of a list whose rows have ids, under the conditions of a query."""

    async def fetch(after: int | None) -> Sequence[R]:
        below = query.after_id if after is None else after
        return await call(query.model_copy(update={"after_id": below, "limit": PAGE}))

    return pages(fetch, lambda row: row.id)


async def written(
    form: Format, columns: Sequence[str], found: AsyncIterator[Sequence[T]], item: Callable[[T], Mapping[str, Any]]
) -> AsyncIterator[str]:
    """The text of a whole list, a page at a time."""
    if form is Format.CSV:
        yield csv_text([columns])
    async for page in found:
        items = [item(row) for row in page]
        if form is Format.CSV:
            yield csv_text([[_cell(one.get(column)) for column in columns] for one in items])
        else:
            yield "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in items)


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows of RFC 4180: lines end with CR LF, and every cell is quoted."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _cell(value: object) -> str:
    """A value as a cell: what is not a text as JSON, and nothing that a spreadsheet would compute."""
    if value is None:
        return ""
    written_as = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{written_as}" if written_as.startswith(COMPUTED) else written_as
