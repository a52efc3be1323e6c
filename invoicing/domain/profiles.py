"""Saved billing data of a client: a profile is a draft for the next case, never a part of one.

A case takes a copy of a profile's data as a revision of its own, so that a profile changed or deleted later changes no
case. While a client has profiles exactly one of them is the default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from invoicing.domain.cases import BillingData

MOST_PROFILES = 100
"""Profiles of one client; more are nobody's choice but a program's mistake."""


@dataclass(frozen=True, slots=True)
class BillingProfile:
    """One profile; its id belongs to the client, two clients may have profiles of the same id."""

    client_id: str
    profile_id: str
    data: BillingData
    is_default: bool
    created_at: datetime
    updated_at: datetime


def saved(existing: Sequence[BillingProfile], profile: BillingProfile) -> BillingProfile:
    """The profile as it is to be stored: the first one is the default, and the default stays it until another is."""
    before = next((one for one in existing if one.profile_id == profile.profile_id), None)
    first = not any(one.is_default for one in existing)
    return replace(
        profile,
        is_default=profile.is_default or first or (before is not None and before.is_default),
        created_at=profile.created_at if before is None else before.created_at,
    )


def heir(existing: Sequence[BillingProfile], deleted_id: str) -> BillingProfile | None:
    """The oldest of the others when the default one is deleted; None when nothing has to become the default."""
    gone = next((one for one in existing if one.profile_id == deleted_id), None)
    if gone is None or not gone.is_default:
        return None
    others = [one for one in existing if one.profile_id != deleted_id]
    oldest = min(others, key=lambda one: (one.created_at, one.profile_id), default=None)
    return None if oldest is None else replace(oldest, is_default=True)


def with_data(existing: Sequence[BillingProfile], data: BillingData) -> BillingProfile | None:
    """The profile that holds exactly these data already."""
    return next((one for one in existing if one.data == data), None)
