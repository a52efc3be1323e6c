"""`redo`: let runs go back to just before a step. The database stays what it is, so that nothing is done twice."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client

from invoicing.bootstrap import Application, application
from invoicing.domain.decisions import NEVER_REDONE, redo_refusal
from invoicing.domain.labels import Role
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.state import Step
from invoicing.errors import ConnectivityFault, NotAllowed, NotFound, PaidcaseError, SettingsFault
from invoicing.ops.redoing import Redo, carried_out, planned
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.choosing import chosen, confirm
from starter.counting import counted
from starter.deciding import case_options
from starter.handing_over import reach_temporal
from starter.outcomes import ExitCode, exit_code, explanation
from starter.output import listed
from starter.reporting import reporting


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one case."""

    case_id: str
    redo: Redo | None = None
    fault: PaidcaseError | None = None


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    case_options(parser, many=True, keyed=False)
    steps = [step.value for step in Step]
    parser.add_argument("--step", required=True, choices=steps, help="the step to which the run goes back")
    never = " and ".join(step.value for step in NEVER_REDONE)
    parser.epilog = (
        f"{never} are never redone: money that has moved does not move back by a run. What is recorded is given back "
        "by every step that runs again; signals and decisions that came later are applied again."
    )


def run(call: Call) -> int:
    """1 when a case is refused, 3 when Temporal or the database is away."""
    if not call.arguments.case_ids and call.arguments.query is None:
        raise NotAllowed("nothing_chosen", "name cases, or choose them with --query")
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = call.arguments
    step, items = Step(wanted.step), list[Item]()
    async with application(call.settings()) as app:
        case_ids = await chosen(call, app)
        confirm(call, len(case_ids))
        client = None if step in NEVER_REDONE else await reach_temporal(call.env)
        away: ConnectivityFault | None = None
        what = "looked at" if wanted.dry_run else "sent back"
        with counted(len(case_ids), what) as count, reporting(call) as report:
            for case_id in case_ids:
                if away is not None:
                    items.append(Item(case_id, fault=away))  # each would wait for the same dependency in vain
                    continue
                try:
                    items.append(Item(case_id, await _redone(app, client, call, case_id, step)))
                except SettingsFault:
                    raise
                except PaidcaseError as fault:
                    away = fault if isinstance(fault, ConnectivityFault) else away
                    items.append(Item(case_id, fault=fault))
                report(_document(items[-1]))
                count()
    return _tell(call, items)


async def _redone(app: Application, client: Client | None, call: Call, case_id: str, step: Step) -> Redo:
    try:
        async with app.store.reading() as db:
            state = (await db.facts(case_id)).state
    except NotFound:
        raise NotFound("not_found", "no case is recorded under this id") from None
    why = redo_refusal(step, state)
    if why is not None or client is None:
        raise NotAllowed("action_not_allowed", why or "")
    plan = await planned(client, case_id, step)
    if call.arguments.dry_run:
        return plan
    actor = f"{Role.OPS.value}:{call.arguments.name}"
    async with app.store.transaction() as db:  # who goes back is written down before anything does
        told = {"run": plan.run_id, "event": str(plan.event_id)}
        await db.log(
            LogEntry(case_id=case_id, event=Event.STEP_REDO, at=app.clock(), step=step, actor=actor, details=told)
        )
    return await carried_out(client, plan, f"redo of {step.value}, ordered by {Role.OPS.value}")


def _tell(call: Call, items: Sequence[Item]) -> int:
    for item in items:
        if item.fault is not None:
            call.out.complain(f"{item.case_id}: {explanation(item.fault)}")
        if item.redo is not None:
            call.out.line(_line(item.redo))
    if len(items) > 1:
        done = "would go back" if call.arguments.dry_run else "go back"
        call.out.line(f"{sum(item.redo is not None for item in items)} of {len(items)} cases {done}")
    elif not items:
        call.out.line("no case is left to be touched")
    call.out.result(listed([_document(item) for item in items], named=len(items)))
    return max((exit_code(item.fault) for item in items if item.fault is not None), default=ExitCode.OK)


def _line(redo: Redo) -> str:
    done = "would go back" if redo.new_run_id is None else "goes back"
    where = f"event {redo.event_id} of run {redo.run_id}" + (", which was continued since" if redo.continued else "")
    applied = f"{redo.signals} signals and {redo.updates} decisions are applied again"
    on = "" if redo.new_run_id is None else f"; it goes on as run {redo.new_run_id}"
    return f"{redo.case_id}: {done} to {where}; {', '.join(redo.again)} run again, {applied}{on}"


def _document(item: Item) -> dict[str, Any]:
    redo, fault = item.redo, item.fault
    told: dict[str, Any] = {"case_id": item.case_id, "accepted": redo is not None}
    if redo is not None:
        told |= {
            "step": redo.step.value,
            "run_id": redo.run_id,
            "event_id": redo.event_id,
            "continued": redo.continued,
            "again": list(redo.again),
            "signals": redo.signals,
            "updates": redo.updates,
            "new_run_id": redo.new_run_id,
        }
    told["code"] = None if fault is None else fault.code
    told["message"] = None if fault is None else explanation(fault)
    return told
