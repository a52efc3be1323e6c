"""What the commands that show lists have in common: a page as a table, or the whole list as CSV or JSON Lines.

Guarantee: a file is complete or not there; it is written beside its name and moved when the last row is in it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from invoicing.bootstrap import Application, application
from invoicing.domain.records import Page
from invoicing.domain.state import Step
from invoicing.errors import Cause, SettingsFault
from invoicing.exporting import Format, Row, written
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.outcomes import ExitCode

T = TypeVar("T")
Q = TypeVar("Q", bound=Page)
R = TypeVar("R", bound=Row)
MOST = 1000


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One list: its pages, the columns of an export, and the row of its table."""

    found: AsyncIterator[Sequence[T]]
    columns: Sequence[str]
    item: Callable[[T], dict[str, Any]]
    heading: Sequence[str]
    row: Callable[[dict[str, Any]], Sequence[str]]
    place: Callable[[T], object]
    nothing: str
    flat: Callable[[dict[str, Any]], dict[str, Any]] = dict


def run_list(call: Call, listed: Callable[[Application], Listed[T]]) -> int:
    """Show a list of the application; 0 whether there is anything on it or not."""

    async def shown() -> int:
        async with application(call.settings()) as app:
            return await show(call, listed(app))

    return run_loop(shown)


def query_of(call: Call, query: type[Q], *names: str, **more: object) -> Q:
    """What `--case`, `--since`, `--until`, the options of these names and `more` ask for."""
    wanted = call.arguments
    named = {name: getattr(wanted, name) for name in names}
    return query.model_validate({"case_id": wanted.case, "since": wanted.since, "until": wanted.until, **named, **more})


def told_list(
    call: Call,
    found: AsyncIterator[Sequence[R]],
    columns: Sequence[str],
    item: Callable[[R, str], dict[str, Any]],
    table: Mapping[str, str],
    nothing: str,
) -> Listed[R]:
    """A list whose rows have ids; `table` says what of an item stands under each heading."""
    return Listed(
        found=found,
        columns=columns,
        item=lambda row: item(row, call.language),
        heading=tuple(table),
        row=lambda one: [one[name] for name in table.values()],
        place=lambda row: row.id,
        nothing=nothing,
    )


def list_options(parser: argparse.ArgumentParser) -> None:
    """`--case`, `--since`, `--until`, and where and how the list is written."""
    parser.add_argument("--case", metavar="CASE_ID", help="only of this case")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="from this time on, as 2026-11-22T10:00:00Z")
    parser.add_argument("--until", type=_moment, metavar="TIME", help="before this time")
    parser.add_argument("--limit", type=_limit, default=100, metavar="N", help=f"at most N, up to {MOST}; default 100")
    parser.add_argument("--format", choices=["table", "csv", "jsonl"], default="table",
                        help="csv and jsonl give the whole list, whatever --limit says")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="write csv or jsonl into this file")
    language_option(parser)


def cause_options(parser: argparse.ArgumentParser) -> None:
    """`--cause`, `--code`, `--step`."""
    parser.add_argument("--cause", choices=[cause.value for cause in Cause], help="only what has this cause")
    parser.add_argument("--code", metavar="CODE", help="only this code of docs/failures.md")
    parser.add_argument("--step", choices=[step.value for step in Step], help="only this step")


def _limit(told: str) -> int:
    if not (told.isascii() and told.isdigit() and 1 <= int(told) <= MOST):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST}")
    return int(told)


def _moment(told: str) -> datetime:
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        raise argparse.ArgumentTypeError("expected a time as 2026-11-22T10:00:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


async def show(call: Call, listed: Listed[T]) -> int:
    """Write the list as its options say."""
    wanted = call.arguments
    if wanted.format == "table":
        if wanted.output is not None:
            raise SettingsFault("output_format", "--output takes --format csv or --format jsonl")
        return await _page(call, listed)
    form = Format(wanted.format)

    def item(row: T) -> dict[str, Any]:
        whole = listed.item(row)
        return listed.flat(whole) if form is Format.CSV else whole

    text = written(form, listed.columns, listed.found, item)
    if wanted.output is None:
        async for part in text:
            sys.stdout.write(part)
        return ExitCode.OK
    part_file = wanted.output.with_name(f"{wanted.output.name}.part")
    try:
        with part_file.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            async for part in text:
                file.write(part)
        part_file.replace(wanted.output)
    except OSError as error:
        raise SettingsFault("unwritable", f"{wanted.output} cannot be written: {error.strerror}") from None
    finally:
        part_file.unlink(missing_ok=True)
    call.out.line(f"written to {wanted.output}")
    call.out.result({"output": str(wanted.output)})
    return ExitCode.OK


async def _page(call: Call, listed: Listed[T]) -> int:
    rows: list[T] = []
    async for page in listed.found:
        rows += page
        if len(rows) > call.arguments.limit:
            break
    shown = rows[: call.arguments.limit]
    items = [listed.item(row) for row in shown]
    more = str(listed.place(shown[-1])) if len(rows) > len(shown) else None
    call.out.result({"items": items, "next_cursor": more})
    if items:
        call.out.table(listed.heading, [[str(cell or "") for cell in listed.row(one)] for one in items])
    else:
        call.out.line(listed.nothing)
    return ExitCode.OK
