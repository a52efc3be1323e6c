"""`alerts`: what needs a person, newest first."""

from __future__ import annotations

import argparse
from typing import Any

from invoicing.bootstrap import application
from invoicing.domain.records import StoredAlert
from invoicing.failing import link, ops_message
from invoicing.presenting import moment
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.outcomes import ExitCode

COLUMNS = ("id", "opened", "case", "step", "code", "what to do", "state")
MOST = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--limit", type=_limit, default=100, metavar="N", help=f"at most N, up to {MOST}; default 100")
    parser.add_argument("--cursor", type=_cursor, default=0, metavar="ID", help="only those before this one")
    language_option(parser)


def _limit(written: str) -> int:
    if not (written.isascii() and written.isdigit() and 1 <= int(written) <= MOST):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST}")
    return int(written)


def _cursor(written: str) -> int:
    if not (written.isascii() and written.isdigit() and 0 < int(written) < 2**63):
        raise argparse.ArgumentTypeError("expected the next_cursor of the list before")
    return int(written)


def run(call: Call) -> int:
    """0 whether there are any or not."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = call.arguments
    async with application(call.settings()) as app:
        found = await app.store.alerts(open_only=not wanted.all, after_id=wanted.cursor, limit=wanted.limit)
    following = str(found[-1].id) if len(found) == wanted.limit else None
    call.out.result({"items": [_document(alert, call.language) for alert in found], "next_cursor": following})
    if found:
        call.out.table(COLUMNS, [_row(alert, call.language) for alert in found])
    else:
        call.out.line("nothing needs a person")
    return ExitCode.OK


def _document(alert: StoredAlert, language: str) -> dict[str, Any]:
    return {
        "id": str(alert.id),
        "key": alert.key,
        "case_id": alert.case_id,
        "step": alert.step,
        "cause": alert.cause,
        "code": alert.code,
        "message": ops_message(alert.code, alert.step, language),
        "docs": link(alert.code),
        "details": alert.details,
        "opened_at": moment(alert.opened_at),
        "acknowledged_at": moment(alert.acknowledged_at) if alert.acknowledged_at else None,
        "acknowledged_by": alert.acknowledged_by,
        "closed_at": moment(alert.closed_at) if alert.closed_at else None,
    }


def _row(alert: StoredAlert, language: str) -> tuple[str, ...]:
    state = "closed" if alert.closed_at else "acknowledged" if alert.acknowledged_at else "open"
    opened = moment(alert.opened_at.replace(microsecond=0))
    return (
        str(alert.id),
        opened,
        alert.case_id or "",
        alert.step or "",
        alert.code,
        ops_message(alert.code, alert.step, language) or "",
        state,
    )
