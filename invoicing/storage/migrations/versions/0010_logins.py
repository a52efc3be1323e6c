"""When an expert's keys were last taken and last refused by the issuer.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Add the columns."""
    for name in ("login_accepted_at", "login_refused_at"):
        op.add_column("experts", sa.Column(name, INSTANT, nullable=True))
