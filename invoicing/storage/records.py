"""Activity log, alerts, failed lists, signs of life."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Row, bindparam, delete, insert, select, update

from invoicing.domain.processes import Process
from invoicing.domain.records import (
    Alert,
    Event,
    FailedTask,
    LogEntry,
    LogQuery,
    StoredAlert,
    StoredLogEntry,
    StoredTask,
    TaskKind,
    WorkerSeen,
)
from invoicing.domain.recoveries import CLOSED_BY_HAND
from invoicing.errors import NotFound
from invoicing.storage.paging import LARGEST_ID, Condition, page_below, within
from invoicing.storage.tables import CODED, FAILED, OPEN, PEOPLE, RARE, activity_log, alerts, failed_tasks, processes
from invoicing.storage.told_lists import ROUTINE, is_rare, of_process
from invoicing.storage.work import Work, insert_once, type_of_details, upsert

_LOG = insert(activity_log).inline()
_OPEN_ALERT = insert_once(alerts, "key", where=OPEN)
_CLOSE_ALERTS = (
    update(alerts)
    .where(alerts.c.key.in_(bindparam("keys", expanding=True)), alerts.c.closed_at.is_(None))
    .values(closed_at=bindparam("now"))
)
_OPEN_TASK = insert_once(failed_tasks, "key", where=OPEN)
_CLOSE_TASK = (
    update(failed_tasks)
    .where(failed_tasks.c.key == bindparam("which"), failed_tasks.c.closed_at.is_(None))
    .values(closed_at=bindparam("now"))
)
_OPEN_TASKS = (
    select(failed_tasks)
    .where(failed_tasks.c.case_id == bindparam("case"), failed_tasks.c.kind == bindparam("which"), OPEN)
    .order_by(failed_tasks.c.id.desc())
)
_TIMELINE = (
    select(activity_log)
    .where(activity_log.c.case_id == bindparam("case"))
    .order_by(activity_log.c.at, activity_log.c.id)
)
_ALERT = select(alerts).where(alerts.c.id == bindparam("which"))
_ACKNOWLEDGE = (
    update(alerts)
    .where(alerts.c.id == bindparam("which"), alerts.c.acknowledged_at.is_(None))
    .values(acknowledged_at=bindparam("now"), acknowledged_by=bindparam("actor"))
)
_CLOSE_BY_HAND = (
    update(alerts)
    .where(
        alerts.c.id == bindparam("which"),
        alerts.c.closed_at.is_(None),
        alerts.c.code.in_(sorted(CLOSED_BY_HAND)),
        alerts.c.key.not_like("parked:%"),  # what waits for a decision is not over because somebody has looked
    )
    .values(closed_at=bindparam("now"))
)
_CLOSE_OF_CASE = (
    update(alerts)
    .where(alerts.c.case_id == bindparam("which"), alerts.c.code.in_(bindparam("codes", expanding=True)), OPEN)
    .values(closed_at=bindparam("now"))
)
_SEEN = upsert(processes, "name")
_FORGET = delete(processes).where(processes.c.seen_at < bindparam("before", type_=processes.c.seen_at.type))
_WORKERS = select(processes).order_by(processes.c.seen_at.desc(), processes.c.name)


class RecordRows(Work):
    """What is told about cases, written in the transaction of what happened."""

    async def log(self, *entries: LogEntry) -> None:
        """One insert for all of them."""
        if entries:
            rows = [{**entry.model_dump(), "details": _details(entry.details)} for entry in entries]
            await self._write(_LOG, rows)

    async def open_alert(self, alert: Alert) -> bool:
        """False while one with the same key is open."""
        row = {**alert.model_dump(), "details": _details(alert.details)}
        return (await self._write(_OPEN_ALERT[self._dialect], row)).rowcount == 1

    async def close_alerts(self, keys: Sequence[str], now: datetime) -> int:
        """How many were open and are closed now."""
        if not keys:
            return 0
        return (await self._write(_CLOSE_ALERTS, {"keys": list(keys), "now": now})).rowcount

    async def close_alerts_of(self, case_id: str, codes: Collection[str], now: datetime) -> int:
        """How many of the case's alerts with these codes were open and are closed now."""
        return (await self._write(_CLOSE_OF_CASE, {"which": case_id, "codes": sorted(codes), "now": now})).rowcount

    async def open_task(self, task: FailedTask) -> bool:
        """False while one with the same key is open."""
        return (await self._write(_OPEN_TASK[self._dialect], task.model_dump())).rowcount == 1

    async def close_task(self, key: str, now: datetime) -> bool:
        """Whether there was one to close."""
        return (await self._write(_CLOSE_TASK, {"which": key, "now": now})).rowcount == 1

    async def open_tasks(self, case_id: str, kind: TaskKind) -> tuple[FailedTask, ...]:
        """Newest first."""
        rows = await self._read(_OPEN_TASKS, {"case": case_id, "which": kind.value})
        return tuple(FailedTask.model_validate(row._asdict()) for row in rows)


