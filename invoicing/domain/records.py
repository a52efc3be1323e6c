"""Frozen records that the database keeps beside the state record: money, mail, alerts, log, what waits for delivery.

None of them but `Delivery.recipient` and the billing data themselves carries personal data.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.events import Event as Event
from invoicing.domain.invoices import Fact, Invoice
from invoicing.domain.payments import Transaction, TransactionStatus
from invoicing.domain.state import CaseState, Step
from invoicing.errors import Cause


class CaseFacts(Fact):
    """What an activity decides from: the recorded document, the newest billing data, the expert, the state record.

    `keys_unopened`: the expert has keys of his issuer that no key of the ring opens.
    """

    document: CaseDocument
    state: CaseState
    billing: BillingData | None
    billing_revision: int
    expert: ExpertDocument | None
    arrived_at: datetime
    keys_unopened: bool = False


class Capture(Fact):
    """Money that came in. At most one capture of a case is `kept`; the database holds to it by a unique index."""

    service_id: str
    remote_id: str
    case_id: str
    order_id: str
    amount: Decimal
    currency: str
    kept: bool
    captured_at: datetime
    via: str


class StoredInvoice(Fact):
    """An issued invoice with the key of its series; `sha256` is None until its PDF is stored."""

    invoice: Invoice
    series: str
    sha256: str | None = None


class MailKind(StrEnum):
    """What a mail tells; part of its Message-ID."""

    INVOICE = "invoice"
    EXPERT_PAID = "expert-paid"
    EXPERT_MANUAL = "expert-manual"
    EXPERT_FAILED = "expert-failed"
    REFUND = "refund"
    CORRECTION = "correction"

    @property
    def step(self) -> Step:
        """The step that mails it."""
        return Step.NOTIFY if self.value.startswith("expert-") else Step.EMAIL


class DeliveryStatus(StrEnum):
    """Life of one mail: `sending` is the intent, written before the server is spoken to."""

    SENDING = "sending"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


ENDED = frozenset({DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN})
"""A mail that is not handed over any more."""


class Delivery(Fact):
    """One mail in the e-mail log. `tries` counts handings-over; `doubtful` those whose answer was lost."""

    message_id: str
    case_id: str
    kind: MailKind
    recipient: str
    status: DeliveryStatus
    tries: int = 0
    doubtful: int = 0
    code: str | None = None
    created_at: datetime
    updated_at: datetime


class Notice(Fact):
    """One in-app notification of an expert; `key` makes it delivered once."""

    key: str
    expert_id: str
    case_id: str
    kind: MailKind
    created_at: datetime


class LogEntry(Fact):
    """One line of the append-only activity log. `actor` is a role or a name from a token, never a client's name."""

    case_id: str | None
    event: Event
    at: datetime
    step: Step | None = None
    attempt: int | None = None
    cause: Cause | None = None
    code: str | None = None
    actor: str = "system"
    details: dict[str, str] = Field(default_factory=dict)


class Alert(Fact):
    """Something ops must see. While an alert with the same `key` is open no second one is opened."""

    key: str
    case_id: str | None
    step: Step | None
    cause: Cause
    code: str
    opened_at: datetime
    details: dict[str, str] = Field(default_factory=dict)


class StoredAlert(Alert):
    """An alert as listed; `closed_at` is set by recovery."""

    id: int
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    closed_at: datetime | None = None


class TaskKind(StrEnum):
    """Failed lists."""

    INVOICE = "invoice"
    EMAIL = "email"
    REFUND = "refund"
    NOTIFICATION = "notification"

    @property
    def step(self) -> Step:
        """The step that is to be done again."""
        by_kind = {"invoice": Step.INVOICE, "email": Step.EMAIL, "refund": Step.CHARGE, "notification": Step.NOTIFY}
        return by_kind[self.value]


class FailedTask(Fact):
    """Something that could not be delivered; open until a person or a later success closes it."""

    key: str
    kind: TaskKind
    case_id: str
    code: str
    opened_at: datetime


