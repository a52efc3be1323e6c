"""What a backup says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from invoicing.domain.invoices import Fact


class TableSum(Fact):
    """What a table's file must hold."""

    rows: int
    sha256: str


class Manifest(Fact):
    """What a backup holds. `missing` documents are named by rows and were not in the folder, or not as stored."""

    format: Literal[1] = 1
    made_at: datetime
    schema_revision: str
    tables: dict[str, TableSum]
    documents: int
    document_bytes: int
    missing: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())