def _details(details: dict[str, str]) -> str:
    return type_of_details.dump_json(details).decode()


def _plain(row: Row[tuple[object, ...]]) -> dict[str, object]:
    return {**row._asdict(), "details": type_of_details.validate_json(row.details)}


class RecordLists(Work):
    """Reading what was told, and which processes live."""

    async def timeline(self, case_id: str) -> tuple[LogEntry, ...]:
        """The activity log of a case, oldest first."""
        return tuple(LogEntry.model_validate(_plain(row)) for row in await self._read(_TIMELINE, {"case": case_id}))

    async def alerts(self, *, open_only: bool, after_id: int, limit: int) -> tuple[StoredAlert, ...]:
        """Newest first, below `after_id` unless that is 0."""
        conditions = [alerts.c.closed_at.is_(None)] if open_only else []
        rows = await self._read(page_below(alerts, after_id, limit, *conditions))
        return tuple(StoredAlert.model_validate(_plain(row)) for row in rows)

    async def acknowledge(self, alert_id: int, actor: str, now: datetime) -> StoredAlert:
        """The first to acknowledge stays named; an alert that recovery has closed can be acknowledged too.

        Where no record would ever show a recovery, looking after it is the end of it, and of its failed task.
        """
        which = min(alert_id, LARGEST_ID)
        await self._write(_ACKNOWLEDGE, {"which": which, "now": now, "actor": actor})
        by_hand = (await self._write(_CLOSE_BY_HAND, {"which": which, "now": now})).rowcount == 1
        rows = await self._read(_ALERT, {"which": which})
        if not rows:
            raise NotFound("alert_unknown", "there is no alert of this number")
        alert = StoredAlert.model_validate(_plain(rows[0]))
        if by_hand:
            await self._write(_CLOSE_TASK, {"which": alert.key, "now": now})
            about = {"case_id": alert.case_id, "step": alert.step, "code": alert.code}
            entry = LogEntry(event=Event.ALERT_CLOSED, at=now, actor=actor, **about)
            await self._write(_LOG, [{**entry.model_dump(), "details": _details(entry.details)}])
        return alert

    async def activity(self, query: LogQuery) -> tuple[StoredLogEntry, ...]:
        """In the order of writing, newest first; time is what the lines say."""
        conditions = within(activity_log.c.at, query.since, query.until)
        for column, wanted in (
            (activity_log.c.case_id, query.case_id),
            (activity_log.c.event, query.event),
            (activity_log.c.cause, query.cause),
            (activity_log.c.step, query.step),
            (activity_log.c.code, query.code),
            (activity_log.c.actor, query.actor),
        ):
            if wanted is not None:
                conditions.append(column == wanted)
        if query.process is not None:
            conditions.append(of_process(Process(query.process)))
        if query.failed:
            conditions.append(FAILED)
        if query.code is not None:
            conditions.append(CODED)
        if query.actor is not None and f"'{query.actor}'" not in PEOPLE.text:
            conditions.append(PEOPLE)
        if query.event is not None and query.event not in ROUTINE:
            conditions.append(RARE)
        elif query.process is not None and is_rare(Process(query.process)):
            conditions.append(RARE)
        rows = await self._read(page_below(activity_log, query.after_id, query.limit, *conditions))
        return tuple(StoredLogEntry.model_validate(_plain(row)) for row in rows)

    async def failed_tasks(self, kind: TaskKind | None, after_id: int, limit: int) -> tuple[StoredTask, ...]:
        """Open ones, newest first."""
        conditions: list[Condition] = [OPEN]
        if kind is not None:
            conditions.append(failed_tasks.c.kind == kind.value)
        rows = await self._read(page_below(failed_tasks, after_id, limit, *conditions))
        return tuple(StoredTask.model_validate(row._asdict()) for row in rows)

    async def seen(self, name: str, role: str, started_at: datetime, now: datetime) -> None:
        """A sign of life of a process."""
        row = {"name": name, "role": role, "started_at": started_at, "seen_at": now}
        await self._write(_SEEN[self._dialect], row)

    async def forget_processes(self, before: datetime) -> int:
        """Nothing else names a process but a claim, which its lease ends."""
        return (await self._write(_FORGET, {"before": before})).rowcount

    async def workers(self) -> tuple[WorkerSeen, ...]:
        """Newest sign first."""
        return tuple(WorkerSeen.model_validate(row._asdict()) for row in await self._read(_WORKERS))
