"""`status`: cases as the database has them, with the labels that people see. Asks nobody but the database."""

from __future__ import annotations

import argparse
from typing import Any

from invoicing.bootstrap import application
from invoicing.domain.labels import Role
from invoicing.errors import NotFound
from invoicing.presenting import state_record
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.outcomes import ExitCode, explanation
from starter.output import listed

COLUMNS = ("case", "status", "payment", "invoice", "amount", "number", "badges", "waits for")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("case_ids", nargs="*", metavar="CASE_ID", help="default: the newest 100 cases")
    language_option(parser)


def run(call: Call) -> int:
    """1 when a named case is not recorded."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = list(dict.fromkeys(call.arguments.case_ids))
    found: list[dict[str, Any]] = []
    async with application(call.settings()) as app:
        case_ids = wanted or [state.case_id for state in await app.store.statuses(())]
        missing = NotFound("not_found", "no case is recorded under this id")
        lost = []
        for case_id in case_ids:
            try:
                found.append(state_record(await app.intake.facts(case_id), Role.OPS, call.language))
            except NotFound:
                lost.append(case_id)
                call.out.complain(f"{case_id}: {explanation(missing)}")
    if len(wanted) == 1 and lost:
        call.out.result({"code": missing.code, "message": missing.message, "errors": []})
    else:
        call.out.result(listed(found, named=len(wanted)))
    if found:
        call.out.table(COLUMNS, [_row(record) for record in found])
    return ExitCode.FAILED if lost else ExitCode.OK


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    payment, invoice, parked = record["payment"], record["invoice"], record["parked"]
    return (
        record["case_id"],
        record["case_status"]["label"],
        payment["label"] or "",
        invoice["cell"] or invoice["reason"] or "",
        f"{payment['amount']} {payment['currency']}" if payment["amount"] else "",
        invoice["number"] or "",
        " ".join(record["badges"]),
        f"{parked['step']}: {parked['code']}" if parked else "",
    )
