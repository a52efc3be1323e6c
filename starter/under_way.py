"""What `explain` tells beside the state record: what happened last, and what the run has under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from invoicing.domain.records import LogEntry
from invoicing.errors import NotFound, PaidcaseError
from invoicing.locale import text
from invoicing.ops.standing import Pending, Standing, standing
from invoicing.presenting import moment
from starter.call import Call
from starter.handing_over import reach_temporal
from starter.outcomes import explanation
from workflows.identity import paid_case_id

LATEST = 8
"""So many of the last events are shown; the timeline has them all."""


async def asked(call: Call, case_id: str, now: datetime) -> tuple[Standing | None, PaidcaseError | None]:
    """Where the run stands, or why that is not known; a case without a run is no fault."""
    try:
        return await standing(await reach_temporal(call.env), paid_case_id(case_id), now), None
    except NotFound:
        return None, None
    except PaidcaseError as fault:
        return None, fault


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


def under_way(run: Standing | None, fault: PaidcaseError | None) -> Iterator[str]:
    """What Temporal says."""
    if fault is not None:
        yield f"Temporal was not asked, this is what the database knows: {explanation(fault)}"
        return
    if run is None:
        yield "run: Temporal knows none; the database starts one when there is something to do"
        return
    yield f"run: {run.status}, {run.events} events since {moment(run.started_at.replace(microsecond=0))}"
    for one in run.pending:
        yield f"under way: {_waiting(one)}"
    if run.trouble is not None:
        yield f"stuck: {run.trouble}"


def _waiting(one: Pending) -> str:
    why = f", the last one ended with {one.code}" if one.code else ""
    if one.next_at is None:
        return f"{one.activity}, attempt {one.attempt}{why}"
    return f"{one.activity}, attempt {one.attempt} at {moment(one.next_at.replace(microsecond=0))}{why}"


def document(run: Standing | None, fault: PaidcaseError | None) -> dict[str, Any]:
    """The same as data."""
    if run is None:
        return {"run": None, "temporal": None if fault is None else fault.code}
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
    told = {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "status": run.status,
        "events": run.events,
        "started_at": moment(run.started_at),
        "pending": pending,
        "trouble": run.trouble,
    }
    return {"run": told, "temporal": None}
