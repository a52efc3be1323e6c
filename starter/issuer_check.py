"""What `doctor` says of the experts' accounts at wFirma: each is asked, none changed, no key shown."""

from __future__ import annotations

import asyncio

from invoicing.bootstrap import Application
from invoicing.domain.logins import Login, all_refused
from invoicing.errors import DataFault, Fault, SettingsFault
from invoicing.presenting import moment
from starter.health import Check, Health

MOST = 25
"""Experts asked in one run; each costs wFirma a few calls, and its limits are not told."""

AT_ONCE = 5


async def checked_accounts(app: Application) -> Check:
    """Every expert's account at wFirma, in one line."""
    logins, count = await app.store.experts_with_keys(MOST)
    if not count:
        return Check("wfirma", Health.OK, "no expert has keys of wFirma")
    turns = asyncio.Semaphore(AT_ONCE)

    async def asked(login: Login) -> tuple[Login, tuple[Fault, ...] | None]:
        async with turns:
            return login, await _faults(app, login.expert_id)

    found = await asyncio.gather(*(asked(login) for login in logins))
    wrong = [f"{login.expert_id} ({_said(faults)}; {_taken(login)})" for login, faults in found if faults]
    unknown = [f"{login.expert_id} ({_taken(login)})" for login, faults in found if faults is None]
    told = [f"{len(found) - len(wrong) - len(unknown)} of {len(found)} accounts proved"]
    if count > len(found):
        told.append(f"{count - len(found)} more were not asked")
    if all_refused([faults or () for _, faults in found]):
        told.append("every login is refused: WFIRMA_APP_KEY is wrong, or all of their keys are")
    elif wrong:
        told.append(f"refused: {', '.join(wrong)}; the expert must correct them")
    if unknown:
        told.append(f"not known now: {', '.join(unknown)}")
    health = Health.FAILED if wrong else Health.WARNING if unknown else Health.OK
    return Check("wfirma", health, f"{app.settings.wfirma_base_url}: {'; '.join(told)}")


def _said(faults: tuple[Fault, ...]) -> str:
    return ", ".join(f"{item.field} {item.code}".strip() for item in faults)


def _taken(login: Login) -> str:
    """When the issuer last took the keys that are stored now."""
    return f"last taken {moment(login.accepted_at)}" if login.accepted_at else "never taken"


async def _faults(app: Application, expert_id: str) -> tuple[Fault, ...] | None:
    """What is wrong, nothing when the account is proved, None when it is not known now."""
    try:
        async with app.store.reading() as db:
            expert = await db.expert(expert_id)
        proved = None if expert is None else await app.experts.check(expert)
    except DataFault as fault:
        return fault.faults
    except SettingsFault as fault:
        return (Fault("keys", fault.code),)
    return None if proved is False else ()
