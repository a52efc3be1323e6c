"""Attempts as two executions may see them at once."""

from __future__ import annotations

from invoicing.domain.payments import Attempt
from invoicing.ports import UnitOfWork


async def unchanged(db: UnitOfWork, attempt: Attempt) -> bool:
    """Whether the attempt still stands as this execution knows it; an overtaken one writes nothing."""
    stored = next((a for a in await db.attempts(attempt.case_id) if a.attempt == attempt.attempt), None)
    return stored is not None and (stored.state, stored.sent_at) == (attempt.state, attempt.sent_at)
