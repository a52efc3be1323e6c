"""`explain`: one case on one screen: where it stands, what happened, what waits and why, what to press, its totals.

Everything but what the run has under way comes from the database, so that it works while Temporal is away, and says so.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from invoicing.bootstrap import application
from invoicing.domain.labels import Role, view
from invoicing.domain.records import TaskKind, TaskQuery
from invoicing.errors import NotFound
from invoicing.explained import explanation
from invoicing.listing import task_item
from invoicing.locale import text
from invoicing.presenting import moment, state_record, timeline_entry
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.outcomes import ExitCode
from starter.under_way import asked, document, happened, under_way

LINES = ("line", "description", "VAT", "before discount", "discount", "rounding", "value")
RATES = ("VAT", "lines", "net", "tax", "gross")


AGAIN = {
    TaskKind.INVOICE: "regenerate {case}",
    TaskKind.EMAIL: "resend {case}",
    TaskKind.REFUND: "refund {case} --reason WHY",
    TaskKind.NOTIFICATION: "resend {case} --expert",
}
"""The command that tries a failed task of each kind again."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("case_id", metavar="CASE_ID")
    language_option(parser)


def run(call: Call) -> int:
    """1 when the case is not recorded."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    async with application(call.settings()) as app:
        try:
            facts = await app.intake.facts(call.arguments.case_id)
        except NotFound:
            raise NotFound("not_found", "no case is recorded under this id") from None
        entries = await app.store.timeline(call.arguments.case_id)
        tasks = await app.store.task_list(TaskQuery(case_id=call.arguments.case_id))
        runs = await asked(call, call.arguments.case_id, app.clock())
    record = state_record(facts, Role.OPS, call.language)
    why = explanation(facts.document, call.language)
    events = [timeline_entry(entry, Role.OPS, call.language) for entry in entries]
    failed = [task_item(task, call.language) for task in tasks]
    call.out.result({**record, "failed_tasks": failed, "events": events, **document(runs), "explanation": why})
    for line in _standing(record, call.language):
        call.out.line(line)
    for task in tasks:
        again = AGAIN[task.kind].format(case=task.case_id)
        call.out.line(f"failed: {task.kind.value}, {task.code} since {moment(task.opened_at)}; again: {again}")
    for line in under_way(runs):
        call.out.line(line)
    if facts.state.held:
        call.out.line("waits for the issuer's provider to be back; no attempt was made yet")
    for who, role in (("ops", Role.OPS), ("the expert", Role.EXPERT), ("the client", Role.CLIENT)):
        if names := [action.value for action in view(facts.state, role).actions]:
            may = ", ".join(f"{name} ({text(call.language, f'action.{name}')})" for name in names)
            call.out.line(f"{who} may: {may}")
    call.out.line("")
    for line in happened(entries, call.language):
        call.out.line(line)
    if why is None:
        call.out.line("totals: not known while a VAT rate is not one of ours")
        return ExitCode.OK
    call.out.line(f"\nprices are {why['prices']}, amounts in {why['currency']}")
    call.out.table(LINES, [_line(line) for line in why["lines"]])
    call.out.line("")
    call.out.table(RATES, [_rate(rate) for rate in why["rates"]])
    call.out.line("")
    for head, steps in _steps(why):
        for step in steps:
            call.out.line(f"{head}: {step['text']}")
    return ExitCode.OK


def _standing(record: dict[str, Any], language: str) -> Iterator[str]:
    """Where the case stands, in the words that people see."""
    payment, invoice, parked = record["payment"], record["invoice"], record["parked"]
    yield f"case {record['case_id']}: {record['case_status']['label']}, version {record['version']}"
    yield f"payment: {payment['status']}" + (f" ({payment['label']})" if payment["label"] else "")
    said = invoice["cell"] or invoice["reason"]
    number = f", {invoice['number']} of {invoice['issued_on']}" if invoice["number"] else ""
    yield f"invoice: {invoice['status']}" + (f" ({said})" if said else "") + number
    for badge in record["badges"]:
        yield f"badge: {badge} ({text(language, f'badge.{badge}')})"
    if parked is not None:
        yield f"waits for a person: {parked['step']}, {parked['code']} after {parked['attempts']} attempts"
        yield f"why: {parked['message']}"


def _line(line: dict[str, Any]) -> tuple[str, ...]:
    names = ("position", "description", "vat_rate", "before_discount", "discount", "rounding", "value")
    # a description may still hold what a terminal would obey: it is judged before payment, not when it is recorded
    return tuple(
        "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(line[name]))
        for name in names
    )


def _rate(rate: dict[str, Any]) -> tuple[str, ...]:
    positions = ", ".join(str(position) for position in rate["positions"])
    return (rate["vat_rate"], positions, rate["net"], rate["vat"], rate["gross"])


def _steps(why: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for line in why["lines"]:
        yield f"line {line['position']}", line["steps"]
    for rate in why["rates"]:
        yield f"VAT {rate['vat_rate']}", rate["steps"]
    yield "sum", why["steps"]
