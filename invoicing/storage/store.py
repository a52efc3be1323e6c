"""The storage ports on SQLite and PostgreSQL, composed of the repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.brownouts import SeenGate
from invoicing.domain.decisions import Refund
from invoicing.domain.logins import Login
from invoicing.domain.metrics import Count, Figures, Told
from invoicing.domain.records import (
    AlertGroup,
    AlertQuery,
    CaseFacts,
    CaseQuery,
    EmailQuery,
    InboxMessage,
    LogEntry,
    LogQuery,
    QueuedMessage,
    QueuedNotification,
    RunningCase,
    StoredAlert,
    StoredDelivery,
    StoredLogEntry,
    StoredNotice,
    StoredTask,
    TaskKind,
    TaskQuery,
    WorkerSeen,
)
from invoicing.domain.state import CaseState
from invoicing.ports import Clock, Sealer, utc_now
from invoicing.storage.archive import ArchiveRows
from invoicing.storage.brownouts import BrownoutLists, BrownoutRows
from invoicing.storage.case_lists import CaseLists
from invoicing.storage.cases import CaseRows
from invoicing.storage.decisions import DecisionRows
from invoicing.storage.experts import ExpertKeys, ExpertRows
from invoicing.storage.idempotency import SqlAnswers
from invoicing.storage.invoices import InvoiceRows
from invoicing.storage.mail import MailLists, MailRows
from invoicing.storage.metrics import MetricRows
from invoicing.storage.payments import PaymentRows
from invoicing.storage.profiles import ProfileRows
from invoicing.storage.queue import INBOX, OUTBOX, QueueClaims, QueueRows, message_of, notification_of
from invoicing.storage.rearming import Rearming
from invoicing.storage.records import RecordLists, RecordRows
from invoicing.storage.refunds import RefundRows
from invoicing.storage.runs import DeliveryRows, RunLists
from invoicing.storage.schema import demand_revision
from invoicing.storage.session import BUSY_SECONDS, Database
from invoicing.storage.told_lists import ToldLists


class SqlUnitOfWork(
    CaseRows,
    ExpertRows,
    ProfileRows,
    PaymentRows,
    InvoiceRows,
    BrownoutRows,
    DecisionRows,
    RefundRows,
    ArchiveRows,
    MailRows,
    RecordRows,
    QueueRows,
    DeliveryRows,
):
    """What activities and the web do in one transaction."""


class SqlLists(
    CaseLists, MailLists, RecordLists, ToldLists, BrownoutLists, QueueClaims, ExpertKeys, MetricRows, RunLists, Rearming
):
    """What the store itself does, each call in a transaction of its own."""


class SqlCaseStore:
    """The database at an address of `DATABASE_URL`. Belongs to one event loop; connects on first use.

    `patience` is how many seconds a transaction waits for its turn or for a connection before it gives up. Without a
    `sealer`, experts with wFirma keys can neither be saved nor read, and facts come without the keys.
    """

    work = SqlUnitOfWork
    lists = SqlLists

    def __init__(
        self,
        url: str,
        clock: Clock = utc_now,
        *,
        patience: float = BUSY_SECONDS,
        sealer: Sealer | None = None,
    ) -> None:
        self._database = Database(url, patience)
        self._clock = clock
        self._sealer = sealer
        self.answers = SqlAnswers(self._database, clock)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlUnitOfWork]:
        """A writing transaction: committed when the block ends, rolled back when it raises."""
        async with self._database.writing() as connection:
            yield self.work(connection, self._database.dialect, self._clock, writable=True, sealer=self._sealer)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlUnitOfWork]:
        """A reading transaction on one snapshot."""
        async with self._database.reading() as connection:
            yield self.work(connection, self._database.dialect, self._clock, writable=False, sealer=self._sealer)

    @asynccontextmanager
    async def _lists(self, *, writable: bool) -> AsyncIterator[SqlLists]:
        opened = self._database.writing() if writable else self._database.reading()
        async with opened as connection:
            yield self._work_of(connection, writable=writable)

    def _work_of(self, connection: AsyncConnection, *, writable: bool) -> SqlLists:
        return self.lists(connection, self._database.dialect, self._clock, writable=writable, sealer=self._sealer)

    async def notification(self, inbox_id: int) -> InboxMessage:
        """One inbox row. Raises `NotFound`."""
        async with self._lists(writable=False) as rows:
            return await rows.notification(inbox_id)

    async def experts_with_keys(self, limit: int) -> tuple[tuple[Login, ...], int]:
        """Logins of experts with stored keys, the first so many by id, and how many there are."""
        async with self._lists(writable=False) as rows:
            return await rows.experts_with_keys(limit)

    async def claim_messages(
        self, worker: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[QueuedMessage, ...]:
        """Claim undelivered outbox rows, oldest first."""
        async with self._lists(writable=False) as rows:
            if not await rows.is_waiting(OUTBOX, now):
                return ()
        async with self._lists(writable=True) as rows:
            return tuple(message_of(row) for row in await rows.claim(OUTBOX, worker, now, lease, limit))

    async def claim_notifications(
        self, worker: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[QueuedNotification, ...]:
        """Claim undelivered inbox rows likewise."""
        async with self._lists(writable=False) as rows:
            if not await rows.is_waiting(INBOX, now):
                return ()
        async with self._lists(writable=True) as rows:
            return tuple(notification_of(row) for row in await rows.claim(INBOX, worker, now, lease, limit))

    async def messages_delivered(self, ids: Sequence[int], now: datetime) -> None:
        """Mark outbox rows as handed over."""
        async with self._lists(writable=True) as rows:
            await rows.delivered(OUTBOX, ids, now)

    async def notifications_delivered(self, ids: Sequence[int], now: datetime) -> None:
        """Mark inbox rows as handed over."""
        async with self._lists(writable=True) as rows:
            await rows.delivered(INBOX, ids, now)

    async def release_messages(self, ids: Sequence[int], retry_at: datetime) -> None:
        """Give claimed outbox rows back."""
        async with self._lists(writable=True) as rows:
            await rows.release(OUTBOX, ids, retry_at)

    async def release_notifications(self, ids: Sequence[int], retry_at: datetime) -> None:
        """Give claimed inbox rows back."""
        async with self._lists(writable=True) as rows:
            await rows.release(INBOX, ids, retry_at)

    async def waiting(self) -> Mapping[str, int]:
        """How many rows wait in `outbox` and `inbox`."""
        async with self._lists(writable=False) as rows:
            return await rows.waiting()

    async def running(self, after: str, limit: int) -> tuple[RunningCase, ...]:
        """Cases whose run was asked for and has not ended."""
        async with self._lists(writable=False) as rows:
            return await rows.running(after, limit)

    async def refunding(self, before: datetime, limit: int) -> tuple[Refund, ...]:
        """Refunds that have not ended."""
        async with self._lists(writable=False) as rows:
            return await rows.refunding(before, limit)

    async def unbegun_refunds(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        """Refunds that were decided and that nobody has begun."""
        async with self._lists(writable=False) as rows:
            return await rows.unbegun_refunds(before, limit)

    async def timeline(self, case_id: str) -> tuple[LogEntry, ...]:
        """The activity log of a case, oldest first."""
        async with self._lists(writable=False) as rows:
            return await rows.timeline(case_id)

    async def alerts(self, *, open_only: bool, after_id: int, limit: int) -> tuple[StoredAlert, ...]:
        """Alerts below an id, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.alerts(open_only=open_only, after_id=after_id, limit=limit)

    async def acknowledge(self, alert_id: int, actor: str, now: datetime) -> StoredAlert:
        """Acknowledge an alert; again changes nothing. Raises `NotFound`."""
        async with self._lists(writable=True) as rows:
            return await rows.acknowledge(alert_id, actor, now)

    async def activity(self, query: LogQuery) -> tuple[StoredLogEntry, ...]:
        """The activity log, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.activity(query)

    async def alert_list(self, query: AlertQuery) -> tuple[StoredAlert, ...]:
        """Alerts by what they say, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.alert_list(query)

    async def alert_groups(self) -> tuple[AlertGroup, ...]:
        """Open alerts counted by cause and code."""
        async with self._lists(writable=False) as rows:
            return await rows.alert_groups()

    async def task_list(self, query: TaskQuery) -> tuple[StoredTask, ...]:
        """Failed tasks by what they say, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.task_list(query)

    async def failed_tasks(self, kind: TaskKind | None, after_id: int, limit: int) -> tuple[StoredTask, ...]:
        """Open failed tasks, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.failed_tasks(kind, after_id, limit)

    async def emails(self, query: EmailQuery) -> tuple[StoredDelivery, ...]:
        """The e-mail log, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.emails(query)

    async def notices(self, expert_id: str, after_id: int, limit: int) -> tuple[StoredNotice, ...]:
        """In-app notifications of an expert, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.notices(expert_id, after_id, limit)

    async def unread(self, expert_id: str) -> int:
        """How many notifications of an expert are not read."""
        async with self._lists(writable=False) as rows:
            return await rows.unread(expert_id)

    async def read_notice(self, expert_id: str, notice_id: int, now: datetime) -> bool:
        """Mark one as read; False when it is not this expert's."""
        async with self._lists(writable=True) as rows:
            return await rows.read_notice(expert_id, notice_id, now)

    async def payments(self, query: CaseQuery) -> tuple[CaseFacts, ...]:
        """Cases that have a payment label, newest first; experts come without keys."""
        async with self._lists(writable=False) as rows:
            return await rows.payments(query)

    async def statuses(self, case_ids: Sequence[str]) -> tuple[CaseState, ...]:
        """State records of these cases, or of the newest 100."""
        async with self._lists(writable=False) as rows:
            return await rows.statuses(case_ids)

    async def seen(self, name: str, role: str, started_at: datetime, now: datetime) -> None:
        """A sign of life of a process."""
        async with self._lists(writable=True) as rows:
            await rows.seen(name, role, started_at, now)

    async def workers(self) -> tuple[WorkerSeen, ...]:
        """Processes that gave a sign of life, newest first."""
        async with self._lists(writable=False) as rows:
            return await rows.workers()

    async def forget_processes(self, before: datetime) -> int:
        """Forget those that have been silent since a time."""
        async with self._lists(writable=True) as rows:
            return await rows.forget_processes(before)

    async def gates(self) -> tuple[SeenGate, ...]:
        """Gates of issuers, with the number of cases before each."""
        async with self._lists(writable=False) as rows:
            return await rows.gates()

    async def rearm_open(self, now: datetime, since: datetime) -> Mapping[str, int]:
        """Have the relay hand over again what a lost Temporal had taken; how many rows of which kind."""
        async with self._lists(writable=True) as rows:
            return await rows.rearm_open(now, since)

    async def reseal(self, limit: int) -> int:
        """Seal up to `limit` experts' keys anew with the first key; 0 when every one is. Raises `SettingsFault`."""
        async with self._lists(writable=True) as rows:
            return await rows.reseal(limit)

    async def sealed_by(self) -> Mapping[str, int]:
        """How many experts' keys each key of the ring seals."""
        async with self._lists(writable=False) as rows:
            return await rows.sealed_by()

    async def figures(self, seen_since: datetime) -> Figures:
        """How much waits, for what, and since when."""
        async with self._lists(writable=False) as rows:
            return await rows.figures(seen_since)

    async def states(self) -> tuple[Count, ...]:
        """Every case by payment and invoice status."""
        async with self._lists(writable=False) as rows:
            return await rows.states()

    async def told(self, after: int | None, before: datetime) -> Told:
        """Lines of the activity log behind one of them, counted."""
        async with self._lists(writable=False) as rows:
            return await rows.told(after, before)

    async def ping(self) -> str:
        """The schema revision. Raises `ConnectivityFault`, or `SettingsFault("database_schema")` if it is not ours."""
        async with self._database.reading() as connection:
            return await demand_revision(connection)

    async def close(self) -> None:
        """Give connections back."""
        await self._database.close()
