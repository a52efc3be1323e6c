"""`wait_for_provider`: a case that is held waits until its issuer's provider is back; its retries look, and one probes.

Guarantee: while a case waits the provider is asked now and then, whichever worker lives: any waiting case asks when a
probe is due, and the right to ask lapses with the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.failures import mapped
from activities.gates import BROWNOUT, Gates
from invoicing.domain import brownouts
from invoicing.domain.brownouts import Hold, Move
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
        waited = Waited(case_id=wait.case_id)
        async with self._store.reading() as db:
            facts, hold = await db.facts(wait.case_id), await db.hold(wait.case_id)
        if hold is None:
            return waited
        move, rest = await self._move(hold)
        if move is Move.PROBE and _is_of(facts, hold.issuer):
            await self._probe(facts, hold.issuer)
            move, rest = await self._move(hold)
        if move is Move.GO or not _is_of(facts, hold.issuer):  # another issuer has another provider
            await self._gates.begin(wait.case_id)
            return waited
        raise StillPending(BROWNOUT, "the issuer's provider is awaited", retry_after=rest)

    async def _move(self, hold: Hold) -> tuple[Move, timedelta]:
        async with self._store.reading() as db:
            gate, latest = await db.gate(hold.issuer), await db.hold(hold.case_id)
            waiting = await db.count_holds(hold.issuer)
        limits, now = self._gates.limits, self._clock()
        if latest is None:
            return Move.GO, timedelta(0)
        if gate.shut and not limits.on:
            await self._gates.open(gate, now)
        return brownouts.next_move(gate, latest, limits, now), brownouts.pause(gate, latest, waiting, limits, now)

    async def _probe(self, facts: CaseFacts, name: str) -> None:
        """Ask the provider with this case's keys, unless another case does."""
        issuer, claimed = self._issuers.get(name), await self._gates.claim_probe(name)
        if claimed is None:
            return
        probed, asked_at = claimed
        try:
            if issuer is not None:
                await issuer.probe(IssueOrder(facts))
        except SettingsFault:  # its own fault, which no provider cures: the case goes, and says so
            await self._gates.begin(facts.document.case_id)
        except PaidcaseError as fault:
            await self._gates.keep_shut(probed, fault.retry_after)
        else:
            await self._gates.open(probed, asked_at)


def _is_of(facts: CaseFacts, issuer: str) -> bool:
    return facts.expert is not None and facts.expert.issuer == issuer
