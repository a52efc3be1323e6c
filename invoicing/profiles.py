"""Billing profiles: saving, changing and deleting them, and what a case takes from them.

A case never refers to a profile after it was recorded or paid: the data are copied into a revision of the case.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from invoicing.domain.cases import BillingData
from invoicing.domain.parties import buyer_faults
from invoicing.domain.profiles import MOST_PROFILES, BillingProfile, heir, saved, with_data
from invoicing.errors import DataFault, NotAllowed, NotFound
from invoicing.ports import CaseStore, Clock, UnitOfWork


class Profiles:
    """The profiles of clients."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def of_client(self, client_id: str) -> tuple[BillingProfile, ...]:
        """All of them, oldest first."""
        async with self._store.reading() as db:
            return await db.profiles(client_id)

    async def add(self, client_id: str, data: BillingData, *, default: bool) -> BillingProfile:
        """A new profile under an id of ours. Raises `DataFault("invalid")`, `NotAllowed` when there are too many."""
        _demand_sound(data)
        async with self._store.transaction() as db:
            return await _stored(db, client_id, None, data, default=default, now=self._clock())

    async def put(self, client_id: str, profile_id: str, data: BillingData, *, default: bool) -> BillingProfile:
        """Store or replace the profile of this id. Raises `DataFault("invalid")`, `NotAllowed`."""
        _demand_sound(data)
        async with self._store.transaction() as db:
            return await _stored(db, client_id, profile_id, data, default=default, now=self._clock())

    async def delete(self, client_id: str, profile_id: str) -> None:
        """Delete one; the oldest of the others becomes the default if it was that. Raises `NotFound`."""
        async with self._store.transaction() as db:
            existing = await db.profiles(client_id)
            if not await db.delete_profile(client_id, profile_id):
                raise NotFound("profile_unknown", "the client has no profile of this id")
            following = heir(existing, profile_id)
            if following is not None:
                await db.save_profile(following)


async def keep(db: UnitOfWork, client_id: str, data: BillingData, now: datetime) -> None:
    """Save the data with which a client pays, unless a profile has them already or there is no room for more."""
    existing = await db.profiles(client_id)
    if with_data(existing, data) is None and len(existing) < MOST_PROFILES:
        await _stored(db, client_id, None, data, default=False, now=now)


async def _stored(
    db: UnitOfWork, client_id: str, profile_id: str | None, data: BillingData, *, default: bool, now: datetime
) -> BillingProfile:
    existing = await db.profiles(client_id)
    if profile_id not in {one.profile_id for one in existing} and len(existing) >= MOST_PROFILES:
        raise NotAllowed("action_not_allowed", f"a client has at most {MOST_PROFILES} billing profiles")
    profile = BillingProfile(client_id, profile_id or f"bp-{secrets.token_hex(8)}", data, default, now, now)
    profile = saved(existing, profile)
    await db.save_profile(profile)
    return profile


def _demand_sound(data: BillingData) -> None:
    faults = tuple(buyer_faults(data, prefix=""))
    if faults:
        raise DataFault("invalid", faults)
