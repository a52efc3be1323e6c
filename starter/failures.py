"""`failures`: what has failed and waits for a person, by cause; of named cases every failed attempt, oldest first.

Asks nobody but the database. Guarantee: complete whatever the number. A parked case has an open alert, written in the
transaction that parked it, so the open alerts lead to every parked case; a parked case that is a failed task too is
told once.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invoicing.bootstrap import Application, application
from invoicing.domain.failure_records import failures_of
from invoicing.domain.failures import FAILURES, known_code
from invoicing.domain.labels import Role
from invoicing.domain.records import StoredAlert, StoredTask, TaskKind
from invoicing.domain.state import Step
from invoicing.errors import Cause, NotFound
from invoicing.failing import link, ops_message
from invoicing.presenting import failure_record, moment
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.outcomes import ExitCode, explanation

COLUMNS = ("cause", "code", "what", "case", "since", "what to do")
ATTEMPTS = ("case", "at", "step", "attempt", "code", "answer", "outcome", "what it means")
PAGE = 1000
PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Failed:
    """One line: a parked case with its step, or a failed task of a kind."""

    cause: Cause
    code: str
    kind: str
    case_id: str
    opened_at: datetime
    step: Step | None = None


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("case_ids", nargs="*", metavar="CASE_ID", help="every failed attempt of these cases")
    parser.add_argument("--cause", choices=[cause.value for cause in Cause], help="only what has this cause")
    parser.add_argument("--kind", choices=[PARKED, *TaskKind], help="only parked cases, or one of the failed lists")
    language_option(parser)
    parser.epilog = "`explain CASE` says what may be done about one; `resend --expert` is for kind notification."


def run(call: Call) -> int:
    """0 whether there are any or not."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = call.arguments.cause
    if call.arguments.case_ids:
        return await _attempts(call, wanted)
    async with application(call.settings()) as app:
        parked = await _parked(app)
        stopped = {item.case_id for item in parked if item.step is Step.INVOICE}
        tasks = [t for t in await _tasks(app) if t.kind is not TaskKind.INVOICE or t.case_id not in stopped]
    found = [*parked, *(_of_task(task) for task in tasks)]
    kind = call.arguments.kind
    chosen = [item for item in found if wanted in {None, item.cause.value} and kind in {None, item.kind}]
    chosen.sort(key=lambda item: (list(Cause).index(item.cause), item.code, item.opened_at, item.case_id))
    causes = Counter(item.cause.value for item in chosen)
    items = [_document(item, call.language) for item in chosen]
    call.out.result({"items": items, "causes": causes, "next_cursor": None})
    if chosen:
        call.out.table(COLUMNS, [_row(item) for item in items])
        call.out.line(", ".join(f"{cause}: {count}" for cause, count in causes.items()))
    else:
        call.out.line("nothing has failed that waits for a person")
    return ExitCode.OK


async def _attempts(call: Call, cause: str | None) -> int:
    """Every failed attempt of the cases named; 1 when one is not recorded."""
    lost, items = [], []
    async with application(call.settings()) as app:
        for case_id in dict.fromkeys(call.arguments.case_ids):
            try:
                await app.intake.facts(case_id)
            except NotFound:
                lost.append(case_id)
                call.out.complain(f"{case_id}: {explanation(NotFound('not_found', 'no case is recorded here'))}")
                continue
            found = failures_of(await app.store.timeline(case_id))
            chosen = [one for one in found if cause in {None, one.cause.value}]
            items += [failure_record(one, Role.OPS, call.language) for one in chosen]
    call.out.result({"items": items, "next_cursor": None})
    if items:
        call.out.table(
            ATTEMPTS,
            [
                (
                    one["case_id"], one["at"] or "", one["step"] or one["process"], str(one["attempt"]), one["code"],
                    one["answer"], one["outcome"], one["message"],
                )
                for one in items
            ],
        )  # fmt: skip
    else:
        call.out.line("no attempt has failed")
    return ExitCode.FAILED if lost else ExitCode.OK


async def _parked(app: Application) -> list[Failed]:
    opened: dict[str, list[StoredAlert]] = {}
    below = 0
    while page := await app.store.alerts(open_only=True, after_id=below, limit=PAGE):
        below = page[-1].id
        for alert in page:
            if alert.case_id is not None:
                opened.setdefault(alert.case_id, []).append(alert)
    if not opened:
        return []
    found = []
    for state in await app.store.statuses(list(opened)):
        why = state.parked
        if why is not None:
            alerts = opened[state.case_id]
            since = min(alert.opened_at for alert in ([a for a in alerts if a.code == why.code] or alerts))
            found.append(Failed(why.cause, why.code, PARKED, state.case_id, since, why.step))
    return found


async def _tasks(app: Application) -> list[StoredTask]:
    found: list[StoredTask] = []
    while page := await app.store.failed_tasks(None, found[-1].id if found else 0, PAGE):
        found += page
    return found


def _of_task(task: StoredTask) -> Failed:
    return Failed(FAILURES[known_code(task.code)].cause, task.code, task.kind.value, task.case_id, task.opened_at)


def _document(item: Failed, language: str) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "case_id": item.case_id,
        "step": None if item.step is None else item.step.value,
        "cause": item.cause.value,
        "code": item.code,
        "message": ops_message(item.code, item.step or TaskKind(item.kind).step, language),
        "docs": link(item.code),
        "opened_at": moment(item.opened_at),
    }


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    what = f"{item['kind']}: {item['step']}" if item["step"] else item["kind"]
    return (item["cause"], item["code"], what, item["case_id"], item["opened_at"], item["message"] or "")
