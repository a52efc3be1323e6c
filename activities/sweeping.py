"""The sweep: what must have a run is compared with what the engine knows, and what can only be seen so is recorded.

Guarantee: a case without a run gets the record that a cancelled run writes itself; a refund that nobody follows is
handed over again, once for each cause; a run that cannot work is told of. Repeating it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.acting import told_undone
from activities.alerting import raised, settled
from activities.failures import FailureDetail, mapped
from activities.interruptions import gone, hand_over_again
from activities.queueing import decision_alert
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.interrupted import CODES
from invoicing.domain.records import Alert, Event, StoredAlert
from invoicing.errors import Cause
from invoicing.ports import CaseStore, Clock, Runs

PAGE = 200
YOUNG = timedelta(minutes=1)
"""What was written so lately may be between two runs, or on its way to the first."""

SILENT_KEPT = timedelta(days=7)
"""So long a process that gives no sign of life any more stays listed."""

LOOKED_BACK = timedelta(days=1)
"""Acts that were cut short within this time are looked for; a sweep that was paused for longer misses older ones."""

STUCK = "run_stuck"


class SweepInput(BaseModel):
    """The page behind a case id; what is younger than `young` is spared."""

    model_config = ConfigDict(frozen=True)

    after: str = ""
    young: timedelta = YOUNG


class Swept(BaseModel):
    """What was compared and found; the next page begins behind `after`, unless this one was the `last`."""

    model_config = ConfigDict(frozen=True)

    after: str = ""
    last: bool = True
    cases: int = 0
    lost: int = 0


class SweptActs(BaseModel):
    """Refunds that are taken up again, and cases whose run cannot work."""

    model_config = ConfigDict(frozen=True)

    refunds: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """One page of open cases, and those of them that are recorded as lost now."""

    case_ids: Sequence[str]
    lost: Sequence[str]

    @property
    def last(self) -> bool:
        """Whether no page comes behind it."""
        return len(self.case_ids) < PAGE


@dataclass(frozen=True, slots=True)
class ComparedActs:
    """Refunds (case and decision) that are handed over again now, and every case whose run cannot work."""

    refunds: Sequence[tuple[str, int]]
    stuck: Sequence[str]


class Sweeper:
    """Compares and records; for the scheduled workflow and for the command alike."""

    def __init__(self, store: CaseStore, runs: Runs, clock: Clock) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock

    async def cases(self, after: str, young: timedelta) -> ComparedPage:
        """One page of open cases behind an id. Raises `ConnectivityFault`."""
        now = self._clock()
        found = await self._store.running(after, PAGE)
        settled = {case.case_id: case.version for case in found if case.updated_at <= now - young}
        missing = sorted(await self._runs.missing(list(settled)))
        lost = [case_id for case_id in missing if await self._lost(case_id, settled[case_id])]
        return ComparedPage([case.case_id for case in found], lost)

    async def _lost(self, case_id: str, version: int) -> bool:
        """Record it unless something has happened since the case was read, or is about to.

        Money that a person told of is not lost with the run that was to count it.
        """
        now, kind = self._clock(), DecisionKind.EXTERNAL_PAYMENT.value
        decided = [entry.details for entry in await self._store.timeline(case_id) if entry.event is Event.DECIDED]
        async with self._store.transaction() as db:
            state = (await db.facts(case_id)).state
            if state.closed or state.version != version or await db.is_awaiting_delivery(case_id):
                return False
            await gone(db, state, now, code="run_lost")
            for told in decided:
                if told["decision"] == kind and not state.paid:
                    await hand_over_again(db, case_id, int(told["number"]), now)
        return True

    async def acts(self, young: timedelta) -> ComparedActs:
        """Tell of acts that were cut short and of runs that cannot work, and take up refunds that nobody follows.

        Processes that are gone are forgotten.
        """
        for case_id, number in await self._runs.cut_short(self._clock() - LOOKED_BACK):
            await self._tell_cut_short(case_id, number)
        alerts = await self._open_alerts()
        refunds = await self._taken_up(alerts, young)
        stuck = await self._tell_stuck(alerts)
        await self._store.forget_processes(self._clock() - SILENT_KEPT)
        return ComparedActs(refunds, stuck)

    async def _tell_cut_short(self, case_id: str, number: int) -> None:
        """Once: what was told is in the timeline, also when a person has closed the alert since."""
        for entry in await self._store.timeline(case_id):
            if entry.code in CODES and entry.details.get("decision") == str(number):
                return
        failure = FailureDetail(code="run_lost", outcome_known=False)
        async with self._store.transaction() as db:
            state, decided = (await db.facts(case_id)).state, await db.decision(case_id, number)
            await told_undone(db, state, number, decided.kind, failure, self._clock())

    async def _open_alerts(self) -> list[StoredAlert]:
        found: list[StoredAlert] = []
        while page := await self._store.alerts(open_only=True, after_id=found[-1].id if found else 0, limit=PAGE):
            found += page
        return found

    async def _taken_up(self, alerts: Sequence[StoredAlert], young: timedelta) -> list[tuple[str, int]]:
        now = self._clock()
        waiting = [(refund.case_id, refund.number) for refund in await self._store.refunding(now - young, PAGE)]
        waiting += await self._store.unbegun_refunds(now - young, PAGE)
        alone = await self._runs.unfollowed(waiting)
        told = {alert.key: alert for alert in alerts}
        taken: list[tuple[str, int]] = []
        for (case_id, number), ended in sorted(alone.items()):
            alert = told.get(decision_alert(case_id, DecisionKind.REFUND))
            cause = ended if alert is None or alert.code in CODES else _cause(alert)
            async with self._store.transaction() as db:
                if await db.is_awaiting_delivery(case_id):
                    continue
                if await hand_over_again(db, case_id, number, now, cause):
                    taken.append((case_id, number))
        return taken

    async def _tell_stuck(self, alerts: Sequence[StoredAlert]) -> list[str]:
        now, stuck = self._clock(), await self._runs.stuck()
        known = {alert.case_id for alert in alerts if alert.code == STUCK and alert.case_id is not None}
        if stuck or known:
            async with self._store.transaction() as db:
                for case_id in sorted(known - stuck.keys()):
                    await settled(db, case_id, STUCK, [_stuck_key(case_id)], now)
                for case_id in sorted(stuck.keys() - known):
                    await raised(db, _stuck(case_id, stuck[case_id], now), (await db.facts(case_id)).state)
        return sorted(stuck)


class SweepActivities:
    """The same as activities."""

    def __init__(self, sweeper: Sweeper) -> None:
        self._sweeper = sweeper

    @activity.defn(name="sweep_cases")
    @mapped
    async def sweep_cases(self, page: SweepInput) -> Swept:
        """One page of open cases; one without a run is recorded as lost. Raises `ConnectivityFault`."""
        found = await self._sweeper.cases(page.after, page.young)
        after = found.case_ids[-1] if found.case_ids else page.after
        return Swept(after=after, last=found.last, cases=len(found.case_ids), lost=len(found.lost))

    @activity.defn(name="sweep_acts")
    @mapped
    async def sweep_acts(self, page: SweepInput) -> SweptActs:
        """Take up refunds that nobody follows any more, and tell of runs that cannot work."""
        found = await self._sweeper.acts(page.young)
        return SweptActs(refunds=len(found.refunds), stuck=len(found.stuck))


def _cause(alert: StoredAlert) -> str:
    """An act that ended with this alert is tried once more by itself, and again when somebody looks after it."""
    return f"alert-{alert.id}" + ("" if alert.acknowledged_at is None else "-acknowledged")


def _stuck_key(case_id: str) -> str:
    return f"stuck:{case_id}"


def _stuck(case_id: str, problem: str, now: datetime) -> Alert:
    return Alert(
        key=_stuck_key(case_id),
        case_id=case_id,
        step=None,
        cause=Cause.INTERNAL,
        code=STUCK,
        opened_at=now,
        details={"problem": problem},
    )
