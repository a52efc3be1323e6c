"""Experts as they are saved: judged, their account at the issuer proved where it answers, their keys kept.

Guarantee: what is definitely wrong with an account is refused by field, and nothing is stored; an issuer that cannot be
asked never stands in the way: the expert is stored unchecked, which the answer, the activity log and an alert say. Keys
leave the database only when they are replaced or removed by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.alerting import raised
from activities.logins import Logins, login_accepted
from activities.registers import RegisterDesk, denied
from invoicing.domain.cases import ExpertDocument
from invoicing.domain.experts import ExpertInput
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.logins import refuses_login
from invoicing.domain.parties import seller_faults
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.registers import seller_faults_of, seller_questions
from invoicing.domain.validation import template_is_sound
from invoicing.errors import Cause, ConnectivityFault, DataFault, Fault
from invoicing.ports import CaseStore, CheckingIssuer, Clock, Issuer, UnitOfWork

CHECK_WITHIN = timedelta(seconds=10)
"""How long a caller who saves is kept waiting for the issuer."""

UNCHECKED = "issuer_unchecked"


@dataclass(frozen=True, slots=True)
class SavedExpert:
    """The expert as stored. `checked`: the account was proved, could not be asked (False), or there is none (None)."""

    expert: ExpertDocument
    checked: bool | None


class Experts:
    """Saves and checks experts."""

    def __init__(self, store: CaseStore, issuers: Mapping[str, Issuer], desk: RegisterDesk, clock: Clock) -> None:
        self._store = store
        self._desk = desk
        self._issuers = issuers
        self._clock = clock
        self._logins = Logins(store, clock)

    async def save(self, expert_id: str, given: ExpertInput, actor: str) -> SavedExpert:
        """Store or replace an expert.

        Raises `DataFault("invalid")` with every fault of the seller's data, or of his account;
        `SettingsFault("secrets_keys_missing")` for keys that cannot be sealed or opened.
        """
        async with self._store.reading() as db:
            expert = await _with_keys(db, expert_id, given)
        faults = _faults(expert)
        if not faults and expert.issuer != "none":
            faults += seller_faults_of(expert, denied(await self._desk.answers(seller_questions(expert))))
        if faults:
            raise DataFault("invalid", faults)
        checked, asked = await self.check(expert), expert.wfirma
        now = self._clock()
        async with self._store.transaction() as db:
            # keys may have been replaced while the issuer was asked: those stay
            expert = await _with_keys(db, expert_id, given)
            await db.save_expert(expert_id, expert, now, keep_keys=not given.names_keys)
            if checked and expert.wfirma == asked:
                await login_accepted(db, expert_id, expert.issuer, now)
            await _told(db, expert_id, checked, actor, now)
        return SavedExpert(expert, checked)

    async def check(self, expert: ExpertDocument) -> bool | None:
        """Whether the account at the issuer is proved; False when it cannot be known now, None without one.

        A login that is refused while the platform's own key is suspected proves nothing against the expert's keys.
        Raises `DataFault("invalid")` for what is definitely wrong.
        """
        if expert.issuer != "wfirma" or expert.wfirma is None:
            return None
        issuer = self._issuers.get(expert.issuer)
        if not isinstance(issuer, CheckingIssuer):
            return False
        try:
            async with asyncio.timeout(CHECK_WITHIN.total_seconds()):
                faults = await issuer.check(expert)
        except (ConnectivityFault, TimeoutError):
            return False
        if refuses_login(faults) and await self._logins.is_suspected():
            return False
        if faults:
            raise DataFault("invalid", faults)
        return True


async def _with_keys(db: UnitOfWork, expert_id: str, given: ExpertInput) -> ExpertDocument:
    stored = await db.expert(expert_id)
    return given.with_keys(stored.wfirma if stored else None)


def _faults(expert: ExpertDocument) -> list[Fault]:
    found = [*seller_faults(expert)]
    if expert.issuer == "builtin" and expert.invoice_series and not template_is_sound(expert.invoice_series):
        found.append(fault("invoice_series", FaultCode.BAD_FORMAT))
    return found


async def _told(db: UnitOfWork, expert_id: str, checked: bool | None, actor: str, now: datetime) -> None:
    key = f"unchecked:{expert_id}"
    words = {True: "yes", False: "no", None: "none"}
    details = {"expert_id": expert_id, "checked": words[checked]}
    await db.log(LogEntry(case_id=None, event=Event.EXPERT_SAVED, at=now, actor=actor, details=details))
    if checked is not False:
        await db.close_alerts([key], now)
        return
    await raised(
        db,
        Alert(
            key=key,
            case_id=None,
            step=None,
            cause=Cause.CONNECTIVITY,
            code=UNCHECKED,
            opened_at=now,
            details={"expert_id": expert_id},
        ),
        None,
    )
