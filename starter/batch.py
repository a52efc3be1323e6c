"""`batch`: record many cases from a file and start those that are paid already.

Guarantee: every row is stored, in a transaction of its chunk, before it is started; a run that was killed is repeated
with the same command, and rows stored before are recognised and passed over. A refused row stops nothing and stands in
the report with its number and all its faults.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO, Any

from temporalio.client import Client

from invoicing.bootstrap import Application, application
from invoicing.domain.cases import CaseDocument
from invoicing.errors import ConnectivityFault, NotFound, PaidcaseError
from invoicing.ports import Recorded
from invoicing.presenting import fault_list
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.documents import Refusal
from starter.handing_over import all_started, handing_over, reach_temporal
from starter.outcomes import ExitCode, exit_code, explanation
from starter.progress import Progress, progress
from starter.rows import COLUMNS, Row, RowReader, suffix_of

ACTOR = "service:batch"
CHUNK = 200
"""Rows a transaction: the cost of a commit is shared, and other writers wait a fraction of a second."""

TRIES = 3
SHOWN = 20
"""So many refused rows are told when there is no report."""

_HELP = f"""
A CSV file has one case a row, in UTF-8, separated by commas or semicolons, with a header of these columns
(a name before the dot is the part of the case document, `line` its one line; empty cells count as absent):
  {", ".join(COLUMNS)}
Cases of several lines need JSON Lines: one case document a line.

Rows are numbered as a spreadsheet or an editor does (the header of a CSV file is row 1). The report has one JSON
document a refused row: {{"row", "case_id", "code", "message", "errors": [{{"field", "code", "message"}}]}}.
Repeating the command after an interruption goes on where it stopped.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", type=Path, metavar="FILE.csv|FILE.jsonl", help="the cases")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where refused rows are reported, in JSON Lines")
    language_option(parser)
    parser.epilog = _HELP


def run(call: Call) -> int:
    """Store, start, report."""
    if suffix_of(call.arguments.file) is None:
        call.out.complain("wrong argument: the file must end in .csv or .jsonl")
        call.out.result({"code": "invalid", "message": "the file must end in .csv or .jsonl", "errors": []})
        return ExitCode.USAGE
    return run_loop(lambda: Batch(call).run())


