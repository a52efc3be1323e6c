"""Rows of a batch file: CSV (RFC 4180) with flattened columns, or JSON Lines, read one after another.

Guarantee: a row that cannot be read is a refused row with its number, never the end of the file, and no more than one
row is held in memory. Numbers are those an editor or a spreadsheet shows: the header of a CSV file is row 1.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO

from invoicing.domain.cases import BillingData, CaseDocument, Client, ExternalPayment, Line, ProfileReference
from invoicing.domain.faults import FaultCode, fault
from invoicing.errors import DataFault, Fault
from starter.documents import Refusal, checked, read_json

SUFFIXES = (".csv", ".jsonl")

COLUMNS = (
    *("case_id", "expert_id"),
    *(f"client.{name}" for name in Client.model_fields),
    *(f"billing_data.{name}" for name in (*BillingData.model_fields, *ProfileReference.model_fields)),
    *("currency", "prices"),
    *(f"line.{name}" for name in Line.model_fields),
    *(f"payment.{name}" for name in ExternalPayment.model_fields),
)
"""Columns of a CSV file, in any order; those without a value in any row may be left out."""


CLAIMS = frozenset({"line.annex_15"})
YES_NO = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number, and the case or the reason why there is none."""

    number: int
    case: CaseDocument | Refusal


@dataclass(slots=True)
class RowReader:
    """Iterates over the rows of an open file; `read` tells how many bytes of it have been taken."""

    file: BinaryIO
    suffix: str
    read: int = 0
    _rows: Iterator[Row] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = self._csv() if self.suffix == ".csv" else self._json_lines()

    def take(self, most: int) -> list[Row]:
        """The next rows, none at the end of the file. Raises `DataFault` for a header that cannot be used."""
        return list(islice(self._rows, most))

    def _lines(self) -> Iterator[bytes]:
        for line in self.file:
            self.read += len(line)
            yield line

    def _json_lines(self) -> Iterator[Row]:
        for number, line in enumerate(self._lines(), start=1):
            if line.strip():
                yield Row(number, read_json(line))

    def _csv(self) -> Iterator[Row]:
        # what is not UTF-8 becomes surrogates, which are refused row by row
        text = (line.decode(errors="surrogateescape") for line in self._lines())
        first = next(text, "").removeprefix("\ufeff")
        delimiter = ";" if first.count(";") > first.count(",") else ","
        header = next(csv.reader([first], delimiter=delimiter), [])
        columns = _columns(header)
        parsed = csv.reader(text, delimiter=delimiter, strict=True)
        for number in count(2):
            try:
                cells = next(parsed)
            except StopIteration:
                return
            except csv.Error:
                yield Row(number, Refusal("invalid", (fault("", FaultCode.BAD_FORMAT),), message="not CSV"))
                continue
            if any(cell.strip() for cell in cells):
                yield Row(number, _case(columns, cells))


def _columns(header: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in header)
    faults = [fault(name, FaultCode.UNKNOWN_FIELD) for name in names if name not in COLUMNS]
    faults += [fault(name, FaultCode.BAD_FORMAT) for name in dict.fromkeys(names) if names.count(name) > 1]
    faults += [fault(name, FaultCode.MISSING) for name in ("case_id", "expert_id") if name not in names]
    if faults:
        raise DataFault("invalid", faults)
    return names


def _case(columns: Sequence[str], cells: Sequence[str]) -> CaseDocument | Refusal:
    if len(cells) > len(columns):
        return Refusal("invalid", (fault(f"column {len(columns) + 1}", FaultCode.UNKNOWN_FIELD),))
    values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()}
    unreadable = [fault(name, FaultCode.BAD_CHARACTERS) for name, value in values.items() if not _is_text(value)]
    if unreadable:
        return Refusal("invalid", tuple(unreadable))
    document: dict[str, Any] = {}
    for name, value in values.items():
        room, _, last = name.rpartition(".")
        (document.setdefault(room, {}) if room else document)[last] = (
            YES_NO.get(value, value) if name in CLAIMS else value
        )
    if "line" in document:
        document["lines"] = [document.pop("line")]
    case = checked(document)
    if isinstance(case, Refusal):
        return Refusal(case.code, tuple(_as_column(item) for item in case.faults), case.case_id)
    return case


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_column(item: Fault) -> Fault:
    """The path of a fault as the column where it is."""
    return Fault(item.field.replace("lines[0]", "line").replace("lines", "line"), item.code)


def suffix_of(path: Path) -> str | None:
    """The format of a file by its name, None when it is neither."""
    return path.suffix.lower() if path.suffix.lower() in SUFFIXES else None
