"""Outbox and inbox: what was accepted and waits for the relay, claimed by whoever runs it.

A claim moves the row's `available_at` to the end of the lease, a release to the time of the next try, so one column
says when a row may be claimed. PostgreSQL passes over rows that another claim has locked (SKIP LOCKED); on SQLite a
claim is the only writer. A claimer whose lease lapsed may still deliver: every delivery is idempotent by its key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Executable, Row, Table, bindparam, func, select, update

from invoicing.domain.records import InboxMessage, OutboxKind, OutboxMessage, QueuedMessage, QueuedNotification
from invoicing.errors import NotFound
from invoicing.storage.tables import cases, inbox, outbox
from invoicing.storage.work import Work, insert_once

_body: TypeAdapter[dict[str, str | int]] = TypeAdapter(dict[str, str | int])
_ENQUEUE = insert_once(outbox, "key")
_RUN_ASKED = (
    update(cases).where(cases.c.case_id == bindparam("which"), cases.c.run_asked.is_(False)).values(run_asked=True)
)
_RECEIVE = insert_once(inbox, "service_id", "order_id", "remote_id", "status")
_NOTIFICATION = select(inbox).where(inbox.c.id == bindparam("which"))


@dataclass(frozen=True)
class _Queue:
    """The statements of one queue table."""

    anything: Executable
    claim: Executable
    delivered: Executable
    release: Executable
    count: Executable


def _queue(table: Table) -> _Queue:
    claimable = (table.c.delivered_at.is_(None), table.c.available_at <= bindparam("now"))
    # as a CTE the selection is made once; as a plain subquery PostgreSQL may make it again and lock more rows
    picked = (
        select(table.c.id)
        .where(*claimable)
        .order_by(table.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    these = table.c.id.in_(bindparam("ids", expanding=True))
    return _Queue(
        anything=select(table.c.id).where(*claimable).order_by(table.c.id).limit(1),
        claim=update(table)
        .where(table.c.id.in_(select(picked.c.id)))
        .values(
            available_at=bindparam("until"),
            claimed_by=bindparam("worker"),
            deliveries=table.c.deliveries + 1,
        )
        .returning(*table.c),
        delivered=update(table).where(these).values(delivered_at=bindparam("now")),
        release=update(table)
        .where(these, table.c.delivered_at.is_(None))
        .values(available_at=bindparam("retry_at"), claimed_by=None),
        count=select(func.count()).select_from(table).where(table.c.delivered_at.is_(None)),
    )


OUTBOX, INBOX = _queue(outbox), _queue(inbox)

_REARM = (
    update(outbox)
    .where(outbox.c.key == bindparam("which"), outbox.c.delivered_at < bindparam("before"))
    .values(delivered_at=None, claimed_by=None)
)


class QueueRows(Work):
    """Accepting, in the transaction of what was decided."""

    async def enqueue(self, message: OutboxMessage, now: datetime) -> bool:
        """False when its key was accepted before."""
        row = {
            **message.model_dump(),
            "body": _body.dump_json(message.body).decode(),
            "accepted_at": now,
            "available_at": now,
            "deliveries": 0,
        }
        if message.kind is OutboxKind.PAYMENT_REQUESTED:  # nothing else of the record may change for a while
            await self._write(_RUN_ASKED, {"which": message.case_id})
        return (await self._write(_ENQUEUE[self._dialect], row)).rowcount == 1

    async def rearm(self, key: str, delivered_before: datetime) -> bool:
        """Let a message that was delivered before that time be handed over again."""
        return (await self._write(_REARM, {"which": key, "before": delivered_before})).rowcount == 1

    async def receive(self, message: InboxMessage) -> bool:
        """False for a repeat."""
        row = {**message.model_dump(), "available_at": message.received_at, "deliveries": 0}
        return (await self._write(_RECEIVE[self._dialect], row)).rowcount == 1


class QueueClaims(Work):
    """Claiming and handing over, each in a transaction of its own."""

    async def notification(self, inbox_id: int) -> InboxMessage:
        """One inbox row."""
        rows = await self._read(_NOTIFICATION, {"which": inbox_id})
        if not rows:
            raise NotFound("notification_unknown", "no such message is stored")
        return InboxMessage.model_validate(rows[0]._asdict())

    async def is_waiting(self, queue: _Queue, now: datetime) -> bool:
        """Whether a claim would find a row; spares the writing transaction when nothing waits."""
        return bool(await self._read(queue.anything, {"now": now}))

    async def claim(
        self, queue: _Queue, worker: str, now: datetime, lease: timedelta, limit: int
    ) -> Sequence[Row[Any]]:
        """Claim rows, oldest first."""
        values = {"now": now, "until": now + lease, "worker": worker, "most": limit}
        return sorted((await self._write(queue.claim, values)).all(), key=lambda row: row.id)

    async def delivered(self, queue: _Queue, ids: Sequence[int], now: datetime) -> None:
        """Mark rows as handed over."""
        await self._write(queue.delivered, {"ids": list(ids), "now": now})

    async def release(self, queue: _Queue, ids: Sequence[int], retry_at: datetime) -> None:
        """Give rows back; nobody claims them before `retry_at`."""
        await self._write(queue.release, {"ids": list(ids), "retry_at": retry_at})

    async def waiting(self) -> Mapping[str, int]:
        """How many rows wait."""
        counts = {name: await self._read(queue.count) for name, queue in (("outbox", OUTBOX), ("inbox", INBOX))}
        return {name: int(rows[0][0]) for name, rows in counts.items()}


def message_of(row: Row[Any]) -> QueuedMessage:
    """A claimed outbox row."""
    return QueuedMessage.model_validate({**row._asdict(), "body": _body.validate_json(row.body)})


def notification_of(row: Row[Any]) -> QueuedNotification:
    """A claimed inbox row."""
    return QueuedNotification.model_validate(row._asdict())
