"""The activity log refuses to be changed; open alerts are found by their case.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

SAID = "the activity log is append-only"


def upgrade() -> None:
    """Create the triggers and the index."""
    where = sa.text("closed_at IS NULL")
    op.create_index("ix_alerts_case", "alerts", ["case_id"], unique=False, sqlite_where=where, postgresql_where=where)
    if op.get_bind().dialect.name == "sqlite":
        for act in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER activity_log_no_{act} BEFORE {act.upper()} ON activity_log "
                f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION activity_log_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{SAID}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER activity_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION activity_log_append_only()"
    )
