"""Ports: what activities, relay, web and commands need from the world, as protocols.

Adapters live in `invoicing.gateways`, `invoicing.storage` and `invoicing.documents`; only `invoicing.bootstrap` names
them. Every outward call ends accepted (it returns), refused (`Refused`) or unknown (`OutcomeUnknown`);
`ConnectivityFault` says that nothing happened. Times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.decisions import Decided, DecisionKind, Refund
from invoicing.domain.invoices import Invoice
from invoicing.domain.payments import Attempt, Transaction
from invoicing.domain.records import (
    Alert,
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
    StoredAlert,
    StoredDelivery,
    StoredInvoice,
    StoredLogEntry,
    StoredNotice,
    StoredTask,
    TaskKind,
    WorkerSeen,
)
from invoicing.domain.refunds import RefundProgress, Transfer
from invoicing.domain.state import CaseState

Clock = Callable[[], datetime]
"""Gives the present time, aware, UTC."""


class Sealer(Protocol):
    """Encrypts secrets at rest; the result names its key, so that keys can be rotated."""

    def seal(self, text: str) -> str:
        """Encrypt with the first key."""

    def open(self, sealed: str) -> str:
        """Decrypt. Raises `SettingsFault("secrets_keys_missing")` when its key is not in the ring."""


# --- payment gateway ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """One transaction to open. `description` is already in the gateway's alphabet."""

    service_id: str
    order_id: str
    amount: Decimal
    currency: str
    description: str
    customer_email: str
    language: str
    valid_until: datetime
    return_url: str


@dataclass(frozen=True, slots=True)
class OpenedPayment:
    """The gateway accepted: its transaction id and the address to which the payer is sent."""

    remote_id: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to pay in one currency, as the gateway offers it; its list is not signed, so it only informs."""

    gateway_id: int
    name: str
    group: str
    available: bool
    currency: str
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    minimum_validity: timedelta | None = None


class PaymentGateway(Protocol):
    """The gateway's calls. Each is over within 30 seconds and is made at most once per invocation."""

    @property
    def currencies(self) -> frozenset[str]:
        """Currencies with a configured service."""

    def service_for(self, currency: str) -> str:
        """Service id for a currency. Raises `SettingsFault("autopay_disabled")` without one."""

    async def open(self, payment: OpenPayment) -> OpenedPayment:
        """Open a transaction. Not idempotent.

        Raises `Refused` (definite no, nothing exists), `ConnectivityFault` (the request provably did not leave or was
        turned away unread), `SettingsFault` (hash or service refused), `OutcomeUnknown` (anything else).
        """

    async def status(self, service_id: str, order_id: str) -> tuple[Transaction, ...]:
        """All transactions of an order, none when it is unknown. Raises `ConnectivityFault`, `SettingsFault`."""

    async def cancel(self, service_id: str, order_id: str, message_id: str) -> bool:
        """Cancel an order, idempotent by `message_id`; False when there is nothing to cancel or it cannot be.

        Raises `ConnectivityFault`, `OutcomeUnknown`, `SettingsFault`.
        """

    async def refund(
        self, service_id: str, remote_id: str, amount: Decimal | None, currency: str, message_id: str
    ) -> None:
        """Order a refund of a transaction; `None` is all of it. Returns when it is queued; `refund_status` tells more.

        Idempotent by `message_id`: after any error but `Refused` the same message may be sent again, never another one.
        Raises `Refused("refund_refused")` with the gateway's word, `Throttled`, `ConnectivityFault` (it did not leave),
        `SettingsFault`, `OutcomeUnknown`.
        """

    async def refund_status(self, service_id: str, message_id: str) -> RefundProgress:
        """How far the refund of this message id is. Raises `ConnectivityFault`, `Throttled`, `SettingsFault`."""

    async def channels(self, currencies: Sequence[str], language: str) -> tuple[Channel, ...]:
        """Ways to pay in these currencies, at most a minute old while the gateway answers, else the last that it gave.

        Raises `ConnectivityFault` when it has never answered, `SettingsFault`.
        """


@dataclass(frozen=True, slots=True)
class GatewayNotification:
    """An authentic message: its hash was verified before any meaning was read."""

    service_id: str
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class TransferNotification:
    """An authentic message about money paid out: its hash was verified before any meaning was read."""

    service_id: str
    transfer: Transfer


