"""Billing profiles of clients, at most one default each; the database itself holds to that."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from invoicing.domain.cases import BillingData
from invoicing.domain.profiles import BillingProfile
from invoicing.storage.tables import billing_profiles
from invoicing.storage.work import Work, upsert

_OWN = billing_profiles.c.client_id == bindparam("client")
_NAMED = billing_profiles.c.profile_id == bindparam("named")
_PROFILES = select(billing_profiles).where(_OWN).order_by(billing_profiles.c.created_at, billing_profiles.c.profile_id)
_PROFILE = select(billing_profiles).where(_OWN, _NAMED)
# Writers of one client's profiles queue, as all writers do on SQLite; there is no row of a client to lock.
_QUEUE = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("client"), 1)))
_DEMOTE = (
    update(billing_profiles)
    .where(_OWN, billing_profiles.c.profile_id != bindparam("named"), billing_profiles.c.is_default)
    .values(is_default=False)
)
_SAVE = upsert(billing_profiles, "client_id", "profile_id", keep=("created_at",))
_DELETE = delete(billing_profiles).where(_OWN, _NAMED)


class ProfileRows(Work):
    """One row a profile."""

    async def profiles(self, client_id: str) -> tuple[BillingProfile, ...]:
        """Oldest first; a writing transaction keeps other writers of the client's profiles waiting until its end."""
        if self._writable and self._dialect == "postgresql":
            await self._read(_QUEUE, {"client": client_id})
        return tuple(_profile(row) for row in await self._read(_PROFILES, {"client": client_id}))

    async def profile(self, client_id: str, profile_id: str) -> BillingProfile | None:
        """One profile, or None."""
        rows = await self._read(_PROFILE, {"client": client_id, "named": profile_id})
        return _profile(rows[0]) if rows else None

    async def save_profile(self, profile: BillingProfile) -> None:
        """Store or replace; a default one takes that from the others."""
        if profile.is_default:
            await self._write(_DEMOTE, {"client": profile.client_id, "named": profile.profile_id})
        row = {
            "client_id": profile.client_id,
            "profile_id": profile.profile_id,
            "data": profile.data.model_dump_json(),
            "is_default": profile.is_default,
            "created_at": profile.created_at,
            "updated_at": profile.updated_at,
        }
        await self._write(_SAVE[self._dialect], row)

    async def delete_profile(self, client_id: str, profile_id: str) -> bool:
        """Whether there was one."""
        return (await self._write(_DELETE, {"client": client_id, "named": profile_id})).rowcount == 1


def _profile(row: Row[Any]) -> BillingProfile:
    return BillingProfile(
        client_id=row.client_id,
        profile_id=row.profile_id,
        data=BillingData.model_validate_json(row.data),
        is_default=row.is_default,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
