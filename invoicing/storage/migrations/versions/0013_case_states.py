"""Cases are counted by their states from an index that holds nothing else.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the index."""
    op.create_index("ix_cases_states", "cases", ["payment_status", "invoice_status"], unique=False)