class PaymentNotifications(Protocol):
    """Reading and answering the gateway's messages."""

    def read(self, encoded: str) -> GatewayNotification:
        """Decode and verify. Raises `BadNotification`; its `order_id`/`service_id` are only for the signed answer."""

    def answer(self, service_id: str, order_id: str, *, confirmed: bool) -> bytes:
        """The signed confirmation document. Raises `BadNotification` for a service that is not configured."""

    def read_transfer(self, encoded: str) -> TransferNotification:
        """Decode and verify a message about a refund or settlement. Raises `BadNotification`, for an ITN too."""

    def answer_transfer(self, service_id: str, remote_out_id: str, *, confirmed: bool) -> bytes:
        """The signed confirmation of such a message. Raises `BadNotification` for a service that is not configured."""

    def return_is_authentic(self, service_id: str, order_id: str, hash_value: str) -> bool:
        """Whether the customer's return address carries our gateway's signature."""


# --- mail and documents ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail."""

    name: str
    content: bytes
    media_type: str = "application/pdf"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one recipient; `message_id` without angle brackets."""

    message_id: str
    recipient: str
    subject: str
    text: str
    language: str
    attachments: tuple[Attachment, ...] = ()


class Mailer(Protocol):
    """Hands one mail to the SMTP server."""

    async def send(self, mail: Mail) -> None:
        """Return when the server has accepted the mail.

        Raises `ConnectivityFault` (not reached, 4xx, connection lost before the end of data: not accepted), `Refused`
        (5xx), `OutcomeUnknown` (connection lost after the end of data), `SettingsFault("mail_not_configured")`.
        """


class DocumentStore(Protocol):
    """Content-addressed files."""

    async def put(self, content: bytes) -> str:
        """Store durably (write, fsync, rename) and return the SHA-256 in hex; the same content is stored once."""

    async def get(self, sha256: str) -> bytes:
        """The bytes, verified against their address. Raises `NotFound`, `InternalFault` when they were altered."""


@dataclass(frozen=True, slots=True)
class IssueOrder:
    """What an issuer needs to make the invoice of a paid case."""

    facts: CaseFacts
    sequence: int = 1


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice that exists: its number, date, stored PDF and that PDF's address."""

    number: str
    issued_on: date
    sha256: str


class Issuer(Protocol):
    """Makes invoices come into being; looks before it creates, so that asking twice gives the same invoice."""

    async def issue(self, order: IssueOrder) -> Issued:
        """The invoice of the case. Raises `DataFault`, `SettingsFault`, `ConnectivityFault`, `OutcomeUnknown`."""

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        """The correction that takes the whole invoice back, under the order's sequence; asked again, the same one."""


Renderer = Callable[[Invoice], bytes]
"""Draws an invoice as PDF; the same invoice gives the same bytes."""


# --- storage -----------------------------------------------------------------------------------------------------


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

    async def save_expert(self, expert_id: str, expert: ExpertDocument, now: datetime) -> None:
        """Store or replace an expert."""

    async def expert(self, expert_id: str) -> ExpertDocument | None:
        """An expert, or None."""

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

    async def take_number(self, series: str, period: str) -> int:
        """The next number of a series and period; it is gone only when this transaction commits."""

    async def add_invoice(self, invoice: Invoice, series: str, period: str, ordinal: int) -> None:
        """Store an issued invoice. Raises `InternalFault` when the case or the seller's number has one already."""

    async def set_invoice_document(self, case_id: str, sequence: int, sha256: str) -> None:
        """Note the address of the stored PDF."""

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

    async def open_task(self, task: FailedTask) -> bool:
        """Add to a failed list; False while one with the same key is open."""

    async def close_task(self, key: str, now: datetime) -> bool:
        """Take off a failed list."""

    async def decide(
        self, case_id: str, kind: DecisionKind, key: str, actor: str, body: Mapping[str, str], now: datetime
    ) -> tuple[Decided, bool]:
        """Record a decision under the next number of its case; the recorded one and False for a key known already."""

    async def decision(self, case_id: str, number: int) -> Decided:
        """One decision. Raises `NotFound("decision_unknown")`."""

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

    async def waiting(self) -> Mapping[str, int]:
        """How many rows wait in `outbox` and `inbox`."""

    async def timeline(self, case_id: str) -> tuple[LogEntry, ...]:
        """The activity log of a case, oldest first."""

    async def alerts(self, *, open_only: bool, after_id: int, limit: int) -> tuple[StoredAlert, ...]:
        """Alerts with an id below `after_id` (0: from the newest), newest first."""

    async def statuses(self, case_ids: Sequence[str]) -> tuple[CaseState, ...]:
        """State records of these cases, or of the newest 100 when none is named."""

    async def seen(self, name: str, role: str, started_at: datetime, now: datetime) -> None:
        """A sign of life of a process."""

    async def workers(self) -> tuple[WorkerSeen, ...]:
        """Processes that gave a sign of life, newest first."""

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

    async def ping(self) -> str:
        """The schema revision. Raises `ConnectivityFault`, or `SettingsFault("database_schema")` if it is not ours."""

    async def close(self) -> None:
        """Give connections back."""
