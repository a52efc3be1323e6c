"""Filters of the told lists read an index of what is rare: activity log, e-mail log, alerts, failed tasks.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

OPEN = "closed_at IS NULL"
RARE = (
    "event NOT IN ('case_recorded', 'payment_requested', 'billing_data_saved', 'payment_opened', 'payment_completed', "
    "'invoice_issued', 'invoice_by_hand', 'invoice_mailed', 'expert_notified', 'completed')"
)
INDEXES = (
    ("ix_activity_log_failed", "activity_log", ["id"], "cause IS NOT NULL"),
    ("ix_activity_log_rare", "activity_log", ["id"], RARE),
    ("ix_activity_log_code", "activity_log", ["code", "id"], "code IS NOT NULL"),
    ("ix_activity_log_actor", "activity_log", ["actor", "id"], "actor NOT IN ('system', 'service')"),
    ("ix_deliveries_code", "deliveries", ["code", "id"], "code IS NOT NULL"),
    ("ix_deliveries_kind", "deliveries", ["kind", "id"], "kind NOT IN ('invoice', 'expert-paid')"),
    ("ix_alerts_open", "alerts", ["id"], OPEN),
    ("ix_failed_tasks_waiting", "failed_tasks", ["id"], OPEN),
    ("ix_failed_tasks_case_id_id", "failed_tasks", ["case_id", "id"], None),
    ("ix_failed_tasks_code_id", "failed_tasks", ["code", "id"], None),
)


def upgrade() -> None:
    """Create the indexes."""
    for name, table, columns, condition in INDEXES:
        where = None if condition is None else sa.text(condition)
        op.create_index(op.f(name), table, columns, sqlite_where=where, postgresql_where=where)