class OutboxKind(StrEnum):
    """What the relay hands to Temporal."""

    START = "start"
    PAYMENT_REQUESTED = "payment_requested"
    DECISION = "decision"


class OutboxMessage(Fact):
    """One thing accepted and not yet handed to Temporal; `key` makes it accepted once."""

    key: str
    kind: OutboxKind
    case_id: str
    body: dict[str, str | int] = Field(default_factory=dict)


class QueuedMessage(OutboxMessage):
    """A claimed outbox row."""

    id: int
    deliveries: int


class InboxMessage(Fact):
    """An authentic gateway message, stored before it was confirmed; one row per (service, order, remote id, status)."""

    service_id: str
    order_id: str
    remote_id: str
    status: str
    amount: Decimal
    currency: str
    details: str | None
    paid_at: datetime | None
    case_id: str
    received_at: datetime

    def transaction(self) -> Transaction:
        """The transaction that the message tells of."""
        return Transaction(
            order_id=self.order_id,
            remote_id=self.remote_id,
            amount=self.amount,
            currency=self.currency,
            status=TransactionStatus(self.status),
            details=self.details,
            paid_at=self.paid_at,
        )


class QueuedNotification(InboxMessage):
    """A claimed inbox row."""

    id: int
    deliveries: int


class ArchivedDocument(Fact):
    """A document that belongs to a case: an attachment of the expert, or an issued PDF; `name` is generated by us."""

    case_id: str
    number: int = 0
    kind: str
    sha256: str
    size: int
    actor: str
    archived_at: datetime


class StoredLogEntry(LogEntry):
    """A line of the activity log with its place in it."""

    id: int


class StoredDelivery(Delivery):
    """A row of the e-mail log with its place in it."""

    id: int


class StoredTask(FailedTask):
    """A failed task as listed."""

    id: int
    closed_at: datetime | None = None


class StoredNotice(Notice):
    """A notification as listed."""

    id: int
    read_at: datetime | None = None


class Page(Fact):
    """Which part of a list: below an id (0: from the newest), at most so many."""

    after_id: int = 0
    limit: int = 50
    since: datetime | None = None
    until: datetime | None = None


class CaseQuery(Page):
    """Cases by party and status. `cursor` is the case id after which the page begins; `after_id` is not used.

    Cases without a payment label are left out unless `unpaid_too`.
    """

    case_id: str | None = None
    client_id: str | None = None
    expert_id: str | None = None
    payment_status: str | None = None
    invoice_status: str | None = None
    parked: bool | None = None
    unpaid_too: bool = False
    cursor: str | None = None


class LogQuery(Page):
    """Lines of the activity log; `process` by its name; `failed`: only those that tell of a failure."""

    case_id: str | None = None
    event: Event | None = None
    cause: Cause | None = None
    step: Step | None = None
    code: str | None = None
    actor: str | None = None
    process: str | None = None
    failed: bool = False


class EmailQuery(Page):
    """Rows of the e-mail log."""

    case_id: str | None = None
    status: DeliveryStatus | None = None
    kind: MailKind | None = None
    code: str | None = None


class AlertQuery(Page):
    """Alerts; `open` and `acknowledged` None: whether or not."""

    case_id: str | None = None
    cause: Cause | None = None
    code: str | None = None
    step: Step | None = None
    open: bool | None = None
    acknowledged: bool | None = None


class AlertGroup(Fact):
    """Open alerts of one cause and code."""

    cause: Cause
    code: str
    open: int
    acknowledged: int
    oldest_at: datetime
    newest_at: datetime


class TaskQuery(Page):
    """Rows of the failed lists; `open` None: those that were closed too."""

    kind: TaskKind | None = None
    case_id: str | None = None
    code: str | None = None
    open: bool | None = True


class RunningCase(Fact):
    """A case whose run was asked for and has not ended, as the database knows it."""

    case_id: str
    version: int
    updated_at: datetime


class WorkerSeen(Fact):
    """Last sign of life of a process."""

    name: str
    role: str
    started_at: datetime
    seen_at: datetime
