"""Gates of issuers, outages that cases met, cases that wait.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "issuer_gates",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("shut_at", INSTANT),
        sa.Column("opened_at", INSTANT),
        sa.Column("trusted_at", INSTANT),
        sa.Column("probe_at", INSTANT),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("relapses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name=op.f("pk_issuer_gates")),
    )
    op.create_table(
        "issuer_outages",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("failed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_issuer_outages_case_id")),
        sa.PrimaryKeyConstraint("issuer", "case_id", name=op.f("pk_issuer_outages")),
    )
    op.create_table(
        "holds",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("held_at", INSTANT, nullable=False),
        sa.Column("go_at", INSTANT),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_holds_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_issuer_held_at", "holds", ["issuer", "held_at", "case_id"])
