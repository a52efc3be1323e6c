"""One table as a file: gzip of JSON Lines, the column names first and then a list of values a row.

Values are written as both databases agree on them (times and dates in ISO 8601, amounts as exact decimals), so that a
table may be loaded into the other kind of database. The digest is that of the text, whatever gzip makes of it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from sqlalchemy import Column, Date, Table

from invoicing.domain.backups import TableSum
from invoicing.errors import DataFault
from invoicing.storage.types import Amount, Instant

DAMAGED = (OSError, EOFError, zlib.error, ValueError, TypeError, ArithmeticError)
"""What reading a file raises that is not what was written."""

BATCH = 1000


class TableWriter:
    """Writes one table's file; `total` is right once the block has ended."""

    def __init__(self, path: Path, table: Table) -> None:
        self._path = path
        self._names = [column.name for column in table.columns]
        self._digest = hashlib.sha256()
        self._rows = -1

    def __enter__(self) -> TableWriter:
        self._file = gzip.open(self._path, "wb", compresslevel=3)
        self.add([self._names])
        return self

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append rows."""
        dumped = (json.dumps([*row], ensure_ascii=False, separators=(",", ":"), default=_written) for row in rows)
        text = "".join(f"{line}\n" for line in dumped).encode()
        self._digest.update(text)
        self._file.write(text)
        self._rows += len(rows)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    @property
    def total(self) -> TableSum:
        """Rows and digest."""
        return TableSum(rows=self._rows, sha256=self._digest.hexdigest())


def batches(file: IO[bytes], table: Table, expected: TableSum) -> Iterator[list[dict[str, Any]]]:
    """The rows of a table's file, a batch at a time. Raises `DataFault("backup_damaged")` when it is not as expected.

    That is known for certain only at the end, so who writes them somewhere does it in one transaction.
    """
    columns = {column.name: column for column in table.columns}
    digest, rows = hashlib.sha256(), 0
    try:
        with gzip.open(file, "rb") as lines:
            first = lines.readline()
            digest.update(first)
            names = json.loads(first)
            if set(names) != set(columns):
                raise damaged(f"table {table.name} has other columns")
            batch: list[dict[str, Any]] = []
            for line in lines:
                digest.update(line)
                values = json.loads(line)
                batch.append({name: _read(columns[name], value) for name, value in zip(names, values, strict=True)})
                if len(batch) == BATCH:
                    rows += len(batch)
                    yield batch
                    batch = []
            rows += len(batch)
            if batch:
                yield batch
    except DAMAGED:
        raise damaged(f"table {table.name} cannot be read") from None
    if (rows, digest.hexdigest()) != (expected.rows, expected.sha256):
        raise damaged(f"table {table.name} is not the one that was written")


def damaged(what: str) -> DataFault:
    """A backup is not what was written."""
    return DataFault("backup_damaged", message=what)


def _written(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(type(value).__name__)


def _read(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    match column.type:
        case Instant():
            return datetime.fromisoformat(value)
        case Date():
            return date.fromisoformat(value)
        case Amount():
            return Decimal(value)
        case _:
            return value
