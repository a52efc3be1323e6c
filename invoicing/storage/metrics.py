"""Figures for operators, each read from an index that holds only what waits, and counted up to `MOST` rows.

What is done is counted by `states` alone, from an index of two short columns; `told` reads the new lines of the
activity log by their ids instead, at most `LINES` of them at a time. The caller leaves out the newest ones, because a
line with a smaller number may still be committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Executable,
    Row,
    Select,
    Table,
    TextClause,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from invoicing.domain.metrics import MOST, Count, Figures, Told
from invoicing.domain.records import DeliveryStatus, TaskKind
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.storage.paging import Condition, named_in
from invoicing.storage.tables import (
    OPEN,
    PARKED,
    UNDELIVERED,
    UNINVOICED,
    UNSENT,
    UNSETTLED,
    activity_log,
    alerts,
    cases,
    deliveries,
    failed_tasks,
    inbox,
    outbox,
    processes,
)
from invoicing.storage.work import Statements, Work

LINES = 100_000
DIFFERENCE = "reconciliation_difference"
"""The code of alerts of reconciliation; their detail `kind` says what does not agree."""
_QUEUES = {"outbox": (outbox, outbox.c.accepted_at), "inbox": (inbox, inbox.c.received_at)}
_ROUTINE = named_in(UNSENT, DeliveryStatus)
_NO_ONE = literal("")


def _each(table: Table, column: str, values: Iterable[str], where: TextClause) -> Executable:
    """One count a value, so that a value with very many rows hides no other one."""
    return union_all(*(_capped(table, value, where, table.c[column] == value) for value in sorted(values)))


def _capped(table: Table, name: str, *conditions: Condition) -> Select[str, int]:
    some = select(literal(1).label("one")).select_from(table).where(*conditions).limit(MOST).subquery()
    return select(literal(name), func.count()).select_from(some)


def _grouped(rows: Select[Any]) -> Select[Any]:
    some = rows.limit(MOST).subquery()
    return select(*some.c, func.count()).group_by(*some.c)


def _parked(state: ColumnElement[Any]) -> Executable:
    told = (state[("parked", name)].as_string().label(name) for name in ("step", "cause"))
    return _grouped(select(*told).where(PARKED))


_UNSETTLED = _each(cases, "payment_status", named_in(UNSETTLED, PaymentStatus), UNSETTLED)
_UNINVOICED = _each(cases, "invoice_status", named_in(UNINVOICED, InvoiceStatus), UNINVOICED)
_MAILS = _each(deliveries, "status", frozenset(DeliveryStatus) - _ROUTINE, UNSENT)
_TASKS = _each(failed_tasks, "kind", TaskKind, OPEN)
_WAITING = union_all(*(_capped(table, name, UNDELIVERED) for name, (table, _) in _QUEUES.items()))
_PARKED: Statements = {
    "sqlite": _parked(type_coerce(cases.c.state, JSON)),
    "postgresql": _parked(cast(cases.c.state, JSONB)),
}
_SEEN = case((alerts.c.acknowledged_at.is_(None), "no"), else_="yes").label("seen")
# ordered by their key, because SQLite would read every alert there ever was rather than the index of the open ones
_ALERTS = _grouped(select(alerts.c.cause, alerts.c.code, _SEEN).where(OPEN).order_by(alerts.c.key))


def _differences(details: ColumnElement[Any]) -> Executable:
    kind = details["kind"].as_string().label("kind")
    return _grouped(select(kind).where(OPEN, alerts.c.code == DIFFERENCE).order_by(alerts.c.key))


_DIFFERENCES: Statements = {
    "sqlite": _differences(type_coerce(alerts.c.details, JSON)),
    "postgresql": _differences(cast(alerts.c.details, JSONB)),
}
_WITHOUT_ANYBODY = (
    select(alerts.c.opened_at)
    .where(OPEN, alerts.c.acknowledged_at.is_(None))
    .order_by(alerts.c.key)
    .limit(MOST)
    .subquery()
)
_UNSEEN = select(func.min(_WITHOUT_ANYBODY.c.opened_at))
_PROCESSES = (
    select(processes.c.role, func.count())
    .where(processes.c.seen_at >= bindparam("seen_since", type_=processes.c.seen_at.type))
    .group_by(processes.c.role)
)
_OLDEST = {
    name: select(since).where(UNDELIVERED).order_by(table.c.id).limit(1) for name, (table, since) in _QUEUES.items()
}
_LAST = (
    select(activity_log.c.id)
    .where(activity_log.c.at < bindparam("before", type_=activity_log.c.at.type))
    .order_by(activity_log.c.id.desc())
    .limit(1)
)
_OF_STATE = (cases.c.payment_status, cases.c.invoice_status)
_STATES = select(*_OF_STATE, func.count()).group_by(*_OF_STATE)
_LINES = (
    select(
        activity_log.c.event,
        func.coalesce(activity_log.c.step, _NO_ONE),
        func.coalesce(activity_log.c.cause, _NO_ONE),
        func.count(),
    )
    .where(activity_log.c.id > bindparam("after"), activity_log.c.id <= bindparam("upto"))
    .group_by(activity_log.c.event, activity_log.c.step, activity_log.c.cause)
)


class MetricRows(Work):
    """Counting."""

    async def figures(self, seen_since: datetime) -> Figures:
        """How much waits now; `seen_since` tells which processes count as alive."""
        oldest = {name: await self._read(statement) for name, statement in _OLDEST.items()}
        unseen = await self._read(_UNSEEN)
        return Figures(
            unsettled=await self._counts(_UNSETTLED),
            uninvoiced=await self._counts(_UNINVOICED),
            parked=await self._counts(_PARKED[self._dialect]),
            alerts=await self._counts(_ALERTS),
            differences=await self._counts(_DIFFERENCES[self._dialect]),
            tasks=await self._counts(_TASKS),
            mails=await self._counts(_MAILS),
            waiting=await self._counts(_WAITING),
            processes=await self._counts(_PROCESSES, {"seen_since": seen_since}),
            oldest={name: rows[0][0] for name, rows in oldest.items() if rows},
            unseen_since=unseen[0][0],
        )

    async def states(self) -> tuple[Count, ...]:
        """Every case by payment and invoice status."""
        return await self._counts(_STATES)

    async def told(self, after: int | None, before: datetime) -> Told:
        """Lines behind `after` that are older than `before`; None begins with the next ones."""
        last = await self._read(_LAST, {"before": before})
        upto = int(last[0].id) if last else 0
        if after is None or upto <= after:
            return Told(upto=max(upto, after or 0), lines=())
        upto = min(upto, after + LINES)
        return Told(upto=upto, lines=await self._counts(_LINES, {"after": after, "upto": upto}))

    async def _counts(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> tuple[Count, ...]:
        rows: Sequence[Row[Any]] = await self._read(statement, parameters)
        return tuple(Count(values=tuple(map(str, row[:-1])), rows=row[-1]) for row in rows)
