"""`alerts`: what needs a person, newest first or counted by cause; with --format csv or jsonl all of it.

With --acknowledge somebody says that he looks after some; the first to say so stays named.
"""

from __future__ import annotations

import argparse

from invoicing.bootstrap import Application, application
from invoicing.domain.labels import Role
from invoicing.domain.records import AlertQuery
from invoicing.errors import NotFound
from invoicing.exporting import every
from invoicing.listing import ALERTS, alert_causes, alert_item
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.deciding import actor_name
from starter.lists import Listed, cause_options, list_options, query_of, show
from starter.outcomes import ExitCode, explanation

COLUMNS = ("id", "opened", "case", "step", "code", "what to do", "state")
BY_CAUSE = ("cause", "open", "nobody looks after", "since", "codes")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    list_options(parser)
    cause_options(parser)
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--cursor", type=_cursor, default=0, metavar="ID", help="only those before this one")
    parser.add_argument("--acknowledge", nargs="+", type=_cursor, metavar="ID", help="you look after these")
    parser.add_argument("--name", type=actor_name, default="cli", help="who looks after them")
    parser.add_argument("--group", choices=["cause"], help="count the open ones by cause")


def _cursor(written: str) -> int:
    if not (written.isascii() and written.isdigit() and 0 < int(written) < 2**63):
        raise argparse.ArgumentTypeError("expected the id of an alert")
    return int(written)


def run(call: Call) -> int:
    """0 whether there are any or not; 1 when one that is to be acknowledged does not exist."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = call.arguments
    query = query_of(
        call, AlertQuery, "cause", "code", "step", open=None if wanted.all else True, after_id=wanted.cursor
    )
    async with application(call.settings()) as app:
        if wanted.acknowledge is not None:
            return await _acknowledged(call, app)
        if wanted.group is not None:
            return await _grouped(call, app)
        return await show(
            call,
            Listed(
                found=every(app.store.alert_list, query),
                columns=ALERTS,
                item=lambda alert: alert_item(alert, call.language),
                heading=COLUMNS,
                row=_row,
                place=lambda alert: alert.id,
                nothing="nothing needs a person",
            ),
        )


async def _acknowledged(call: Call, app: Application) -> int:
    items, code = [], ExitCode.OK
    for number in dict.fromkeys(call.arguments.acknowledge):
        try:
            alert = await app.store.acknowledge(number, f"{Role.OPS.value}:{call.arguments.name}", app.clock())
        except NotFound as fault:
            call.out.complain(f"alert {number}: {explanation(fault)}")
            code = ExitCode.FAILED
            continue
        items.append(alert_item(alert, call.language))
        call.out.line(f"alert {number}: {alert.code}, acknowledged by {alert.acknowledged_by}")
    call.out.result({"items": items, "next_cursor": None})
    return code


async def _grouped(call: Call, app: Application) -> int:
    causes = alert_causes(await app.store.alert_groups(), call.language)
    call.out.result({"items": causes, "next_cursor": None})
    if causes:
        call.out.table(
            BY_CAUSE,
            [
                (
                    one["cause"], str(one["open"]), str(one["unacknowledged"]), one["oldest_at"],
                    ", ".join(f"{code['code']}: {code['open']}" for code in one["codes"]),
                )
                for one in causes
            ],
        )  # fmt: skip
    else:
        call.out.line("nothing needs a person")
    return ExitCode.OK


def _row(one: dict[str, str]) -> tuple[str, ...]:
    state = "closed" if one["closed_at"] else "acknowledged" if one["acknowledged_at"] else "open"
    opened = f"{one['opened_at'][:19]}Z"
    return one["id"], opened, one["case_id"], one["step"], one["code"], one["message"], state
