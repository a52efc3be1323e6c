"""Durable notes of adds that left, so that no two of one invoice are ever under way.

wFirma knows no idempotency key, and a find proves absence only when every add that left before it has ended. So each
add is noted first; while a note is young, absence is not proved and nothing is added.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from invoicing.ports import CaseStore


class AddNotes(Protocol):
    """One note an invoice: when its add was last let go. Survives the process."""

    async def last(self, case_id: str, sequence: int) -> datetime | None:
        """When an add of this invoice last left, as far as it was not called off."""

    async def claim(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        """Note durably that an add leaves now; False, and nothing noted, when one left after `unless_after`.

        Atomic: of two that claim at the same time one gets it.
        """

    async def release(self, case_id: str, sequence: int, claimed_at: datetime) -> None:
        """Take back the note of that time: its add is known to have done nothing."""


class StoredNotes:
    """The notes in the case database; a claim is committed before it is answered."""

    def __init__(self, store: CaseStore) -> None:
        self._store = store

    async def last(self, case_id: str, sequence: int) -> datetime | None:
        """When an add of this invoice last left, as far as it was not called off."""
        async with self._store.reading() as db:
            return await db.issue_sent(case_id, sequence)

    async def claim(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        """Note durably that an add leaves now; False, and nothing noted, when one left after `unless_after`."""
        async with self._store.transaction() as db:
            return await db.claim_issue(case_id, sequence, now, unless_after)

    async def release(self, case_id: str, sequence: int, claimed_at: datetime) -> None:
        """Take back the note of that time."""
        async with self._store.transaction() as db:
            await db.release_issue(case_id, sequence, claimed_at)
