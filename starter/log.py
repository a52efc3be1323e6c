"""`log`: the activity log, newest first; with --format csv or jsonl all of it."""

from __future__ import annotations

import argparse

from invoicing.bootstrap import application
from invoicing.domain.processes import Process
from invoicing.domain.records import Event, LogQuery
from invoicing.exporting import every
from invoicing.listing import ACTIVITY, activity_item
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.lists import Listed, cause_options, list_options, show

HEADING = ("at", "case", "process", "what", "step", "attempt", "code", "by")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    list_options(parser)
    cause_options(parser)
    parser.add_argument("--process", choices=[process.value for process in Process], help="only this process")
    parser.add_argument("--event", choices=[event.value for event in Event], help="only this event")
    parser.add_argument("--actor", metavar="NAME", help="only what this person or role did")
    parser.add_argument("--failed", action="store_true", help="only failure records")


def run(call: Call) -> int:
    """0 whether there are any or not."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = call.arguments
    query = LogQuery(
        case_id=wanted.case,
        process=wanted.process,
        event=wanted.event,
        cause=wanted.cause,
        code=wanted.code,
        step=wanted.step,
        actor=wanted.actor,
        failed=wanted.failed,
        since=wanted.since,
        until=wanted.until,
    )
    async with application(call.settings()) as app:
        return await show(
            call,
            Listed(
                found=every(app.store.activity, query),
                columns=ACTIVITY,
                item=lambda line: activity_item(line, call.language),
                heading=HEADING,
                row=lambda one: (
                    one["at"], one["case_id"], one["process"], one["label"], one["step"], one["attempt"], one["code"],
                    one["actor"],
                ),
                place=lambda line: line.id,
                nothing="nothing was done",
            ),
        )  # fmt: skip
