"""`wait_for_provider`: a case that is held waits until its issuer's provider is back; its retries look, and one probes.

Guarantee: while a case waits the provider is asked now and then, whichever worker lives: any waiting case asks when a
probe is due, and the right to ask lapses with the next one.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.failures import mapped
from activities.gates import BROWNOUT, Gates
from invoicing.domain import brownouts
from invoicing.domain.brownouts import Gate, Hold, Move
from invoicing.domain.records import CaseFacts
from invoicing.errors import PaidcaseError, SettingsFault, StillPending
from invoicing.ports import CaseStore, Clock, IssueOrder, Issuer


class WaitInput(BaseModel):
    """The case that is held."""

    model_config = ConfigDict(frozen=True)

    case_id: str


class Waited(BaseModel):
    """The case may begin, or waits for no provider any more."""

    model_config = ConfigDict(frozen=True)

    case_id: str


class BrownoutActivities:
    """Waits, and asks."""

    def __init__(self, store: CaseStore, issuers: Mapping[str, Issuer], gates: Gates, clock: Clock) -> None:
        self._store = store
        self._issuers = issuers
        self._gates = gates
        self._clock = clock

    @activity.defn(name="wait_for_provider")
    @mapped
    async def wait_for_provider(self, wait: WaitInput) -> Waited:
        """Return when the case may begin. Each retry is a look, and a probe when one is due.

        Raises `StillPending` with the time of the next look.
        """
        for asked in (False, True):
            facts, hold, gate, ahead = await self._seen(wait.case_id)
            limits, now = self._gates.limits, self._clock()
            if hold is None:
                break
            move = brownouts.next_move(gate, hold, limits, now)
            if move is Move.GO or not _is_of(facts, hold.issuer):  # another issuer has another provider
                if gate.shut and not limits.on:
                    await self._gates.open(gate, now)  # nobody will ask for it any more
                await self._gates.begin(wait.case_id)
                break
            if asked or move is not Move.PROBE:
                rest = brownouts.pause(gate, hold, ahead, limits, now)
                raise StillPending(BROWNOUT, "the issuer's provider is awaited", retry_after=rest)
            await self._probe(facts, hold.issuer)
        return Waited(case_id=wait.case_id)

    async def _seen(self, case_id: str) -> tuple[CaseFacts, Hold | None, Gate, int]:
        async with self._store.reading() as db:
            facts, hold = await db.facts(case_id), await db.hold(case_id)
            name = "" if hold is None else hold.issuer
            return facts, hold, await db.gate(name), 0 if hold is None else await db.count_holds(name, hold)

    async def _probe(self, facts: CaseFacts, name: str) -> None:
        """Ask the provider with this case's keys, unless another case does."""
        issuer, claimed = self._issuers.get(brownouts.issuer_of(name)), await self._gates.claim_probe(name)
        if claimed is None:
            return
        probed, asked_at = claimed
        try:
            if issuer is not None:
                await issuer.probe(IssueOrder(facts))
        except SettingsFault:  # its own fault, which no provider cures: the case goes, and says so
            await self._gates.begin(facts.document.case_id)
        except PaidcaseError as fault:
            if brownouts.is_answer(name, fault.code):
                await self._gates.open(probed, asked_at)
            else:
                await self._gates.keep_shut(probed, fault.retry_after)
        else:
            await self._gates.open(probed, asked_at)


def _is_of(facts: CaseFacts, gate: str) -> bool:
    return facts.expert is not None and facts.expert.issuer == brownouts.issuer_of(gate)
