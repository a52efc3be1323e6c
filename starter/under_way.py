"""What `explain` tells beside the state record: what happened last, and what the run has under way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invoicing.domain.records import LogEntry
from invoicing.errors import NotFound, PaidcaseError
from invoicing.locale import text
from invoicing.ops.standing import Pending, Standing, acts_under_way, standing
from invoicing.presenting import moment
from starter.call import Call
from starter.handing_over import reach_temporal
from starter.outcomes import explanation
from workflows.identity import paid_case_id

LATEST = 8
"""So many of the last events are shown; the timeline has them all."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The run of a case and its acts under way, or why they are not known; a case without a run is no fault."""

    own: Standing | None = None
    acts: tuple[Standing, ...] = ()
    fault: PaidcaseError | None = None


async def asked(call: Call, case_id: str, now: datetime) -> Runs:
    """What Temporal knows of a case."""
    own: Standing | None = None
    try:
        client = await reach_temporal(call.env)
        with contextlib.suppress(NotFound):
            own = await standing(client, paid_case_id(case_id), now)
        return Runs(own, await acts_under_way(client, case_id, now))
    except PaidcaseError as fault:
        return Runs(own, fault=fault)


def happened(entries: Sequence[LogEntry], language: str) -> Iterator[str]:
    """The last events, oldest first."""
    if len(entries) > LATEST:
        yield f"what happened last ({len(entries) - LATEST} earlier events: see the timeline)"
    for entry in entries[-LATEST:]:
        more = [entry.step, f"attempt {entry.attempt}" if entry.attempt else None, entry.code]
        about = ", ".join(str(one) for one in more if one)
        who = "" if entry.actor == "system" else f" by {entry.actor}"
        said = text(language, f"event.{entry.event.value}")
        yield f"{moment(entry.at.replace(microsecond=0))}  {said}" + (f" ({about})" if about else "") + who


def under_way(runs: Runs) -> Iterator[str]:
    """What Temporal says."""
    if runs.fault is not None:
        yield f"Temporal was not asked, this is what the database knows: {explanation(runs.fault)}"
    elif runs.own is None:
        yield "run: Temporal knows none; the database starts one when there is something to do"
    for run in (*([runs.own] if runs.own is not None else []), *runs.acts):
        name = "run" if run is runs.own else run.workflow_id
        yield f"{name}: {run.status}, {run.events} events since {moment(run.started_at.replace(microsecond=0))}"
        for one in run.pending:
            yield f"under way: {_waiting(one)}"
        if run.trouble is not None:
            yield f"stuck: {run.trouble}"


def _waiting(one: Pending) -> str:
    why = f", the last one ended with {one.code}" if one.code else ""
    if one.next_at is None:
        return f"{one.activity}, attempt {one.attempt}{why}"
    return f"{one.activity}, attempt {one.attempt} at {moment(one.next_at.replace(microsecond=0))}{why}"


def document(runs: Runs) -> dict[str, Any]:
    """The same as data."""
    return {
        "run": None if runs.own is None else _run(runs.own),
        "acts": [_run(act) for act in runs.acts],
        "temporal": None if runs.fault is None else runs.fault.code,
    }


def _run(run: Standing) -> dict[str, Any]:
    pending = [
        {
            "activity": one.activity,
            "running": one.running,
            "attempt": one.attempt,
            "next_at": None if one.next_at is None else moment(one.next_at),
            "code": one.code,
        }
        for one in run.pending
    ]
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "status": run.status,
        "events": run.events,
        "started_at": moment(run.started_at),
        "pending": pending,
        "trouble": run.trouble,
    }
