"""Saved billing data of clients.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
DEFAULT = sa.text("is_default")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "billing_profiles",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("client_id", "profile_id", name=op.f("pk_billing_profiles")),
    )
    op.create_index(
        "ix_billing_profiles_default",
        "billing_profiles",
        ["client_id"],
        unique=True,
        sqlite_where=DEFAULT,
        postgresql_where=DEFAULT,
    )
