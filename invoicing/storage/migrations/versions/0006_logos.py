"""Address of an expert's logo among the stored documents.

Frozen: it says how the schema was, so it names no table or type of the present code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    op.add_column("experts", sa.Column("logo", sa.Text(), nullable=True))