class Batch:
    """One run over one file."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._file: Path = call.arguments.file
        self._count = {Recorded.NEW: 0, Recorded.SAME: 0}
        self._refused = 0
        self._paid: list[str] = []
        self._shown: list[dict[str, Any]] = []
        self._client: Client | None = None

    @property
    def _stored(self) -> int:
        return sum(self._count.values())

    async def run(self) -> int:
        """The whole file; the exit code."""
        settings = self._call.settings()
        suffix = suffix_of(self._file) or ""
        unreachable: PaidcaseError | None = None
        with contextlib.ExitStack() as files:
            file = files.enter_context(_opened(self._file, "rb"))
            report = self._call.arguments.output
            refused = files.enter_context(_opened(report, "w")) if report else None
            bar = files.enter_context(progress(self._file))
            async with application(settings) as app, AsyncExitStack() as relaying:
                reader = RowReader(file, suffix)
                try:
                    while rows := await asyncio.to_thread(reader.take, CHUNK):
                        for row, refusal in await self._store(app, rows):
                            self._refuse(row, refusal, refused)
                        bar.stored(self._stored, self._refused, reader.read)
                        unreachable = await self._started_meanwhile(app, relaying, unreachable)
                    left, unreachable = await self._all_started(app, relaying, bar, unreachable)
                except ConnectivityFault as fault:
                    told = f"{fault.message}; {self._stored} rows are stored, the same command goes on with the rest"
                    raise ConnectivityFault(fault.code, told) from None
        return self._tell(left, unreachable)

    async def _store(self, app: Application, rows: Sequence[Row]) -> list[tuple[Row, Refusal]]:
        """Store a chunk in one transaction; only when that fails row by row, to learn which row it is."""
        cases = [(row, row.case) for row in rows if isinstance(row.case, CaseDocument)]
        refusals = [(row, row.case) for row in rows if isinstance(row.case, Refusal)]
        try:
            outcomes = await self._in_one_transaction(app, cases)
        except ConnectivityFault:
            raise
        except PaidcaseError:
            outcomes = [(await self._in_one_transaction(app, [one], alone=True))[0] for one in cases]
        for (row, case), outcome in zip(cases, outcomes, strict=True):
            if isinstance(outcome, PaidcaseError):
                refusals.append((row, Refusal(outcome.code, (), case.case_id, outcome.message)))
            elif outcome is Recorded.CONFLICT:
                told = "another document is recorded under this case_id"
                refusals.append((row, Refusal("conflict", (), case.case_id, told)))
            else:
                self._count[outcome] += 1
                if case.arrives_paid:
                    self._paid.append(case.case_id)
        return sorted(refusals, key=lambda refused: refused[0].number)

    async def _in_one_transaction(
        self, app: Application, cases: Sequence[tuple[Row, CaseDocument]], *, alone: bool = False
    ) -> list[Recorded | PaidcaseError]:
        for tried in range(1, TRIES + 1):
            try:
                async with app.store.transaction() as db:
                    return [await app.intake.record_in(db, case, ACTOR) for _, case in cases]
            except ConnectivityFault:
                if tried == TRIES:  # storing twice is harmless, so a lost commit or a deadlock is simply repeated
                    raise
            except PaidcaseError as fault:
                if not alone:
                    raise
                return [fault]
        return []

    def _refuse(self, row: Row, refusal: Refusal, report: IO[str] | None) -> None:
        self._refused += 1
        document = {
            "row": row.number,
            "case_id": refusal.case_id,
            "code": refusal.code,
            "message": refusal.message or refusal.code,
            "errors": fault_list(refusal.faults, self._call.language),
        }
        if report is not None:
            report.write(json.dumps(document, ensure_ascii=False) + "\n")
        elif len(self._shown) < SHOWN:
            self._shown.append(document)

    async def _started_meanwhile(
        self, app: Application, relaying: AsyncExitStack, before: PaidcaseError | None
    ) -> PaidcaseError | None:
        """Let a relay of this process start what is stored while the next rows are read; one try to reach Temporal."""
        if self._paid and self._client is None and before is None:
            try:
                self._client = await reach_temporal(self._call.env)
            except PaidcaseError as fault:
                return fault
            await relaying.enter_async_context(handing_over(app, self._client))
        app.wakeup.ring()
        return before

    async def _all_started(
        self, app: Application, relaying: AsyncExitStack, bar: Progress, before: PaidcaseError | None
    ) -> tuple[int, PaidcaseError | None]:
        """How many of the stored rows are not started, and why."""
        if before is not None:  # it may have come back while the file was read
            before = await self._started_meanwhile(app, relaying, None)
        if self._client is None:
            return (len(self._paid) if before else 0), before
        bar.starting(len(self._paid))
        try:
            left = await all_started(app, self._client, self._paid, bar.waiting)
        except PaidcaseError as fault:
            return (await app.store.waiting())["outbox"], fault
        why = ConnectivityFault("not_started", "rows are stored, and Temporal has not taken them yet") if left else None
        return len(left), why

    def _tell(self, left: int, unreachable: PaidcaseError | None) -> int:
        out, new, same = self._call.out, self._count[Recorded.NEW], self._count[Recorded.SAME]
        report = self._call.arguments.output
        out.line(f"{new} new, {same} stored before, {self._refused} refused, {len(self._paid) - left} started")
        summary = {"rows": self._stored + self._refused, "new": new, "same": same, "refused": self._refused}
        summary |= {"started": len(self._paid) - left, "waiting": left}
        out.result({**summary, "report": str(report) if report else None, "refused_rows": self._shown})
        for row in self._shown:
            what = ", ".join(f"{error['field']} {error['code']}".strip() for error in row["errors"])
            out.complain(f"row {row['row']}: {row['code']}: {what or row['message']}")
        if self._refused:
            where = f"see {report}" if report else "use --output FILE for a report of every one"
            out.complain(f"refused: {self._refused} rows; {where}, correct them and run the command again")
        if unreachable is not None:
            out.complain(f"{explanation(unreachable)}; {left} stored rows start when it is back: nothing is lost")
        refused = ExitCode.FAILED if self._refused else ExitCode.OK
        return max(refused, exit_code(unreachable) if unreachable else ExitCode.OK)


@contextlib.contextmanager
def _opened(path: Path, mode: str) -> Iterator[Any]:
    try:
        file = path.open(mode, encoding=None if "b" in mode else "utf-8")
    except OSError as error:
        code, verb = ("unreadable", "read") if "b" in mode else ("unwritable", "written")
        raise NotFound(code, f"{path} cannot be {verb}: {error.strerror}") from None
    with file:
        yield file
