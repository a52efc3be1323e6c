"""A refund is followed to its end, which comes after the money has arrived; one that was only decided is found.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
UNDER_WAY = sa.text("ended_at IS NULL")
REFUNDS = sa.text("kind = 'refund'")


def upgrade() -> None:
    """Add and fill the column; what had arrived or failed is taken as ended."""
    op.add_column("refunds", sa.Column("ended_at", INSTANT, nullable=True))
    op.execute(
        "UPDATE refunds SET ended_at = COALESCE(settled_at, requested_at) WHERE status NOT IN ('requested', 'queued')"
    )
    op.drop_index(op.f("ix_refunds_under_way"), "refunds")
    for name, table, column, where in (
        ("ix_refunds_under_way", "refunds", "requested_at", UNDER_WAY),
        ("ix_decisions_refunds", "decisions", "decided_at", REFUNDS),
    ):
        op.create_index(op.f(name), table, [column], sqlite_where=where, postgresql_where=where)
