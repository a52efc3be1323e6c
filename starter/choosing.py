"""Which cases a command is about: named, or chosen by a query; many of them only after a look or a word.

The query is asked of our own database, because it decides what a case waits for: Temporal's visibility lags behind, and
forgets what is long closed. `key=value` words, all of which must hold: `parked=true cause=connectivity`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from invoicing.bootstrap import Application
from invoicing.domain.records import CaseQuery, TaskKind
from invoicing.domain.state import CaseState, InvoiceStatus, PaymentStatus, Step
from invoicing.errors import Cause, NotAllowed
from starter.call import Call

PAGE = 500

_BOOL = {"true": True, "false": False}


def _one_of(values: Iterable[str]) -> frozenset[str]:
    return frozenset(str(value) for value in values)


ALLOWED: Mapping[str, frozenset[str] | None] = {
    "parked": _one_of(_BOOL),
    "expert": None,
    "client": None,
    "payment": _one_of(PaymentStatus) - {PaymentStatus.NONE.value},
    "invoice": _one_of(InvoiceStatus),
    "step": _one_of(Step),
    "cause": _one_of(Cause),
    "code": None,
    "failed": _one_of(TaskKind),
}
"""Words of a query, each with the values it may have."""

_OF_PARKED: Mapping[str, Callable[[CaseState], str | None]] = {
    "step": lambda state: state.parked.step.value if state.parked else None,
    "cause": lambda state: state.parked.cause.value if state.parked else None,
    "code": lambda state: state.parked.code if state.parked else None,
}
"""What only the state record of a parked case tells."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query in words; `query` is what the database filters, `parked` what is then looked for in the record.

    `failed`: only cases on this failed list.
    """

    query: CaseQuery
    parked: Mapping[str, str]
    failed: TaskKind | None = None

    def holds(self, state: CaseState) -> bool:
        """Whether the record has what the query asks of a parked case."""
        return all(_OF_PARKED[word](state) == value for word, value in self.parked.items())


def read_query(written: str) -> Query:
    """A query of the command line. Raises `ArgumentTypeError` that names what is wrong."""
    words: dict[str, str] = {}
    for part in written.split():
        word, equals, value = part.partition("=")
        if not equals or not value or word not in ALLOWED or word in words:
            known = ", ".join(ALLOWED)
            raise argparse.ArgumentTypeError(f"{part!r} is not one of {known} with =VALUE, each once")
        allowed = ALLOWED[word]
        if allowed is not None and value not in allowed:
            raise argparse.ArgumentTypeError(f"{word} is one of {', '.join(sorted(allowed))}")
        words[word] = value
    if not words:
        raise argparse.ArgumentTypeError("a query has at least one word, such as parked=true")
    parked = {word: value for word, value in words.items() if word in _OF_PARKED}
    if parked and words.get("parked") == "false":
        raise argparse.ArgumentTypeError("step, cause and code are of parked cases")
    return Query(
        CaseQuery(
            client_id=words.get("client"),
            expert_id=words.get("expert"),
            payment_status=words.get("payment"),
            invoice_status=words.get("invoice"),
            parked=True if parked else _BOOL.get(words.get("parked", "")),
            limit=PAGE,
            unpaid_too=True,
        ),
        parked,
        TaskKind(words["failed"]) if "failed" in words else None,
    )


def query_option(parser: argparse.ArgumentParser) -> None:
    """Cases by what the database knows of them."""
    parser.add_argument(
        "--query", type=read_query, metavar="WORDS",
        help=f"every case for which all words hold: {' '.join(f'{word}=' for word in ALLOWED)}",
    )  # fmt: skip


def choice_options(parser: argparse.ArgumentParser, *, query: bool = True) -> None:
    """Many cases: by query, looked at first, and reported."""
    if query:
        query_option(parser)
    else:
        parser.set_defaults(query=None)
    parser.add_argument("--dry-run", action="store_true", help="only say which cases would be touched, and which not")
    parser.add_argument("--yes", action="store_true", help="do not ask before more than one case is touched")
    parser.add_argument(
        "--output", type=Path, metavar="FILE",
        help="a report, one JSON line a case; cases that it shows as accepted are passed over when run again",
    )  # fmt: skip


def folder_options(parser: argparse.ArgumentParser, suffix: str) -> None:
    """One case and its file, or a folder with a file for each case, `CASE` and the suffix."""
    parser.add_argument("case_ids", nargs="?", type=lambda written: [written], default=[], metavar="CASE")
    parser.add_argument("file", nargs="?", metavar=f"FILE{suffix}")
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help=f"many cases: a file CASE{suffix} for each")
    choice_options(parser, query=False)


def files_of(call: Call, suffix: str) -> Callable[[str], str]:
    """The file of each case; with `--folder` the cases are those that have one. Raises `NotAllowed("usage")`."""
    wanted = call.arguments
    folder: Path | None = wanted.folder
    if folder is None:
        if not wanted.case_ids or wanted.file is None:
            raise NotAllowed("nothing_chosen", f"name a case and its file, or a --folder with CASE{suffix} files")
        return lambda case_id: str(wanted.file)
    if wanted.case_ids:
        raise NotAllowed("nothing_chosen", "name either a case and its file or a --folder")
    wanted.case_ids = sorted(path.stem for path in folder.glob(f"*{suffix}"))
    return lambda case_id: str(folder / f"{case_id}{suffix}")


async def chosen(call: Call, app: Application) -> list[str]:
    """Ids of the cases, each once, without those that the report shows as accepted."""
    wanted = call.arguments
    found = list(wanted.case_ids)
    query: Query | None = wanted.query
    if query is not None:
        found += await _on_list(app, query) if query.failed else await _in_cases(app, query)
    done = _accepted(wanted.output)
    return [case_id for case_id in dict.fromkeys(found) if case_id not in done]


async def _in_cases(app: Application, query: Query) -> list[str]:
    """Newest case first."""
    found: list[str] = []
    asked = query.query
    while page := await app.store.payments(asked):
        found += [facts.document.case_id for facts in page if query.holds(facts.state)]
        asked = asked.model_copy(update={"cursor": page[-1].document.case_id})
    return found


async def _on_list(app: Application, query: Query) -> list[str]:
    """Newest failure first; the list is short, and each of its cases is held against the other words."""
    listed: dict[str, None] = {}
    below = 0
    while tasks := await app.store.failed_tasks(query.failed, below, PAGE):
        below = tasks[-1].id
        listed |= dict.fromkeys(task.case_id for task in tasks)
    found: list[str] = []
    for case_id in listed:
        page = await app.store.payments(query.query.model_copy(update={"case_id": case_id}))
        found += [facts.document.case_id for facts in page if query.holds(facts.state)]
    return found


def _accepted(report: Path | None) -> frozenset[str]:
    if report is None or not report.exists():
        return frozenset()
    accepted: set[str] = set()
    for line in report.read_text(encoding="utf-8").splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed while it wrote
        if isinstance(told, dict) and told.get("accepted") is True:
            accepted.add(str(told.get("case_id")))
    return frozenset(accepted)


def confirm(call: Call, many: int) -> None:
    """Raises `NotAllowed` above `--limit`, and unless one case is meant, `--yes` is given, or a person says so."""
    limit = getattr(call.arguments, "limit", None)
    if limit is not None and many > limit:
        raise NotAllowed("above_limit", f"{many} cases would be touched, and the limit is {limit}")
    if many <= 1 or call.arguments.yes or call.arguments.dry_run:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write(f"{many} cases will be touched. Go on? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            return
    raise NotAllowed("not_confirmed", f"{many} cases would be touched: look with --dry-run, then say --yes")
