"""`sweep`: the comparison of open cases with their runs that the schedule `sweep-runs` makes, now and without a worker.

Guarantee: it records what the scheduled one would, and repeating it changes nothing.
"""

from __future__ import annotations

import argparse
from datetime import timedelta

from activities.sweeping import YOUNG, ComparedActs, Sweeper
from invoicing.bootstrap import application
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.handing_over import reach_temporal
from starter.outcomes import ExitCode

COLUMNS = ("case", "what", "what follows")
LOST, TAKEN_UP, STUCK = "no run", "refund nobody followed", "run cannot work"
FOLLOWS = {LOST: "regenerate or give-up", TAKEN_UP: "handed over again", STUCK: "deploy a repair"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--all", action="store_true", help="also what was written within the last minute, which may "
                        "be between two runs")  # fmt: skip
    parser.epilog = "Exit code 0 when nothing waits for a person, 1 when a case has no run or one that cannot work."


def run(call: Call) -> int:
    """1 when a case has no run, or one that cannot work; 3 when Temporal or the database is away."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    young = timedelta(0) if call.arguments.all else YOUNG
    async with application(call.settings()) as app:
        sweeper = app.sweeper(await reach_temporal(call.env))
        cases, lost = await _cases(sweeper, young)
        acts = await sweeper.acts(young)
    call.out.result(
        {
            "cases": cases,
            "lost": lost,
            "refunds": [{"case_id": case_id, "number": number} for case_id, number in acts.refunds],
            "stuck": list(acts.stuck),
        }
    )
    found = _found(lost, acts)
    if found:
        call.out.table(COLUMNS, [(case_id, what, FOLLOWS[what]) for case_id, what in found])
    call.out.line(f"{cases} open cases compared, {len(lost)} without a run")
    return ExitCode.FAILED if lost or acts.stuck else ExitCode.OK


async def _cases(sweeper: Sweeper, young: timedelta) -> tuple[int, list[str]]:
    """How many open cases there are, and those that are recorded as lost now."""
    cases, lost, after = 0, list[str](), ""
    while True:
        page = await sweeper.cases(after, young)
        cases, lost = cases + len(page.case_ids), [*lost, *page.lost]
        if page.last:
            return cases, lost
        after = page.case_ids[-1]


def _found(lost: list[str], acts: ComparedActs) -> list[tuple[str, str]]:
    refunds = [(case_id, TAKEN_UP) for case_id, _ in acts.refunds]
    return [*((case_id, LOST) for case_id in lost), *refunds, *((case_id, STUCK) for case_id in acts.stuck)]
