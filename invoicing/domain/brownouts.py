"""Brown-outs: while an issuer's provider fails for many cases at once, cases that have not begun wait until it is back.

A gate for each issuer, and one for each expert's account there: what an account alone explains holds the cases of that
account and no others. A gate is shut when enough distinct cases have met an outage within a window; while it is shut
one probe at a time asks the provider, and its success opens the gate. Held cases then go oldest first, one, two, four
and so on an interval, so that a provider that is up again by half meets few of them; when two of those fail too, the
gate is shut again and asked less often. Pure: facts and now in, the next gate or move out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from invoicing.domain.invoices import Fact
from invoicing.domain.state import CaseState

OUTAGES = frozenset({"issuer_unreachable", "provider_maintenance", "issuer_outcome_unknown"})
"""Failure codes by which a provider shows that it is away: no connection, no answer that can be believed, maintenance.

A limit is not among them, nor keys, nor data, nor our own database, nor the bank's exchange rates."""

OUTAGES_OF_ACCOUNTS = frozenset({"account_maintenance"})
"""Failure codes by which a provider answers, and says that one account is away."""

PROBATION = 2
"""So many cases that fail after the gate was opened shut it again, until all that were held have gone."""

LARGEST_LOT = 100
"""No more held cases go in one interval."""

LONGEST_RELAPSE = 4
"""The interval doubles with each relapse, up to sixteen times."""

PROBE_COUNTS_FOR = timedelta(seconds=60)
"""A probe that was answered later than an activity may take says nothing about the provider of today."""


class BrownoutLimits(Fact):
    """When a gate is shut, and how long its pauses are."""

    on: bool = True
    cases: int = 20
    window: timedelta = timedelta(seconds=60)
    probe_interval: timedelta = timedelta(seconds=30)


class Outage(Fact):
    """The newest failure of a case that an outage explains."""

    case_id: str
    failed_at: datetime


class Gate(Fact):
    """Where an issuer stands, or one account there: `issuer` is the gate's name.

    `trusted_at` ends the probation after an opening; `probe_at` is also a probe's lease.
    """

    issuer: str
    shut_at: datetime | None = None
    opened_at: datetime | None = None
    trusted_at: datetime | None = None
    probe_at: datetime | None = None
    probes: int = 0
    relapses: int = 0

    @property
    def shut(self) -> bool:
        """Nothing that has not begun may begin."""
        return self.shut_at is not None

    @property
    def of_issuer(self) -> bool:
        """The gate of a whole issuer, not of one account there."""
        return issuer_of(self.issuer) == self.issuer


class SeenGate(Gate):
    """A gate as ops see it, with the number of cases that wait before it."""

    waiting: int = 0


class Hold(Fact):
    """A case that waits before a gate; `go_at` is its turn once the gate is open."""

    case_id: str
    issuer: str
    held_at: datetime
    go_at: datetime | None = None


class Move(StrEnum):
    """What a case that waits does now."""

    GO = "go"
    PROBE = "probe"
    WAIT = "wait"


def alert_key(gate: str) -> str:
    """Key of the one alert that tells of a brown-out."""
    return f"brownout:{gate}"


def gates_of(issuer: str, expert_id: str) -> tuple[str, str]:
    """The gates that a case goes through: the issuer's, and that of the expert's account there."""
    return issuer, f"{issuer}/{expert_id}"


def issuer_of(gate: str) -> str:
    """The issuer whose gate it is."""
    return gate.partition("/")[0]


def told_of(gate: str) -> dict[str, str]:
    """A gate's name in the details of an alert or a line of the log."""
    issuer, _, account = gate.partition("/")
    return {"issuer": issuer, "account": account} if account else {"issuer": issuer}


def gate_counting(code: str, issuer: str, expert_id: str) -> str | None:
    """The gate at which a failure counts, None for one that no outage explains."""
    of_issuer, of_account = gates_of(issuer, expert_id)
    if code in OUTAGES_OF_ACCOUNTS:
        return of_account
    return of_issuer if code in OUTAGES else None


def is_answer(gate: str, code: str) -> bool:
    """Whether a probe that failed so has been answered all the same: the provider is there, an account is away."""
    return code in OUTAGES_OF_ACCOUNTS and gate == issuer_of(gate)


def must_shut(gate: Gate, outages: Iterable[Outage], limits: BrownoutLimits, now: datetime) -> bool:
    """Whether so many distinct cases failed within the window, or after the opening, that the gate is to be shut."""
    if gate.shut or not limits.on:
        return False
    since = now - limits.window
    if gate.opened_at is not None:
        since = max(since, gate.opened_at)
    # no upper end: what another worker's clock has noted a moment ahead of ours has failed all the same
    failed = {outage.case_id for outage in outages if since < outage.failed_at}
    return len(failed) >= (min(PROBATION, limits.cases) if _on_probation(gate, now) else limits.cases)


