"""Logins of experts' accounts at an issuer: taken, refused, and when that is the platform's fault.

An issuer that refuses a login does not say whose key was wrong: the expert's two, or the one of the platform that goes
with every call. So many experts at once, and nobody taken since, tell that it is the platform's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from invoicing.domain.invoices import Fact
from invoicing.errors import Fault

SUSPICIOUS = 3
"""So many experts whose keys are refused within the window: one or two may have typed something wrong."""

WINDOW = timedelta(hours=1)

NOTED_EVERY = timedelta(minutes=1)
"""A login that is taken again and again is noted this often."""

_BOTH = frozenset({"wfirma.access_key", "wfirma.secret_key"})


class Login(Fact):
    """When an expert's present keys were last taken, and last refused."""

    expert_id: str
    accepted_at: datetime | None = None
    refused_at: datetime | None = None


class RefusedLogins(Fact):
    """Newest refusals of distinct experts, and the newest login of anybody that was taken."""

    refused_at: tuple[datetime, ...] = ()
    accepted_at: datetime | None = None


def refuses_login(faults: Iterable[Fault]) -> bool:
    """Whether the login itself was refused: both keys are named, because the issuer does not say which is wrong."""
    return {fault.field for fault in faults} >= _BOTH


def platform_suspected(seen: RefusedLogins, now: datetime) -> bool:
    """Whether the platform's own key must be the wrong one."""
    since = max(now - WINDOW, seen.accepted_at) if seen.accepted_at else now - WINDOW
    return sum(refused > since for refused in seen.refused_at) >= SUSPICIOUS


def alert_key(issuer: str) -> str:
    """Key of the one alert about the platform's key at an issuer."""
    return f"platform-key:{issuer}"


def all_refused(faults_of_each: Sequence[Iterable[Fault]]) -> bool:
    """Whether several were asked one after the other and every login was refused."""
    return len(faults_of_each) > 1 and all(refuses_login(faults) for faults in faults_of_each)
