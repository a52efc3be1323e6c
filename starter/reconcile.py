"""`reconcile`: what gateway, records and invoices of some days disagree about. Asks the gateway and changes nothing."""

from __future__ import annotations

import argparse
from datetime import date, datetime, time, timedelta

from activities.reconciliation import PageInput, ReconciliationActivities
from invoicing.bootstrap import Application, application
from invoicing.domain.numbering import WARSAW
from invoicing.domain.reconciling import Difference
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.outcomes import ExitCode

COLUMNS = ("case", "difference", "about", "expected", "found")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--from", dest="since", type=_day, required=True, metavar="DATE", help="first day, 2026-11-22")
    parser.add_argument("--to", dest="until", type=_day, required=True, metavar="DATE", help="last day, included")
    parser.epilog = (
        "Days are those of Warsaw; a case is compared when anything happened to it in that time. "
        "Exit code 0 when all agrees, 1 when there are differences or a service of the gateway could not be asked."
    )


def _day(written: str) -> date:
    try:
        day = date.fromisoformat(written)
        if not date(2000, 1, 1) <= day <= date(9000, 1, 1):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError("expected a date such as 2026-11-22") from None
    return day


def run(call: Call) -> int:
    """1 when there are differences."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    first, last = call.arguments.since, call.arguments.until
    if first > last:
        call.out.complain("--from is after --to; exchange them")
        call.out.result({"code": "invalid", "message": "--from is after --to", "errors": []})
        return ExitCode.USAGE
    page = PageInput(since=_begins(first), until=_begins(last + timedelta(days=1)))
    async with application(call.settings()) as app:
        cases, found, unasked = await _compared(app, page)
    call.out.result({"cases": cases, "unasked": unasked, "differences": [_document(one) for one in found]})
    if found:
        call.out.table(COLUMNS, [(d.case_id, d.kind.value, d.subject, d.expected, d.found) for d in found])
    else:
        call.out.line(f"{cases} cases compared, no difference")
    if unasked:
        call.out.complain(f"{unasked} orders or refunds could not be asked about; see `doctor`")
    return ExitCode.FAILED if found or unasked else ExitCode.OK


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), WARSAW)


async def _compared(app: Application, page: PageInput) -> tuple[int, list[Difference], int]:
    comparing = ReconciliationActivities(app.store, app.gateway, app.clock)
    found: list[Difference] = []
    cases, unasked, last = 0, 0, False
    while not last:
        places, last = await comparing.places(page)
        for place in places:
            if place.case_id is not None:
                compared = await comparing.compared(place.case_id)
                cases, unasked = cases + 1, unasked + compared.unasked
                found += compared.differences
        if places:
            page = page.model_copy(update={"after_id": places[-1].id})
    return cases, found, unasked


def _document(one: Difference) -> dict[str, str]:
    return {
        "case_id": one.case_id,
        "kind": one.kind.value,
        "subject": one.subject,
        "expected": one.expected,
        "found": one.found,
    }
