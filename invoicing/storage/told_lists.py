"""What ops look for: alerts by what they say or grouped by cause, failed tasks, lines of the log by process."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from invoicing.domain.processes import BY_STEP, Process, events_of, steps_of
from invoicing.domain.records import AlertGroup, AlertQuery, Event, StoredAlert, StoredTask, TaskQuery
from invoicing.storage.paging import Condition, named_in, page_below, within
from invoicing.storage.tables import OPEN, RARE, activity_log, alerts, failed_tasks
from invoicing.storage.work import Work, type_of_details

_GROUPS = (
    select(
        alerts.c.cause,
        alerts.c.code,
        func.count().label("open"),
        func.count(alerts.c.acknowledged_at).label("acknowledged"),
        func.min(alerts.c.opened_at).label("oldest_at"),
        func.max(alerts.c.opened_at).label("newest_at"),
    )
    .where(OPEN)
    .group_by(alerts.c.cause, alerts.c.code)
    .order_by(alerts.c.cause, alerts.c.code)
)


ROUTINE = named_in(RARE, Event)
"""Events of a case that goes well: so many that a page of them is found by looking back from the newest line."""


class ToldLists(Work):
    """Newest first, page by page; every condition is optional."""

    async def alert_list(self, query: AlertQuery) -> tuple[StoredAlert, ...]:
        """Alerts; time is that of their opening."""
        conditions = within(alerts.c.opened_at, query.since, query.until)
        conditions += _equal(alerts.c, query, "case_id", "cause", "code", "step")
        if query.open is not None:
            conditions.append(OPEN if query.open else alerts.c.closed_at.is_not(None))
        if query.acknowledged is not None:
            is_null = alerts.c.acknowledged_at.is_(None)
            conditions.append(alerts.c.acknowledged_at.is_not(None) if query.acknowledged else is_null)
        rows = await self._read(page_below(alerts, query.after_id, query.limit, *conditions))
        details = [{**row._asdict(), "details": type_of_details.validate_json(row.details)} for row in rows]
        return tuple(StoredAlert.model_validate(row) for row in details)

    async def alert_groups(self) -> tuple[AlertGroup, ...]:
        """Open alerts counted by cause and code."""
        return tuple(AlertGroup.model_validate(row._asdict()) for row in await self._read(_GROUPS))

    async def task_list(self, query: TaskQuery) -> tuple[StoredTask, ...]:
        """Failed tasks; time is that of their opening."""
        conditions = within(failed_tasks.c.opened_at, query.since, query.until)
        conditions += _equal(failed_tasks.c, query, "case_id", "kind", "code")
        if query.open is not None:
            conditions.append(OPEN if query.open else failed_tasks.c.closed_at.is_not(None))
        rows = await self._read(page_below(failed_tasks, query.after_id, query.limit, *conditions))
        return tuple(StoredTask.model_validate(row._asdict()) for row in rows)


def of_process(process: Process) -> ColumnElement[bool]:
    """Lines of the log that belong to a process: by their event, or by their step where the event says too little."""
    lines = activity_log.c
    steps = steps_of(process)
    # not the bare column: by an index of events SQLite would read all that match and sort them for one page
    event = lines.event.concat("")
    named = [lines.step.in_([step.value for step in steps if step is not None])] if any(steps) else []
    without = [lines.step.is_(None)] if None in steps else []
    own = event.in_([event.value for event in events_of(process)])
    if not steps:
        return own
    return or_(own, and_(event.in_([event.value for event in BY_STEP]), or_(*named, *without)))


def is_rare(process: Process) -> bool:
    """Whether no line of the process is one of a case that goes well."""
    return not ROUTINE & {*events_of(process), *(BY_STEP if steps_of(process) else ())}


def _equal(columns: Any, query: Any, *names: str) -> list[Condition]:
    return [columns[name] == wanted for name in names if (wanted := getattr(query, name)) is not None]
