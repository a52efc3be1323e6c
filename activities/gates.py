"""Gates before issuers and accounts: who is held, what is counted, when a gate is shut and opened.

The database decides: gate, outages and waiting cases are rows that every worker sees, and they change under the lock of
the gate's row. A case's facts are read before its gate is locked, always in this order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.parking import gate_left, let_go_in
from invoicing.domain import brownouts
from invoicing.domain.brownouts import BrownoutLimits, Gate, Hold, Outage
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.state import Step
from invoicing.errors import Cause, PaidcaseError
from invoicing.ports import CaseStore, Clock, IssueOrder, UnitOfWork

BROWNOUT = "provider_brownout"


class Gates:
    """The gates of all issuers, as activities use them."""

    def __init__(self, store: CaseStore, clock: Clock, limits: BrownoutLimits) -> None:
        self.limits = limits
        self._store = store
        self._clock = clock

    async def is_held(self, order: IssueOrder, gates: Sequence[Gate]) -> bool:
        """Whether the case, of which no attempt has begun, must wait; then it is noted and shown that it does.

        The gates are those before its issuer, as they were when the facts were read.
        """
        if not self.limits.on or not (order.facts.state.held or any(gate.shut for gate in gates)):
            return False
        case_id, now = order.facts.document.case_id, self._clock()
        async with self._store.reading() as db:
            hold = await db.hold(case_id)
            shut = next((gate for gate in gates if brownouts.is_held(gate, hold, self.limits, now)), None)
            if shut is None:
                return False
            if await db.issue_sent(case_id, order.sequence) is not None:
                return False  # an earlier round has begun and may have issued: it goes on looking
        async with self._store.transaction() as db:
            state, hold = (await db.facts(case_id)).state, await db.hold(case_id)
            before = shut.issuer if hold is None else hold.issuer
            # two gates are locked in the order of their names
            locked = {name: await db.lock_gate(name) for name in sorted({shut.issuer, before})}
            if not brownouts.is_held(locked[shut.issuer], hold, self.limits, now):
                return False
            if hold is not None and hold.issuer != shut.issuer:
                await gate_left(db, hold, now)
                hold = None
            if hold is None:
                await db.save_holds(Hold(case_id=case_id, issuer=shut.issuer, held_at=now))
            if not state.held:
                await db.save(brownouts.held(state))
                entry = LogEntry(case_id=case_id, event=Event.INVOICE_HELD, at=now, step=Step.INVOICE, code=BROWNOUT)
                await db.log(entry)
        return True

    async def begin(self, case_id: str) -> None:
        """The case waits no more: its attempts begin."""
        now = self._clock()
        async with self._store.transaction() as db:
            state = (await db.facts(case_id)).state
            if state.held:
                await db.save(await let_go_in(db, state, now))
                await db.log(LogEntry(case_id=case_id, event=Event.INVOICE_LET_GO, at=now, step=Step.INVOICE))

    async def note_failure(self, order: IssueOrder, issuer: str, fault: PaidcaseError) -> None:
        """Count a failed attempt where an outage explains it; enough of them shut the gate, and ops are told once."""
        document, now = order.facts.document, self._clock()
        name = brownouts.gate_counting(fault.code, issuer, document.expert_id)
        if not self.limits.on or name is None:
            return
        # what cannot be counted here must not hide what has failed there
        with contextlib.suppress(PaidcaseError):
            async with self._store.transaction() as db:
                gate = await db.lock_gate(name)
                outage = Outage(case_id=document.case_id, failed_at=now)
                outages = await db.add_outage(name, outage, now - self.limits.window)
                if brownouts.must_shut(gate, outages, self.limits, now):
                    await self._shut(db, gate, fault.code, now)

    async def _shut(self, db: UnitOfWork, gate: Gate, code: str, now: datetime) -> None:
        told = {**brownouts.told_of(gate.issuer), "code": code}
        await db.save_gate(brownouts.shut(gate, self.limits, now))
        alert = Alert(
            key=brownouts.alert_key(gate.issuer),
            case_id=None,
            step=Step.INVOICE,
            cause=Cause.CONNECTIVITY,
            code=BROWNOUT,
            opened_at=now,
            details=told,
        )
        await db.open_alert(alert)
        await db.log(
            LogEntry(
                case_id=None,
                event=Event.ISSUER_SHUT,
                at=now,
                step=Step.INVOICE,
                cause=alert.cause,
                code=alert.code,
                details=told,
            )
        )

    async def note_success(self, order: IssueOrder, issuer: str) -> None:
        """A case that had begun was served: at a gate that is shut that is as good as a probe."""
        if not self.limits.on:
            return
        async with self._store.reading() as db:
            gates = await db.gates_named(brownouts.gates_of(issuer, order.facts.document.expert_id))
        for gate in gates:
            if gate.shut:
                await self.open(gate, self._clock())

    async def open(self, probed: Gate, asked_at: datetime) -> None:
        """Open the gate for which the provider has answered, and give everybody who waits before it his turn."""
        now = self._clock()
        async with self._store.transaction() as db:
            gate = await db.lock_gate(probed.issuer)
            if not brownouts.answers_for(gate, probed, asked_at, now):
                return
            waiting = await db.holds(gate.issuer)
            step = brownouts.interval(gate, self.limits)
            turns = [now + brownouts.turn(ahead, step) for ahead in range(len(waiting))]
            await db.save_holds(*(hold.model_copy(update={"go_at": turns[n]}) for n, hold in enumerate(waiting)))
            await db.save_gate(brownouts.opened(gate, len(waiting), self.limits, now))
            if not waiting:
                await db.close_alerts([brownouts.alert_key(gate.issuer)], now)
            told = {**brownouts.told_of(gate.issuer), "waiting": str(len(waiting)), "probes": str(gate.probes)}
            await db.log(LogEntry(case_id=None, event=Event.ISSUER_OPENED, at=now, step=Step.INVOICE, details=told))

    async def claim_probe(self, name: str) -> tuple[Gate, datetime] | None:
        """The right to ask the provider, until the next probe is due; None while another has it."""
        asked_at = self._clock()
        async with self._store.transaction() as db:
            gate = await db.lock_gate(name)
            if not brownouts.is_due(gate, self.limits, asked_at):
                return None
            probed = brownouts.probing(gate, self.limits, asked_at)
            await db.save_gate(probed)
        return probed, asked_at

    async def keep_shut(self, probed: Gate, retry_after: timedelta | None) -> None:
        """The provider is still away; it may have named a waiting time."""
        async with self._store.transaction() as db:
            gate = await db.lock_gate(probed.issuer)
            await db.save_gate(brownouts.still_away(gate, probed, retry_after, self._clock()))
