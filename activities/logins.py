"""What logins at an issuer tell: noted for each expert, and one alert when the platform's own key is the wrong one."""

from __future__ import annotations

from datetime import datetime

from activities.alerting import raised, settled
from invoicing.domain import logins
from invoicing.domain.records import Alert
from invoicing.domain.state import Step
from invoicing.errors import Cause, PaidcaseError, SettingsFault
from invoicing.ports import CaseStore, Clock, UnitOfWork


class Logins:
    """Logins of experts' accounts."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def judged(self, expert_id: str, issuer: str, fault: PaidcaseError) -> PaidcaseError:
        """The fault, or `SettingsFault("platform_key_refused")` when so many logins are refused that it is ours."""
        if not isinstance(fault, SettingsFault) or not logins.refuses_login(fault.faults):
            return fault
        now = self._clock()
        async with self._store.transaction() as db:
            await db.login_refused(expert_id, now)
            if not logins.platform_suspected(await db.refused_logins(now - logins.WINDOW), now):
                return fault
            alert = Alert(
                key=logins.alert_key(issuer),
                case_id=None,
                step=Step.INVOICE,
                cause=Cause.SETTINGS,
                code="platform_key_refused",
                opened_at=now,
                details={"issuer": issuer},
            )
            await raised(db, alert, None)
        return SettingsFault("platform_key_refused", f"{issuer} refuses the logins of many experts")

    async def is_suspected(self) -> bool:
        """Whether a login that is refused now says nothing about the expert's keys."""
        now = self._clock()
        async with self._store.reading() as db:
            return logins.platform_suspected(await db.refused_logins(now - logins.WINDOW), now)


async def login_accepted(db: UnitOfWork, expert_id: str, issuer: str, now: datetime) -> None:
    """Note that the keys were taken, which clears the platform's."""
    if await db.login_accepted(expert_id, now, now - logins.NOTED_EVERY):
        await settled(db, None, "platform_key_refused", [logins.alert_key(issuer)], now)
