"""The tables, once for SQLite and PostgreSQL; the migrations build the same schema, and a test compares them.

Rules of money and documents that the database itself holds to: at most one kept capture per case, one order and one
gateway transaction once, one invoice per case and sequence, one full number per seller, one ordinal per series and
period, one decision per case and key, one refund per message id, one default profile per client. Personal data stand
only in `cases.document`, `billing_data`, `billing_profiles`, `experts`, `invoices`, `deliveries.recipient`,
`decisions.body` and `refunds.reason`.

Partial indexes serve lists of what is rare. A case that goes well stays out of them, so that writing it costs nothing
more; a query names such an index's condition, because neither database proves it from a bound value.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from invoicing.storage.metadata import Serial
from invoicing.storage.metadata import metadata as metadata
from invoicing.storage.metadata import of_case as _of_case
from invoicing.storage.metadata import where as _where
from invoicing.storage.types import Amount, Instant, Words

cases = Table(
    "cases",
    metadata,
    Column("case_id", Words, primary_key=True),
    Column("document", Text, nullable=False),
    Column("digest", Words, nullable=False),
    Column("expert_id", Words, nullable=False),
    Column("client_id", Words, nullable=False),
    Column("arrived_at", Instant, nullable=False),
    Column("billing_revision", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("payment_status", Words, nullable=False),
    Column("invoice_status", Words, nullable=False),
    Column("parked", Boolean, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("run_asked", Boolean, nullable=False, server_default=false()),  # until `closed` there must be a run
    Column("closed", Boolean, nullable=False, server_default=false()),
    Index("ix_cases_arrived_at", "arrived_at", "case_id"),
    Index("ix_cases_client_id_arrived_at", "client_id", "arrived_at", "case_id"),
    Index("ix_cases_expert_id_arrived_at", "expert_id", "arrived_at", "case_id"),
    Index("ix_cases_states", "payment_status", "invoice_status"),
)
UNSETTLED = text("payment_status IN ('open', 'failed')")
UNINVOICED = text("invoice_status IN ('generating', 'failed', 'manual')")
PARKED = text("parked")
RUNNING = text("run_asked AND NOT closed")
for _name, _columns, _condition in (
    ("unsettled", ("payment_status", "arrived_at", "case_id"), UNSETTLED),
    ("uninvoiced", ("invoice_status", "arrived_at", "case_id"), UNINVOICED),
    ("parked", ("arrived_at", "case_id"), PARKED),
    ("running", ("case_id",), RUNNING),
):
    Index(f"ix_cases_{_name}", *(cases.c[name] for name in _columns), **_where(_condition))

billing_data = Table(
    "billing_data",
    metadata,
    _of_case(),
    Column("revision", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("actor", Words, nullable=False),
    Column("saved_at", Instant, nullable=False),
    PrimaryKeyConstraint("case_id", "revision"),
)

DEFAULT = text("is_default")
billing_profiles = Table(
    "billing_profiles",
    metadata,
    Column("client_id", Words, primary_key=True),
    Column("profile_id", Words, primary_key=True),
    Column("data", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_billing_profiles_default", "client_id", unique=True, **_where(DEFAULT)),
)

experts = Table(
    "experts",
    metadata,
    Column("expert_id", Words, primary_key=True),
    Column("document", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("wfirma_sealed", Text),
    Column("logo", Words),
    Column("login_accepted_at", Instant),
    Column("login_refused_at", Instant),
)

payment_attempts = Table(
    "payment_attempts",
    metadata,
    _of_case(),
    Column("attempt", Integer, nullable=False),
    Column("order_id", Words, nullable=False),
    Column("service_id", Words, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("currency", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("sent_at", Instant),
    Column("valid_until", Instant),
    Column("remote_id", Words),
    Column("redirect_url", Words),
    Column("reason", Words),
    PrimaryKeyConstraint("case_id", "attempt"),
    UniqueConstraint("service_id", "order_id"),
)

captures = Table(
    "captures",
    metadata,
    Column("service_id", Words, nullable=False),
    Column("remote_id", Words, nullable=False),
    _of_case(),
    Column("order_id", Words, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("currency", Words, nullable=False),
    Column("kept", Boolean, nullable=False),
    Column("captured_at", Instant, nullable=False),
    Column("via", Words, nullable=False),
    PrimaryKeyConstraint("service_id", "remote_id"),
    Index("ix_captures_case_id", "case_id"),
)
Index("uq_captures_kept", captures.c.case_id, unique=True, **_where(text("kept")))

invoices = Table(
    "invoices",
    metadata,
    _of_case(),
    Column("sequence", Integer, nullable=False),
    Column("seller_tax_id", Words, nullable=False),
    Column("full_number", Words, nullable=False),
    Column("series", Words, nullable=False),
    Column("period", Words, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("invoice", Text, nullable=False),
    Column("sha256", Words),
    PrimaryKeyConstraint("case_id", "sequence"),
    UniqueConstraint("seller_tax_id", "full_number"),
    UniqueConstraint("series", "period", "ordinal"),
)

decisions = Table(
    "decisions",
    metadata,
    _of_case(),
    Column("number", Integer, nullable=False),
    Column("key", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("case_id", "number"),
    # per case: a caller's key must never be answered with what was decided about another case
    UniqueConstraint("case_id", "key"),
)

REFUNDS = text("kind = 'refund'")
Index("ix_decisions_refunds", decisions.c.decided_at, **_where(REFUNDS))

refunds = Table(
    "refunds",
    metadata,
    _of_case(),
    Column("number", Integer, nullable=False),
    Column("service_id", Words, nullable=False),
    Column("remote_id", Words, nullable=False),
    Column("message_id", Words, nullable=False, unique=True),
    Column("amount", Amount, nullable=False),
    Column("currency", Words, nullable=False),
    Column("kept", Boolean, nullable=False),
    Column("status", Words, nullable=False),
    Column("reason", Words),
    Column("code", Words),
    Column("requested_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("ended_at", Instant),
    PrimaryKeyConstraint("case_id", "number"),
)

REFUNDING = text("ended_at IS NULL")
Index("ix_refunds_under_way", refunds.c.requested_at, **_where(REFUNDING))
archive = Table(
    "archive",
    metadata,
    _of_case(),
    Column("number", Integer, nullable=False),
    Column("kind", Words, nullable=False),
    Column("sha256", Words, nullable=False),
    Column("size", Integer, nullable=False),
    Column("actor", Words, nullable=False),
    Column("archived_at", Instant, nullable=False),
    PrimaryKeyConstraint("case_id", "number"),
    UniqueConstraint("case_id", "sha256"),
)

issue_notes = Table(
    "issue_notes",
    metadata,
    _of_case(),
    Column("sequence", Integer, nullable=False),
    Column("sent_at", Instant, nullable=False),
    PrimaryKeyConstraint("case_id", "sequence"),
)
"""When a request to issue a document last left for the issuer; the row is the intent that survives the process."""

number_counters = Table(
    "number_counters",
    metadata,
    Column("series", Words, nullable=False),
    Column("period", Words, nullable=False),
    Column("last", Integer, nullable=False),
    PrimaryKeyConstraint("series", "period"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("message_id", Words, nullable=False, unique=True),
    _of_case(),
    Column("kind", Words, nullable=False),
    Column("recipient", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("doubtful", Integer, nullable=False),
    Column("code", Words),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_deliveries_case_id", "case_id"),
)
UNSENT = text("status NOT IN ('sending', 'sent')")
CODED = text("code IS NOT NULL")
UNUSUAL = text("kind NOT IN ('invoice', 'expert-paid')")
for _column, _condition in (("status", UNSENT), ("code", CODED), ("kind", UNUSUAL)):
    _name = "unsent" if _column == "status" else _column
    Index(f"ix_deliveries_{_name}", deliveries.c[_column], deliveries.c.id, **_where(_condition))

notices = Table(
    "notices",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("key", Words, nullable=False, unique=True),
    Column("expert_id", Words, nullable=False),
    _of_case(),
    Column("kind", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("read_at", Instant),
    Index("ix_notices_expert_id_id", "expert_id", "id"),
)
UNREAD = text("read_at IS NULL")
Index("ix_notices_unread", notices.c.expert_id, **_where(UNREAD))

# append-only: the migrations keep triggers that refuse to change or delete a line; who builds it anew makes them again
activity_log = Table(
    "activity_log",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", Words),  # no foreign key: what is told of an unknown case is kept too
    Column("event", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("step", Words),
    Column("attempt", Integer),
    Column("cause", Words),
    Column("code", Words),
    Column("actor", Words, nullable=False),
    Column("details", Text, nullable=False),
    Index("ix_activity_log_case_id_id", "case_id", "id"),
)
FAILED = text("cause IS NOT NULL")
RARE = text(
    "event NOT IN ('case_recorded', 'payment_requested', 'billing_data_saved', 'payment_opened', 'payment_completed', "
    "'invoice_issued', 'invoice_by_hand', 'invoice_mailed', 'expert_notified', 'completed')"
)
PEOPLE = text("actor NOT IN ('system', 'service')")
for _column, _condition in (("cause", FAILED), ("event", RARE), ("code", CODED), ("actor", PEOPLE)):
    Index(f"ix_activity_log_{_column}", activity_log.c[_column], activity_log.c.id, **_where(_condition))
for _name, _condition in (("failed", FAILED), ("rare", RARE)):
    Index(f"ix_activity_log_{_name}", activity_log.c.id, **_where(_condition))

alerts = Table(
    "alerts",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("key", Words, nullable=False),
    Column("case_id", Words),
    Column("step", Words),
    Column("cause", Words, nullable=False),
    Column("code", Words, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("details", Text, nullable=False),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by", Words),
    Column("closed_at", Instant),
)

failed_tasks = Table(
    "failed_tasks",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("key", Words, nullable=False),
    Column("kind", Words, nullable=False),
    _of_case(),
    Column("code", Words, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
)
OPEN = text("closed_at IS NULL")
for _table in (alerts, failed_tasks):
    Index(f"uq_{_table.name}_open", _table.c.key, unique=True, **_where(OPEN))
Index("ix_alerts_case", alerts.c.case_id, **_where(OPEN))
Index("ix_alerts_open", alerts.c.id, **_where(OPEN))
Index("ix_failed_tasks_open", failed_tasks.c.kind, failed_tasks.c.id, **_where(OPEN))
Index("ix_failed_tasks_waiting", failed_tasks.c.id, **_where(OPEN))
for _column in ("case_id", "code"):
    Index(None, failed_tasks.c[_column], failed_tasks.c.id)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("key", Words, nullable=False, unique=True),
    Column("kind", Words, nullable=False),
    _of_case(),
    Column("body", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    Column("available_at", Instant, nullable=False),  # a claim and a release both move it: lease and pause are one
    Column("claimed_by", Words),
    Column("deliveries", Integer, nullable=False),
    Column("delivered_at", Instant),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("service_id", Words, nullable=False),
    Column("order_id", Words, nullable=False),
    Column("remote_id", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("currency", Words, nullable=False),
    Column("details", Words),
    Column("paid_at", Instant),
    _of_case(),
    Column("received_at", Instant, nullable=False),
    Column("available_at", Instant, nullable=False),
    Column("claimed_by", Words),
    Column("deliveries", Integer, nullable=False),
    Column("delivered_at", Instant),
    UniqueConstraint("service_id", "order_id", "remote_id", "status"),
)
UNDELIVERED = text("delivered_at IS NULL")
for _table in (outbox, inbox):
    Index(f"ix_{_table.name}_waiting", _table.c.id, **_where(UNDELIVERED))

processes = Table(
    "processes",
    metadata,
    Column("name", Words, primary_key=True),
    Column("role", Words, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("digest", Words, nullable=False),
    Column("claimed_at", Instant, nullable=False),
    Column("status", Integer),
    Column("body", Text, nullable=False),
    Column("language", Words, nullable=False),
    Column("location", Words),
    PrimaryKeyConstraint("owner", "key"),
    Index("ix_idempotency_keys_claimed_at", "claimed_at"),
)
