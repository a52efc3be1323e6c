"""Decisions, refunds, the archive of documents, sealed keys of experts, and the order and indexes of the lists.

The e-mail log gets ids in the order in which its mails were written. Its table is built anew, because SQLite gives an
existing table no other primary key.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
AMOUNT = sa.Numeric().with_variant(sa.Text(), "sqlite")

DELIVERY = "message_id, case_id, kind, recipient, status, tries, doubtful, code, created_at, updated_at"
ROUTINE = (
    "'case_recorded', 'payment_requested', 'billing_data_saved', 'payment_opened', 'payment_completed', "
    "'invoice_issued', 'invoice_by_hand', 'invoice_mailed', 'expert_notified', 'completed'"
)


def upgrade() -> None:
    """Create what is new and change the e-mail log and the indexes of cases."""
    op.add_column("experts", sa.Column("wfirma_sealed", sa.Text(), nullable=True))
    _create_tables()
    _number_deliveries()
    _index_cases()
    _partial("ix_activity_log_cause", "activity_log", ["cause", "id"], "cause IS NOT NULL")
    _partial("ix_activity_log_event", "activity_log", ["event", "id"], f"event NOT IN ({ROUTINE})")
    _partial("ix_notices_unread", "notices", ["expert_id"], "read_at IS NULL")
    _partial("ix_failed_tasks_open", "failed_tasks", ["kind", "id"], "closed_at IS NULL")


def _create_tables() -> None:
    op.create_table(
        "decisions",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_decisions_case_id")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_decisions")),
        sa.UniqueConstraint("case_id", "key", name=op.f("uq_decisions_case_id_key")),
    )
    op.create_table(
        "refunds",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("amount", AMOUNT, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_refunds_case_id")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_refunds")),
        sa.UniqueConstraint("message_id", name=op.f("uq_refunds_message_id")),
    )
    op.create_table(
        "archive",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("archived_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_archive_case_id")),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_archive")),
        sa.UniqueConstraint("case_id", "sha256", name=op.f("uq_archive_case_id_sha256")),
    )


def _number_deliveries() -> None:
    op.execute(f"CREATE TABLE deliveries_before AS SELECT {DELIVERY} FROM deliveries")  # noqa: S608  # our own names
    op.drop_table("deliveries")
    op.create_table(
        "deliveries",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("doubtful", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_deliveries_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("message_id", name=op.f("uq_deliveries_message_id")),
    )
    op.execute(
        f"INSERT INTO deliveries ({DELIVERY}) "  # noqa: S608  # our own names
        f"SELECT {DELIVERY} FROM deliveries_before ORDER BY created_at, message_id"
    )
    op.drop_table("deliveries_before")
    op.create_index("ix_deliveries_case_id", "deliveries", ["case_id"], unique=False)
    _partial("ix_deliveries_unsent", "deliveries", ["status", "id"], "status NOT IN ('sending', 'sent')")


def _index_cases() -> None:
    by_arrival = ["arrived_at", "case_id"]
    for name, columns in (
        ("ix_cases_arrived_at", by_arrival),
        ("ix_cases_client_id_arrived_at", ["client_id", *by_arrival]),
        ("ix_cases_expert_id_arrived_at", ["expert_id", *by_arrival]),
    ):
        op.drop_index(name, "cases")
        op.create_index(name, "cases", columns, unique=False)
    for name in ("ix_cases_unpaid", "ix_cases_uninvoiced", "ix_cases_parked"):
        op.drop_index(name, "cases")
    _partial("ix_cases_unsettled", "cases", ["payment_status", *by_arrival], "payment_status IN ('open', 'failed')")
    _partial("ix_cases_parked", "cases", by_arrival, "parked")
    _partial(
        "ix_cases_uninvoiced",
        "cases",
        ["invoice_status", *by_arrival],
        "invoice_status IN ('generating', 'failed', 'manual')",
    )


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
