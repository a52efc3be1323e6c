"""Activity log, alerts, failed lists, signs of life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, bindparam, insert, or_, select, update

from invoicing.domain.records import Alert, FailedTask, LogEntry, StoredAlert, WorkerSeen
from invoicing.storage.tables import OPEN, activity_log, alerts, failed_tasks, processes
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
_TIMELINE = select(activity_log).where(activity_log.c.case_id == bindparam("case")).order_by(activity_log.c.id)
_ALERTS = (
    select(alerts)
    .where(or_(bindparam("below") == 0, alerts.c.id < bindparam("below")))
    .order_by(alerts.c.id.desc())
    .limit(bindparam("most"))
)
_OPEN_ALERTS = _ALERTS.where(alerts.c.closed_at.is_(None))
_SEEN = upsert(processes, "name")
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

    async def open_task(self, task: FailedTask) -> bool:
        """False while one with the same key is open."""
        return (await self._write(_OPEN_TASK[self._dialect], task.model_dump())).rowcount == 1

    async def close_task(self, key: str, now: datetime) -> bool:
        """Whether there was one to close."""
        return (await self._write(_CLOSE_TASK, {"which": key, "now": now})).rowcount == 1


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
        rows = await self._read(_OPEN_ALERTS if open_only else _ALERTS, {"below": after_id, "most": limit})
        return tuple(StoredAlert.model_validate(_plain(row)) for row in rows)

    async def seen(self, name: str, role: str, started_at: datetime, now: datetime) -> None:
        """A sign of life of a process."""
        row = {"name": name, "role": role, "started_at": started_at, "seen_at": now}
        await self._write(_SEEN[self._dialect], row)

    async def workers(self) -> tuple[WorkerSeen, ...]:
        """Newest sign first."""
        return tuple(WorkerSeen.model_validate(row._asdict()) for row in await self._read(_WORKERS))
