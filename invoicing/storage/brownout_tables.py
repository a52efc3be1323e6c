"""Tables of the brown-out governor: gates of issuers and of accounts there, outages met lately, who waits.

Rows of a few: an outage is forgotten with its window, a hold when its case goes.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from invoicing.storage.tables import metadata
from invoicing.storage.types import Instant, Words

issuer_gates = Table(
    "issuer_gates",
    metadata,
    Column("issuer", Words, primary_key=True),
    Column("shut_at", Instant),
    Column("opened_at", Instant),
    Column("trusted_at", Instant),
    Column("probe_at", Instant),
    Column("probes", Integer, nullable=False),
    Column("relapses", Integer, nullable=False),
)

issuer_outages = Table(
    "issuer_outages",
    metadata,
    Column("issuer", Words, nullable=False),
    Column("case_id", Words, ForeignKey("cases.case_id"), nullable=False),
    Column("failed_at", Instant, nullable=False),
    PrimaryKeyConstraint("issuer", "case_id"),
)

holds = Table(
    "holds",
    metadata,
    Column("case_id", Words, ForeignKey("cases.case_id"), primary_key=True, nullable=False),
    Column("issuer", Words, nullable=False),
    Column("held_at", Instant, nullable=False),
    Column("go_at", Instant),
    Index("ix_holds_issuer_held_at", "issuer", "held_at", "case_id"),
)
