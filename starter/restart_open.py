"""`restart-open`: after Temporal has lost its runs, have the relays of API and workers start open cases again.

Guarantee: nothing is paid, issued or mailed twice, because every activity first gives back its recorded result; a run
that is there after all is used. May be repeated. Priced cases that nobody wanted to pay stay where they are.
"""

from __future__ import annotations

import argparse
from datetime import timedelta

from invoicing.bootstrap import application
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.outcomes import ExitCode

DAYS = 30


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    told = f"how far back decisions and gateway messages of closed cases are handed over too (default {DAYS})"
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help=told)
    parser.epilog = "Run `setup` first: a new Temporal needs its search attributes and schedules."


def run(call: Call) -> int:
    """0 once the relays may begin."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    async with application(call.settings()) as app:
        now = app.clock()
        done = dict(await app.store.rearm_open(now, now - timedelta(days=max(call.arguments.days, 0))))
    call.out.line(
        f"to be handed over again: {done['starts']} starts and wishes to pay, {done['decisions']} decisions, "
        f"{done['messages']} gateway messages; `doctor` shows how many still wait"
    )
    call.out.result(done)
    return ExitCode.OK