def shut(gate: Gate, limits: BrownoutLimits, now: datetime) -> Gate:
    """The gate shut; shut again while on probation it is asked less often."""
    relapses = min(gate.relapses + 1, LONGEST_RELAPSE) if _on_probation(gate, now) else 0
    closed = gate.model_copy(update={"shut_at": now, "trusted_at": None, "relapses": relapses})
    return closed.model_copy(update={"probe_at": now + interval(closed, limits)})


def interval(gate: Gate, limits: BrownoutLimits) -> timedelta:
    """Pause between two probes, and between two lots of cases that are let go."""
    return limits.probe_interval * (1 << gate.relapses)


def is_held(gate: Gate, hold: Hold | None, limits: BrownoutLimits, now: datetime) -> bool:
    """Whether a case that has not begun may not begin: the gate is shut, or it is not the case's turn."""
    if not limits.on:
        return False
    turn_at = None if hold is None or hold.issuer != gate.issuer else hold.go_at
    return gate.shut or (turn_at is not None and turn_at > now)


def is_due(gate: Gate, limits: BrownoutLimits, now: datetime) -> bool:
    """Whether the provider is to be asked now, and nobody else asks."""
    return limits.on and gate.shut and (gate.probe_at is None or gate.probe_at <= now)


def next_move(gate: Gate, hold: Hold, limits: BrownoutLimits, now: datetime) -> Move:
    """What a held case does; a governor that was switched off lets everybody go."""
    if not is_held(gate, hold, limits, now):
        return Move.GO
    return Move.PROBE if is_due(gate, limits, now) else Move.WAIT


def pause(gate: Gate, hold: Hold, ahead: int, limits: BrownoutLimits, now: datetime) -> timedelta:
    """How long a held case with so many before it waits until it looks again.

    Until its turn; while the gate is shut, until the turn that it has if the next probe succeeds. So nobody sleeps
    through his turn, the first one looks when a probe is due, and the look of those behind costs little.
    """
    if not gate.shut:
        return max((hold.go_at or now) - now, timedelta(0))
    return max((gate.probe_at or now) - now, timedelta(0)) + turn(ahead, interval(gate, limits))


def probing(gate: Gate, limits: BrownoutLimits, now: datetime) -> Gate:
    """The gate while its provider is asked: nobody else asks before the interval is over."""
    return gate.model_copy(update={"probe_at": now + interval(gate, limits), "probes": gate.probes + 1})


def still_away(gate: Gate, probed: Gate, retry_after: timedelta | None, now: datetime) -> Gate:
    """The gate after a probe that failed; a waiting time that the provider named is kept."""
    if gate.shut_at != probed.shut_at or retry_after is None or gate.probe_at is None:
        return gate
    return gate.model_copy(update={"probe_at": max(gate.probe_at, now + retry_after)})


def answers_for(gate: Gate, probed: Gate, asked_at: datetime, now: datetime) -> bool:
    """Whether the success of a probe opens the gate: it is the one that was asked for, and the answer is not old."""
    return gate.shut and gate.shut_at == probed.shut_at and now - asked_at <= PROBE_COUNTS_FOR


def opened(gate: Gate, waiting: int, limits: BrownoutLimits, now: datetime) -> Gate:
    """The gate open, on probation until all that wait have gone and their ends can be known."""
    step = interval(gate, limits)
    trusted_at = now + turn(max(waiting - 1, 0), step) + step
    return gate.model_copy(update={"shut_at": None, "opened_at": now, "trusted_at": trusted_at, "probe_at": None})


def held(state: CaseState) -> CaseState:
    """The invoice waits for the provider; the client goes on seeing that it is being generated."""
    return state.model_copy(update={"held": True})


def let_go(state: CaseState) -> CaseState:
    """The invoice's attempts begin, or are not needed any more."""
    return state.model_copy(update={"held": False})


def turn(ahead: int, step: timedelta) -> timedelta:
    """How long after an opening a case with so many before it goes.

    Lots of one, two, four and so on, each spread over its interval.
    """
    first, lot, begins = 0, 1, timedelta(0)
    while ahead >= first + lot:
        first, lot, begins = first + lot, min(2 * lot, LARGEST_LOT), begins + step
    return begins + step * (ahead - first) // lot


def _on_probation(gate: Gate, now: datetime) -> bool:
    return gate.trusted_at is not None and now < gate.trusted_at
