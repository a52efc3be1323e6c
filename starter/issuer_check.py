"""What `doctor` says of the experts' accounts at wFirma: each is asked, none changed, no key shown."""

from __future__ import annotations

import asyncio

from invoicing.bootstrap import Application
from invoicing.errors import DataFault, SettingsFault
from starter.health import Check, Health

MOST = 25
"""Experts asked in one run; each costs wFirma a few calls, and its limits are not told."""

AT_ONCE = 5


async def checked_accounts(app: Application) -> Check:
    """Every expert's account at wFirma, in one line."""
    expert_ids, count = await app.store.experts_with_keys(MOST)
    if not count:
        return Check("wfirma", Health.OK, "no expert has keys of wFirma")
    turns = asyncio.Semaphore(AT_ONCE)

    async def asked(expert_id: str) -> tuple[str, str]:
        async with turns:
            return expert_id, await _found(app, expert_id)

    found = await asyncio.gather(*(asked(expert_id) for expert_id in expert_ids))
    wrong = [f"{expert_id} ({said})" for expert_id, said in found if said not in {"", "unknown"}]
    unknown = [expert_id for expert_id, said in found if said == "unknown"]
    told = [f"{len(found) - len(wrong) - len(unknown)} of {len(found)} accounts proved"]
    if count > len(found):
        told.append(f"{count - len(found)} more were not asked")
    if wrong:
        told.append(f"refused: {', '.join(wrong)}; the expert must correct them")
    if unknown:
        told.append(f"not known now: {', '.join(unknown)}")
    health = Health.FAILED if wrong else Health.WARNING if unknown else Health.OK
    return Check("wfirma", health, f"{app.settings.wfirma_base_url}: {'; '.join(told)}")


async def _found(app: Application, expert_id: str) -> str:
    """Fields that are wrong, `unknown`, or nothing."""
    try:
        async with app.store.reading() as db:
            expert = await db.expert(expert_id)
        proved = None if expert is None else await app.experts.check(expert)
    except DataFault as fault:
        return ", ".join(f"{item.field} {item.code}" for item in fault.faults)
    except SettingsFault as fault:
        return fault.code
    return "unknown" if proved is False else ""
