"""The database: one unit of work, and what is read across cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from invoicing.domain.brownouts import Gate, Hold, Outage, SeenGate
from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.decisions import Decided, DecisionKind, Refund
from invoicing.domain.invoices import Invoice
from invoicing.domain.logins import Login, RefusedLogins
from invoicing.domain.metrics import Count, Figures, Told
from invoicing.domain.payments import Attempt
from invoicing.domain.profiles import BillingProfile
from invoicing.domain.records import (
    Alert,
    AlertGroup,
    AlertQuery,
    ArchivedDocument,
    Capture,
    CaseFacts,
    CaseQuery,
    Delivery,
    EmailQuery,
    FailedTask,
    InboxMessage,
    LogEntry,
    LogQuery,
    Notice,
    OutboxMessage,
    QueuedMessage,
    QueuedNotification,
    RunningCase,
    StoredAlert,
    StoredDelivery,
    StoredInvoice,
    StoredLogEntry,
    StoredNotice,
    StoredTask,
    TaskKind,
    TaskQuery,
    WorkerSeen,
)
from invoicing.domain.state import CaseState


class Recorded(StrEnum):
    """What became of a case document."""

    NEW = "new"
    SAME = "same"
    CONFLICT = "conflict"


class UnitOfWork(Protocol):
    """One database transaction: all of it is committed when its block ends, none of it when the block raises."""

    async def facts(self, case_id: str) -> CaseFacts:
        """The facts of a case. Raises `NotFound("case_unknown")`."""

    async def save(self, state: CaseState) -> CaseState:
        """Compare-and-set: write where the stored version is `state.version`; returns the record with its new one.

        Raises `VersionConflict`.
        """

    async def record_case(self, document: CaseDocument, state: CaseState, now: datetime) -> Recorded:
        """Store a case once. The same canonical document again is SAME, another one under the id is CONFLICT."""

    async def save_billing_data(self, case_id: str, data: BillingData, actor: str, now: datetime) -> int:
        """Append a revision (from 1) and make it the newest; equal data give back the newest revision's number."""

    async def billing_data(self, case_id: str, revision: int) -> BillingData:
        """One revision. Raises `NotFound("row_unknown")`."""

    async def save_expert(
        self, expert_id: str, expert: ExpertDocument, now: datetime, *, keep_keys: bool = False
    ) -> None:
        """Store or replace an expert; the logo stays, and with `keep_keys` his keys and their logins."""

    async def expert(self, expert_id: str) -> ExpertDocument | None:
        """An expert, or None."""

    async def login_accepted(self, expert_id: str, now: datetime, unless_after: datetime) -> bool:
        """Note that the expert's keys were taken; False when that was noted after `unless_after` and holds still."""

    async def login_refused(self, expert_id: str, now: datetime) -> None:
        """Note that the expert's keys were refused."""

    async def refused_logins(self, since: datetime) -> RefusedLogins:
        """Refusals since a time, one an expert, and the newest login that was taken."""

    async def expert_logo(self, expert_id: str) -> str | None:
        """Address of the expert's logo among the documents, or None."""

    async def save_expert_logo(self, expert_id: str, sha256: str) -> None:
        """Note the address of the logo. Raises `NotFound` for an unknown expert."""

    async def profiles(self, client_id: str) -> tuple[BillingProfile, ...]:
        """Billing profiles of a client, oldest first; in a writing transaction no other one writes them meanwhile."""

    async def profile(self, client_id: str, profile_id: str) -> BillingProfile | None:
        """One billing profile, or None."""

    async def save_profile(self, profile: BillingProfile) -> None:
        """Insert or replace, all but `created_at`; a default profile takes that from the client's others."""

    async def delete_profile(self, client_id: str, profile_id: str) -> bool:
        """Delete; False when there is none."""

    async def attempts(self, case_id: str) -> tuple[Attempt, ...]:
        """Attempts of a case in their order."""

    async def save_attempt(self, attempt: Attempt) -> None:
        """Insert or replace the attempt's row."""

    async def attempt_by_order(self, service_id: str, order_id: str) -> Attempt | None:
        """Look an order up; ids are never parsed."""

    async def captures(self, case_id: str) -> tuple[Capture, ...]:
        """Money that came for a case, oldest first."""

    async def add_capture(self, capture: Capture) -> bool:
        """Insert; False when this gateway transaction is recorded already. A second kept one raises `InternalFault`."""

    async def invoice(self, case_id: str, sequence: int = 1) -> StoredInvoice | None:
        """The issued invoice of a case, or None."""

    async def take_number(self, series: str, period: str, at_least: int = 1) -> int:
        """The next number of a series and period, not below `at_least`; gone only when this transaction commits."""

    async def used_numbers(self, seller_tax_id: str, numbers: Sequence[str]) -> frozenset[str]:
        """Those of these full numbers that stand on a document of the seller's already, whatever their series.

        In a writing transaction others that ask for the same seller wait until its end, so what is not told stays free.
        """

    async def add_invoice(self, invoice: Invoice, series: str, period: str, ordinal: int) -> None:
        """Store an issued invoice. Raises `InternalFault` when the case or the seller's number has one already."""

    async def set_invoice_document(self, case_id: str, sequence: int, sha256: str) -> None:
        """Note the address of the stored PDF. Raises `InternalFault` without such an invoice."""

    async def issue_sent(self, case_id: str, sequence: int) -> datetime | None:
        """When a request to issue this document last left, as far as it was not called off."""

    async def claim_issue(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        """Note that a request to issue leaves now; False, and nothing noted, when one left after `unless_after`.

        Of two that claim at the same time one gets it. The note counts once this transaction is committed.
        """

    async def release_issue(self, case_id: str, sequence: int, claimed_at: datetime) -> None:
        """Take back the note of that time; a later one stays."""

    async def gate(self, issuer: str) -> Gate:
        """The gate of an issuer, or of an account there; open when nothing was ever noted of it."""

    async def gates_named(self, names: Sequence[str]) -> tuple[Gate, ...]:
        """Those of these gates of which anything was ever noted, in the order of the names given."""

    async def lock_gate(self, issuer: str) -> Gate:
        """One gate, and nobody else's until the end of this transaction. A case's facts are read before it."""

    async def save_gate(self, gate: Gate) -> None:
        """Insert or replace."""

    async def add_outage(self, issuer: str, outage: Outage, forget_until: datetime) -> tuple[Outage, ...]:
        """Note a case's newest failure, forget those up to a time, and tell which are left of this issuer."""

    async def save_holds(self, *waiting: Hold) -> None:
        """Insert or replace; a case waits before one gate."""

    async def hold(self, case_id: str) -> Hold | None:
        """Before which gate a case waits, or None."""

    async def holds(self, issuer: str) -> Sequence[Hold]:
        """Those that wait before a gate, oldest first."""

    async def count_holds(self, issuer: str, before: Hold | None = None) -> int:
        """How many wait before a gate, or how many of them go before one."""

    async def end_hold(self, case_id: str) -> None:
        """The case waits no more; nothing when it did not."""

    async def delivery(self, message_id: str) -> Delivery | None:
        """One row of the e-mail log, or None."""

    async def save_delivery(self, delivery: Delivery) -> None:
        """Insert or replace one row of the e-mail log."""

    async def add_notice(self, notice: Notice) -> bool:
        """Deliver an in-app notification; False when it was delivered before."""

    async def log(self, *entries: LogEntry) -> None:
        """Append to the activity log."""

    async def open_alert(self, alert: Alert) -> bool:
        """Open an alert; False while one with the same key is open."""

    async def close_alerts(self, keys: Sequence[str], now: datetime) -> int:
        """Close open alerts by key, and say how many."""

    async def close_alerts_of(self, case_id: str, codes: Collection[str], now: datetime) -> int:
        """Close open alerts of a case by code, and say how many."""

    async def open_task(self, task: FailedTask) -> bool:
        """Add to a failed list; False while one with the same key is open."""

    async def close_task(self, key: str, now: datetime) -> bool:
        """Take off a failed list."""

    async def open_tasks(self, case_id: str, kind: TaskKind) -> tuple[FailedTask, ...]:
        """What a failed list has of a case, newest first."""

    async def decide(
        self, case_id: str, kind: DecisionKind, key: str, actor: str, body: Mapping[str, str], now: datetime
    ) -> tuple[Decided, bool]:
        """Record a decision under the next number of its case; the recorded one and False for a key known already."""

    async def decision(self, case_id: str, number: int) -> Decided:
        """One decision. Raises `NotFound("decision_unknown")`."""

    async def refunds_to_begin(self, case_id: str) -> tuple[Decided, ...]:
        """Decisions to refund that nobody has begun yet, in their order."""

    async def refunds(self, case_id: str) -> tuple[Refund, ...]:
        """Refunds of a case in their order."""

    async def save_refund(self, refund: Refund) -> None:
        """Insert or replace one refund (case and number are its key; a message id is never used twice)."""

    async def archive(self, document: ArchivedDocument) -> int:
        """Note a stored document of a case and give back its number; the same content again gives the same number."""

    async def archived(self, case_id: str) -> tuple[ArchivedDocument, ...]:
        """Documents of a case in the order of their arrival; replaced ones stay."""

    async def invoices(self, case_id: str) -> tuple[StoredInvoice, ...]:
        """Every issued document of a case: the invoice and its corrections, by sequence."""

    async def enqueue(self, message: OutboxMessage, now: datetime) -> bool:
        """Accept something for the relay; False when its key was accepted before."""

    async def rearm(self, key: str, delivered_before: datetime) -> bool:
        """Let the relay hand a delivered message over again; only one delivered before that time."""

    async def receive(self, message: InboxMessage) -> bool:
        """Store an authentic gateway message; False for a repeat."""

    async def is_awaiting_delivery(self, case_id: str) -> bool:
        """Whether anything of the case waits for the relay."""


class SealedSecrets(Protocol):
    """Secrets at rest, and rotating the key that seals them."""

    async def reseal(self, limit: int) -> int:
        """Seal up to `limit` secrets anew with the first key and say how many; 0 when every one is.

        Raises `SettingsFault("secrets_keys_missing")` when what is left cannot be opened, or there is no key ring.
        """

    async def sealed_by(self) -> Mapping[str, int]:
        """How many secrets each key seals, by the key's id."""


class CaseStore(Protocol):
    """The database."""

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A writing transaction (SQLite: BEGIN IMMEDIATE). Raises `ConnectivityFault` when the database is away."""

    def reading(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A reading one; writing methods must not be called in it."""

    async def notification(self, inbox_id: int) -> InboxMessage:
        """One inbox row. Raises `NotFound`."""

    async def claim_messages(
        self, worker: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[QueuedMessage, ...]:
        """Claim undelivered outbox rows, oldest first; rows claimed by another and not yet lapsed are passed over."""

    async def claim_notifications(
        self, worker: str, now: datetime, lease: timedelta, limit: int
    ) -> tuple[QueuedNotification, ...]:
        """Claim undelivered inbox rows likewise."""

    async def messages_delivered(self, ids: Sequence[int], now: datetime) -> None:
        """Mark outbox rows as handed over."""

    async def notifications_delivered(self, ids: Sequence[int], now: datetime) -> None:
        """Mark inbox rows as handed over."""

    async def release_messages(self, ids: Sequence[int], retry_at: datetime) -> None:
        """Give claimed outbox rows back; nobody claims them before `retry_at`."""

    async def release_notifications(self, ids: Sequence[int], retry_at: datetime) -> None:
        """Give claimed inbox rows back likewise."""

    async def rearm_open(self, now: datetime, since: datetime) -> Mapping[str, int]:
        """Let what was delivered to a Temporal that is lost be handed over again, and say how much of what.

        Of open cases: newest start, wish to pay, decision, messages; of all what came since a time or is of a refund.
        """

    async def waiting(self) -> Mapping[str, int]:
        """How many rows wait in `outbox` and `inbox`."""

    async def running(self, after: str, limit: int) -> tuple[RunningCase, ...]:
        """Cases whose run was asked for and has not ended, by case id behind `after` ("": from the first)."""

    async def refunding(self, before: datetime, limit: int) -> tuple[Refund, ...]:
        """Refunds asked for before a time that have not ended: the money, the mail or the correction is to come."""

    async def unbegun_refunds(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        """Case and number of decisions to refund, older than that time, on which nobody has acted yet."""

    async def timeline(self, case_id: str) -> tuple[LogEntry, ...]:
        """The activity log of a case, oldest first."""

    async def alerts(self, *, open_only: bool, after_id: int, limit: int) -> tuple[StoredAlert, ...]:
        """Alerts with an id below `after_id` (0: from the newest), newest first."""

    async def alert_list(self, query: AlertQuery) -> tuple[StoredAlert, ...]:
        """Alerts by case, cause, code, step, state and time; newest first."""

    async def alert_groups(self) -> tuple[AlertGroup, ...]:
        """Open alerts counted by cause and code."""

    async def task_list(self, query: TaskQuery) -> tuple[StoredTask, ...]:
        """Failed tasks by kind, case, code, state and time; newest first."""

    async def statuses(self, case_ids: Sequence[str]) -> tuple[CaseState, ...]:
        """State records of these cases, or of the newest 100 when none is named."""

    async def seen(self, name: str, role: str, started_at: datetime, now: datetime) -> None:
        """A sign of life of a process."""

    async def workers(self) -> tuple[WorkerSeen, ...]:
        """Processes that gave a sign of life, newest first."""

    async def forget_processes(self, before: datetime) -> int:
        """Forget processes whose last sign of life is older than a time, and say how many."""

    async def gates(self) -> tuple[SeenGate, ...]:
        """Gates of which anything was ever noted, with the number of cases before each."""

    async def payments(self, query: CaseQuery) -> tuple[CaseFacts, ...]:
        """Cases that have a payment label, by client, expert, status and time; newest first."""

    async def activity(self, query: LogQuery) -> tuple[StoredLogEntry, ...]:
        """The activity log by case, process, cause, event and time; newest first."""

    async def emails(self, query: EmailQuery) -> tuple[StoredDelivery, ...]:
        """The e-mail log by case and status; newest first."""

    async def failed_tasks(self, kind: TaskKind | None, after_id: int, limit: int) -> tuple[StoredTask, ...]:
        """Open failed tasks, newest first."""

    async def notices(self, expert_id: str, after_id: int, limit: int) -> tuple[StoredNotice, ...]:
        """In-app notifications of an expert, newest first."""

    async def unread(self, expert_id: str) -> int:
        """How many notifications of an expert are not read."""

    async def read_notice(self, expert_id: str, notice_id: int, now: datetime) -> bool:
        """Mark one as read; False when it is not this expert's."""

    async def acknowledge(self, alert_id: int, actor: str, now: datetime) -> StoredAlert:
        """Acknowledge an alert; again changes nothing. Raises `NotFound`."""

    async def figures(self, seen_since: datetime) -> Figures:
        """How much waits, for what, and since when; processes seen since that time are alive.

        Cheap however many cases are done: only what waits is counted, each count up to `MOST`.
        """

    async def states(self) -> tuple[Count, ...]:
        """How many cases there are of each payment and invoice status; the work grows with the archive."""

    async def told(self, after: int | None, before: datetime) -> Told:
        """Lines of the activity log behind the id `after` (None: from the next one on) and older than `before`.

        Counted by event, step and cause; what is left over is told the next time.
        """

    async def experts_with_keys(self, limit: int) -> tuple[tuple[Login, ...], int]:
        """Logins of experts with keys of an account of their own, the first so many by id, and how many there are."""

    async def ping(self) -> str:
        """The schema revision. Raises `ConnectivityFault`, or `SettingsFault("database_schema")` if it is not ours."""

    async def close(self) -> None:
        """Give connections back."""
