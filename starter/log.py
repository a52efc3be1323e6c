"""`log`: the activity log, newest first; with --format csv or jsonl all of it."""

from __future__ import annotations

import argparse

from invoicing.domain.processes import Process
from invoicing.domain.records import Event, LogQuery
from invoicing.exporting import every
from invoicing.listing import ACTIVITY, activity_item
from starter.call import Call
from starter.lists import cause_options, list_options, query_of, run_list, told_list

TABLE = {
    "at": "at",
    "case": "case_id",
    "process": "process",
    "what": "label",
    "step": "step",
    "attempt": "attempt",
    "code": "code",
    "by": "actor",
}


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
    query = query_of(call, LogQuery, "process", "event", "cause", "code", "step", "actor", "failed")
    return run_list(
        call,
        lambda app: told_list(
            call, every(app.store.activity, query), ACTIVITY, activity_item, TABLE, "nothing was done"
        ),
    )
