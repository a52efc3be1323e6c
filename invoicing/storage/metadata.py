"""What every table is made of: names of constraints, numbered rows, partial indexes, the case a row belongs to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, TextClause

from invoicing.storage.types import Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# Texts have no length here: SQLite would not hold to one, and the domain's patterns do.
Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only under INTEGER


def where(condition: TextClause) -> dict[str, Any]:
    """Arguments that make an index a partial one on both databases."""
    return {"sqlite_where": condition, "postgresql_where": condition}


def of_case(*, primary_key: bool = False) -> Column[str]:
    """The column that says whose case a row belongs to."""
    return Column("case_id", Words, ForeignKey("cases.case_id"), primary_key=primary_key, nullable=False)
