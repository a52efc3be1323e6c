"""Exports: RFC 4180, no cell that a spreadsheet would compute, page after page."""

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence

import pytest

from invoicing.domain.invoices import Fact
from invoicing.domain.records import Page
from invoicing.exporting import PAGE, Format, csv_text, every, written

FORMULAS = ["=1+1", "+48 22", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠x"]
TEXTS = ["", "zażółć", 'a "quoted" word', "a, b; c", "two\r\nlines", "فاتورة", "a=b", "'", " =1"]


class Row(Fact):
    id: int


async def text_of(form: Format, columns: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    async def found() -> AsyncIterator[Sequence[dict[str, object]]]:
        yield rows

    return "".join([part async for part in written(form, columns, found(), lambda row: row)])


@pytest.mark.parametrize("formula", FORMULAS)
async def test_a_cell_that_a_spreadsheet_would_compute_becomes_text(formula: str) -> None:
    text = await text_of(Format.CSV, ["a"], [{"a": formula}])
    (_, (cell,)) = csv.reader(io.StringIO(text, newline=""))
    assert cell == f"'{formula}"


async def test_every_other_text_is_read_back_as_it_was() -> None:
    text = await text_of(Format.CSV, ["a", "b"], [{"a": one, "b": "x"} for one in TEXTS])
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == ["a", *TEXTS]
    assert text.startswith('"a","b"\r\n')
    assert text.endswith("\r\n")


async def test_what_is_no_text_is_written_as_json_and_nothing_as_nothing() -> None:
    text = await text_of(Format.CSV, list("abcd"), [{"a": {"ż": "1"}, "b": 3, "c": None}])
    assert list(csv.reader(io.StringIO(text))) == [list("abcd"), ['{"ż": "1"}', "3", "", ""]]


async def test_json_lines_hold_one_document_a_line_whatever_its_texts_hold() -> None:
    rows: list[dict[str, object]] = [{"a": one, "b": {"c": None}} for one in (*TEXTS, *FORMULAS)]
    text = await text_of(Format.JSONL, ["a"], rows)
    assert [json.loads(line) for line in text.split("\n")[:-1]] == rows


async def test_every_page_is_asked_for_once_and_begins_behind_the_last_row() -> None:
    rows = [Row(id=number) for number in range(2 * PAGE + 3, 0, -1)]
    asked: list[int] = []

    async def call(query: Page) -> list[Row]:
        asked.append(query.after_id)
        return [row for row in rows if not query.after_id or row.id < query.after_id][: query.limit]

    found = [row async for page in every(call, Page(limit=7)) for row in page]
    assert found == rows
    assert asked == [0, PAGE + 4, 4]


def test_a_line_of_csv_ends_as_rfc_4180_says() -> None:
    assert csv_text([["a", 'b"c'], ["d", "e"]]) == '"a","b""c"\r\n"d","e"\r\n'
