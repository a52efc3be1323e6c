"""What the commands that decide about cases have in common: whose decision it is, one report a case, handing over.

Guarantee: a decision is "accepted" only when it is recorded, and one case that is refused stops no other. "Handed over"
is said only when nothing waits for Temporal any more; what is left waits in the database, and the relays of API and
workers deliver it later.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from invoicing.bootstrap import Application, application
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.labels import Role
from invoicing.domain.records import CaseFacts
from invoicing.errors import ConnectivityFault, DataFault, NotAllowed, NotFound, PaidcaseError, SettingsFault
from invoicing.presenting import fault_list, state_record
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.choosing import choice_options, chosen, confirm
from starter.counting import counted
from starter.handing_over import handing_over, reach_temporal
from starter.outcomes import ExitCode, exit_code, explanation
from starter.output import listed
from starter.reporting import reporting

SETTLED_WITHIN = timedelta(seconds=15)
"""An open run takes a decision within ten seconds, or no worker runs; what has not moved by then waits for one."""

LOOK_EVERY = timedelta(milliseconds=50)

_NAME = re.compile(r"[\w .@-]{1,64}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Take = Callable[[Application, str, str], Awaitable[CaseFacts]]
"""Application, case id and actor in; the facts after the decision is recorded out."""


@dataclass(slots=True)
class Item:
    """What became of one case."""

    case_id: str
    facts: CaseFacts | None = None
    handed_over: bool | None = None
    fault: PaidcaseError | None = None


def case_options(parser: argparse.ArgumentParser, *, many: bool | None, keyed: bool = True) -> None:
    """The case or cases, who decides, and the key under which the decision is taken once."""
    if many:
        parser.add_argument("case_ids", nargs="*", metavar="CASE", help="each stands for itself")
        choice_options(parser)
    elif many is not None:  # None: the command says itself how its cases are chosen
        parser.add_argument("case_ids", nargs=1, metavar="CASE")
    parser.add_argument("--name", type=actor_name, default="cli", help="who decides, as the activity log shows it")
    if keyed:
        parser.add_argument(
            "--key", type=_key, help="the same key again decides nothing new; default: made of the case"
        )
    language_option(parser)


def actor_name(written: str) -> str:
    """Who acts, as `--name` takes it. Raises `argparse.ArgumentTypeError`."""
    if not _NAME.fullmatch(written):
        raise argparse.ArgumentTypeError("a name has 1 to 64 letters, digits, spaces and . @ _ -")
    return written


def _key(written: str) -> str:
    if not _KEY.fullmatch(written):
        raise argparse.ArgumentTypeError("a key has 1 to 255 printable ASCII characters and no space")
    return written


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises `NotFound("unreadable")`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound("unreadable", f"{path} cannot be read: {error.strerror}") from None


def preview_of(kind: DecisionKind) -> Take:
    """What a decision of this kind would be answered, with nothing recorded."""

    async def look(app: Application, case_id: str, _actor: str) -> CaseFacts:
        return await app.deciding.preview(case_id, kind)

    return look


def run(
    call: Call, take: Take, queued: Callable[[CaseFacts], bool] = lambda facts: True, look: Take | None = None
) -> int:
    """Decide for each case and hand over; `queued` says whether the decision is for a run at all.

    With `look` many may be chosen: it says what `take` would say, and records nothing.
    """
    if look is not None and not call.arguments.case_ids and call.arguments.query is None:
        raise NotAllowed("nothing_chosen", "name cases, or choose them with --query")
    return run_loop(lambda: _run(call, take, queued, look))


async def _run(call: Call, take: Take, queued: Callable[[CaseFacts], bool], look: Take | None) -> int:
    async with application(call.settings()) as app:
        items = [Item(case_id) for case_id in (call.arguments.case_ids if look is None else await chosen(call, app))]
        if look is None:
            await _decide(call, app, items, take, queued)
            return _tell(call, items)
        confirm(call, len(items))
        if call.arguments.dry_run:
            await _each(call, app, items, look)
            return _tell(call, items, "would be touched")
        await _decide(call, app, items, take, queued)
    return _tell(call, items)


async def _each(call: Call, app: Application, items: Sequence[Item], take: Take) -> None:
    wanted = call.arguments
    away: ConnectivityFault | None = None
    what = "looked at" if getattr(wanted, "dry_run", False) else "decided"
    with counted(len(items), what) as count, reporting(call) as report:
        for item in items:
            if away is not None:
                item.fault = away  # each would wait for the same dependency in vain
                continue
            try:
                item.facts = await take(app, item.case_id, f"{Role.OPS.value}:{wanted.name}")
            except SettingsFault:
                raise
            except ConnectivityFault as fault:
                item.fault = away = fault
            except NotFound as fault:
                unknown = NotFound("not_found", "no case is recorded under this id")
                item.fault = unknown if fault.code == "case_unknown" else fault
            except PaidcaseError as fault:
                item.fault = fault
            report(_document(item, call.language))
            count()


async def _decide(
    call: Call, app: Application, items: Sequence[Item], take: Take, queued: Callable[[CaseFacts], bool]
) -> None:
    await _each(call, app, items, take)
    waiting = [item for item in items if item.facts is not None and queued(item.facts)]
    if waiting:
        fault_of_all = await _handed_over(app, call)
        for item in waiting:
            item.handed_over, item.fault = fault_of_all is None, fault_of_all


async def _handed_over(app: Application, call: Call) -> PaidcaseError | None:
    """None when nothing waits for Temporal any more, else why."""
    try:
        if not await _rows(app):
            return None
        client = await reach_temporal(call.env)
        async with handing_over(app, client):
            clock = asyncio.get_running_loop().time
            last, moved_at = -1, clock()
            while left := await _rows(app):
                if left != last:
                    last, moved_at = left, clock()
                if clock() - moved_at > SETTLED_WITHIN.total_seconds():
                    told = f"recorded; {left} rows still wait for Temporal or a worker"
                    return ConnectivityFault("not_handed_over", told)
                await asyncio.sleep(LOOK_EVERY.total_seconds())
    except PaidcaseError as fault:
        return fault
    return None


async def _rows(app: Application) -> int:
    return (await app.store.waiting())["outbox"]


def _tell(call: Call, items: Sequence[Item], done: str = "recorded") -> int:
    for item in items:
        if item.fault is not None:
            call.out.complain(f"{item.case_id}: {explanation(item.fault)}")
        if item.facts is not None:
            call.out.line(f"{item.case_id}: {done}" + (", handed over" if item.handed_over else ""))
    if len(items) > 1:
        call.out.line(f"{sum(item.facts is not None for item in items)} of {len(items)} cases {done}")
    elif not items:
        call.out.line("no case is left to be touched")
    call.out.result(listed([_document(item, call.language) for item in items], named=len(items)))
    return max((exit_code(item.fault) for item in items if item.fault is not None), default=ExitCode.OK)


def _document(item: Item, language: str) -> dict[str, Any]:
    """The state record with what this command adds to it; without one, the problem alone."""
    fault = item.fault
    return {
        **({"case_id": item.case_id} if item.facts is None else state_record(item.facts, Role.OPS, language)),
        "accepted": item.facts is not None,
        "handed_over": item.handed_over,
        "code": None if fault is None else fault.code,
        "message": None if fault is None else explanation(fault),
        "errors": fault_list(fault.faults, language) if isinstance(fault, DataFault) else [],
    }
