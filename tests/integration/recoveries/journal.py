"""What each unit of work wrote: a store that keeps a journal of log lines, alerts, closings and state records."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from invoicing.domain.records import Alert, LogEntry
from invoicing.domain.state import CaseState
from invoicing.storage.store import SqlUnitOfWork


@dataclass
class Written:
    """The writes of one unit of work."""

    lines: list[LogEntry] = field(default_factory=list)
    opened: list[Alert] = field(default_factory=list)
    closed: int = 0
    states: list[CaseState] = field(default_factory=list)


@dataclass
class Journal:
    """Units of work that were begun, oldest first."""

    units: list[Written] = field(default_factory=list)

    def opening(self, key: str) -> Written:
        """The newest unit of work that opened an alert of this key."""
        return next(unit for unit in reversed(self.units) if key in {alert.key for alert in unit.opened})

    def work(self, *given: Any, **more: Any) -> SqlUnitOfWork:
        """A unit of work that keeps the journal; stands for the class of the store."""
        self.units.append(Written())
        return _Watched(self.units[-1], *given, **more)


class _Watched(SqlUnitOfWork):
    def __init__(self, written: Written, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._written = written

    async def log(self, *entries: LogEntry) -> None:
        await super().log(*entries)
        self._written.lines += entries

    async def open_alert(self, alert: Alert) -> bool:
        opened = await super().open_alert(alert)
        if opened:
            self._written.opened.append(alert)
        return opened

    async def close_alerts(self, keys: Sequence[str], now: datetime) -> int:
        closed = await super().close_alerts(keys, now)
        self._written.closed += closed
        return closed

    async def close_alerts_of(self, case_id: str, codes: Collection[str], now: datetime) -> int:
        closed = await super().close_alerts_of(case_id, codes, now)
        self._written.closed += closed
        return closed

    async def save(self, state: CaseState) -> CaseState:
        saved = await super().save(state)
        self._written.states.append(saved)
        return saved
