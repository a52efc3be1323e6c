"""Which cases and refunds must have a run: it was asked for and has not ended.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

RUNNING = sa.text("run_asked AND NOT closed")
REFUNDING = sa.text("status IN ('requested', 'queued')")

_SQLITE = """UPDATE cases SET closed = COALESCE(json_extract(state, '$.closed') = 1, false), run_asked =
    payment_status <> 'none' OR parked OR COALESCE(json_extract(document, '$.payment.method') = 'external', false)"""
_POSTGRESQL = """UPDATE cases SET closed = COALESCE((state::json ->> 'closed')::boolean, false), run_asked =
    payment_status <> 'none' OR parked OR COALESCE(document::json -> 'payment' ->> 'method' = 'external', false)"""


def upgrade() -> None:
    """Add and fill the columns."""
    for name in ("run_asked", "closed"):
        op.add_column("cases", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(_SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL)
    for name, table, column, where in (
        ("ix_cases_running", "cases", "case_id", RUNNING),
        ("ix_refunds_under_way", "refunds", "requested_at", REFUNDING),
    ):
        op.create_index(op.f(name), table, [column], sqlite_where=where, postgresql_where=where)
