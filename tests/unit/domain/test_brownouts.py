"""The brown-out governor's decisions, at the edges of its window, its counts, its turns and its pauses."""

import dataclasses
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from invoicing.domain import brownouts
from invoicing.domain.brownouts import LARGEST_LOT, BrownoutLimits, Gate, Hold, Move, Outage
from invoicing.domain.decisions import DecisionKind, refusal
from invoicing.domain.failures import FAILURES
from invoicing.domain.labels import Action, Role, view
from invoicing.domain.state import payment_completed
from invoicing.errors import Cause
from tests.unit.domain.samples import NOW, state

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
LIMITS = BrownoutLimits(cases=3, window=60 * SECOND, probe_interval=30 * SECOND)
OFF = LIMITS.model_copy(update={"on": False})
OPEN = Gate(issuer="wfirma")
SHUT = brownouts.shut(OPEN, LIMITS, NOW)


def failed(*ago: float, case: str = "c") -> list[Outage]:
    """Outages of distinct cases, so many seconds ago."""
    return [Outage(case_id=f"{case}-{n}", failed_at=NOW - timedelta(seconds=seconds)) for n, seconds in enumerate(ago)]


def hold(case_id: str = "c-1", go_at: timedelta | None = None) -> Hold:
    return Hold(case_id=case_id, issuer="wfirma", held_at=NOW, go_at=None if go_at is None else NOW + go_at)


def opened_ago(seconds: int, waiting: int = 0, relapses: int = 0) -> Gate:
    """A gate that was opened so long ago before so many cases."""
    gate = SHUT.model_copy(update={"relapses": relapses})
    return brownouts.opened(gate, waiting, LIMITS, NOW - seconds * SECOND)


@pytest.mark.parametrize(
    ("outages", "shuts"),
    [
        (failed(), False),
        (failed(0, 0), False),
        (failed(0, 0, 0), True),
        (failed(59.999999, 30, 0), True),
        (failed(60, 30, 0), False),
        (failed(60, 59.999999, 30, 0), True),
        ([*failed(0, 0), *failed(10, 20)], False),
        ([*failed(0, 0), *failed(10, case="d")], True),
        (failed(-0.000001, 0, 0), True),
    ],
    ids=[
        "nothing", "one too few", "enough at once", "the first just within the window", "the first just out of it",
        "enough without the oldest", "the same two cases again", "a third case", "by a clock that is ahead",
    ],
)  # fmt: skip
def test_so_many_distinct_cases_within_the_window_shut_the_gate(outages: list[Outage], shuts: bool) -> None:
    assert brownouts.must_shut(OPEN, outages, LIMITS, NOW) is shuts


def test_a_gate_that_is_shut_is_not_shut_again_and_a_governor_that_is_off_shuts_none() -> None:
    assert not brownouts.must_shut(SHUT, failed(0, 0, 0, 0), LIMITS, NOW)
    assert not brownouts.must_shut(OPEN, failed(0, 0, 0, 0), OFF, NOW)


def test_the_defaults_are_twenty_cases_in_sixty_seconds() -> None:
    usual = BrownoutLimits()
    assert not brownouts.must_shut(OPEN, failed(*range(19)), usual, NOW)
    assert brownouts.must_shut(OPEN, failed(*range(20)), usual, NOW)
    assert not brownouts.must_shut(OPEN, failed(*range(41, 61)), usual, NOW)


COUNTED = {
    "issuer_unreachable": "wfirma",
    "provider_maintenance": "wfirma",
    "issuer_outcome_unknown": "wfirma",
    "account_maintenance": "wfirma/exp-1",
}


@pytest.mark.parametrize("code", [*FAILURES, "no_such_code"])
def test_only_a_provider_or_an_account_that_is_away_or_under_maintenance_counts_each_at_its_gate(code: str) -> None:
    gate = brownouts.gate_counting(code, "wfirma", "exp-1")
    assert gate == COUNTED.get(code)
    if gate is not None:
        assert FAILURES[code].cause is Cause.CONNECTIVITY


@pytest.mark.parametrize("ours", ["database_unavailable", "exchange_rates_unreachable", "provider_limit"])
def test_what_is_not_the_issuer_s_provider_does_not_count_though_it_may_be_away(ours: str) -> None:
    assert brownouts.gate_counting(ours, "wfirma", "exp-1") is None


@pytest.mark.parametrize(
    ("gate", "code", "answered"),
    [
        ("wfirma", "account_maintenance", True),
        ("wfirma", "provider_maintenance", False),
        ("wfirma/exp-1", "account_maintenance", False),
        ("wfirma/exp-1", "issuer_unreachable", False),
    ],
)
def test_a_provider_that_says_an_account_is_away_has_answered(gate: str, code: str, answered: bool) -> None:
    assert brownouts.is_answer(gate, code) is answered


def test_a_turn_counts_at_its_own_gate() -> None:
    assert brownouts.gates_of("wfirma", "exp-1") == ("wfirma", "wfirma/exp-1")
    account = Gate(issuer="wfirma/exp-1")
    assert (OPEN.of_issuer, account.of_issuer) == (True, False)
    assert not brownouts.is_held(account, hold(go_at=TICK), LIMITS, NOW)
    assert brownouts.is_held(OPEN, hold(go_at=TICK), LIMITS, NOW)


def test_after_an_opening_only_what_failed_later_counts_and_two_are_enough() -> None:
    gate = opened_ago(10, waiting=1)
    assert not brownouts.must_shut(gate, failed(10, 11, 12), LIMITS, NOW)
    assert not brownouts.must_shut(gate, failed(10, 9), LIMITS, NOW)
    assert brownouts.must_shut(gate, failed(9, 1), LIMITS, NOW)


def test_a_limit_of_one_stays_one_on_probation() -> None:
    assert brownouts.must_shut(opened_ago(10), failed(1), LIMITS.model_copy(update={"cases": 1}), NOW)


def test_probation_ends_an_interval_after_the_last_turn() -> None:
    gate = opened_ago(0, waiting=3)  # one at once, two in the second interval
    assert gate.trusted_at == NOW + 30 * SECOND + 15 * SECOND + 30 * SECOND
    later = NOW + 75 * SECOND
    two = [Outage(case_id=f"c-{n}", failed_at=later) for n in range(2)]
    earlier = [one.model_copy(update={"failed_at": later - TICK}) for one in two]
    assert brownouts.must_shut(gate, earlier, LIMITS, later - TICK)
    assert not brownouts.must_shut(gate, two, LIMITS, later)


def test_each_relapse_doubles_the_interval_up_to_sixteen_times_and_a_fresh_brownout_begins_anew() -> None:
    gate, intervals = SHUT, []
    for _ in range(6):
        intervals.append(brownouts.interval(gate, LIMITS) / SECOND)
        gate = brownouts.shut(brownouts.opened(gate, 0, LIMITS, NOW), LIMITS, NOW + SECOND)
    assert intervals == [30, 60, 120, 240, 480, 480]
    recovered = brownouts.opened(gate, 0, LIMITS, NOW)
    assert recovered.trusted_at is not None
    assert brownouts.shut(recovered, LIMITS, recovered.trusted_at).relapses == 0


@pytest.mark.parametrize(
    ("gate", "waits", "held"),
    [
        (OPEN, None, False),
        (SHUT, None, True),
        (SHUT, hold(go_at=timedelta(0)), True),
        (opened_ago(10, 9), None, False),
        (opened_ago(10, 9), hold(go_at=TICK), True),
        (opened_ago(10, 9), hold(go_at=timedelta(0)), False),
        (opened_ago(10, 9), hold(), False),
    ],
)
def test_who_is_held(gate: Gate, waits: Hold | None, held: bool) -> None:
    assert brownouts.is_held(gate, waits, LIMITS, NOW) is held
    assert not brownouts.is_held(gate, waits, OFF, NOW)


@pytest.mark.parametrize(
    ("gate", "waits", "after", "move"),
    [
        (SHUT, hold(), 30 * SECOND - TICK, Move.WAIT),
        (SHUT, hold(), 30 * SECOND, Move.PROBE),
        (brownouts.probing(SHUT, LIMITS, NOW + 30 * SECOND), hold(), 60 * SECOND - TICK, Move.WAIT),
        (brownouts.probing(SHUT, LIMITS, NOW + 30 * SECOND), hold(), 60 * SECOND, Move.PROBE),
        (opened_ago(0, 9), hold(go_at=SECOND), SECOND - TICK, Move.WAIT),
        (opened_ago(0, 9), hold(go_at=SECOND), SECOND, Move.GO),
        (OPEN, hold(), timedelta(0), Move.GO),
    ],
    ids=[
        "before the first probe", "the first probe is due", "another probes", "who probed has lapsed",
        "before its turn", "its turn", "nothing is known of a gate",
    ],
)  # fmt: skip
def test_what_a_held_case_does(gate: Gate, waits: Hold, after: timedelta, move: Move) -> None:
    assert brownouts.next_move(gate, waits, LIMITS, NOW + after) is move
    assert brownouts.next_move(gate, waits, OFF, NOW + after) is Move.GO
    assert brownouts.is_due(gate, LIMITS, NOW + after) is (move is Move.PROBE)
    assert not brownouts.is_due(gate, OFF, NOW + after)


@pytest.mark.parametrize(
    ("ahead", "after"), [(0, 30), (1, 60), (2, 75), (3, 90), (126, 239.53125), (127, 240), (228, 270.3)]
)
def test_one_that_waits_looks_when_the_next_probe_would_give_it_its_turn(ahead: int, after: float) -> None:
    assert brownouts.pause(SHUT, hold(), ahead, LIMITS, NOW) == timedelta(seconds=after)
    assert brownouts.pause(SHUT, hold(), ahead, LIMITS, NOW + 99 * SECOND) == timedelta(seconds=after - 30)


def test_nobody_sleeps_through_his_turn_whenever_the_gate_is_opened() -> None:
    for ahead in range(0, 2000, 7):
        looks_at = NOW + brownouts.pause(SHUT, hold(), ahead, LIMITS, NOW)
        first_probe = NOW + 30 * SECOND
        assert looks_at <= first_probe + brownouts.turn(ahead, 30 * SECOND)


def test_one_whose_turn_is_known_looks_exactly_then() -> None:
    gate = opened_ago(10, 9)
    assert brownouts.pause(gate, hold(go_at=7 * SECOND), 900, LIMITS, NOW) == 7 * SECOND
    assert brownouts.pause(gate, hold(go_at=-SECOND), 900, LIMITS, NOW) == timedelta(0)


def test_the_waiting_go_oldest_first_by_one_two_four_up_to_a_hundred_an_interval() -> None:
    turns = [brownouts.turn(ahead, 30 * SECOND) for ahead in range(500)]
    assert turns[0] == timedelta(0)
    assert all(before < after for before, after in pairwise(turns))
    lots = [sum(n * 30 * SECOND <= turn < (n + 1) * 30 * SECOND for turn in turns) for n in range(11)]
    assert lots == [1, 2, 4, 8, 16, 32, 64, LARGEST_LOT, LARGEST_LOT, LARGEST_LOT, 73]


def test_a_waiting_time_that_the_provider_named_puts_the_next_probe_off() -> None:
    probed = brownouts.probing(SHUT, LIMITS, NOW)
    assert brownouts.still_away(probed, probed, None, NOW) == probed
    assert brownouts.still_away(probed, probed, SECOND, NOW) == probed, "never sooner than the interval"
    put_off = brownouts.still_away(probed, probed, 600 * SECOND, NOW)
    assert put_off.probe_at == NOW + 600 * SECOND
    assert put_off.shut


def test_the_end_of_a_probe_says_nothing_of_another_brownout_nor_after_it_is_over() -> None:
    probed = brownouts.probing(SHUT, LIMITS, NOW)
    another = brownouts.shut(OPEN, LIMITS, NOW + SECOND)
    over = opened_ago(0)
    assert brownouts.still_away(another, probed, 600 * SECOND, NOW) == another
    assert brownouts.still_away(over, probed, 600 * SECOND, NOW) == over
    assert not brownouts.answers_for(another, probed, NOW, NOW)
    assert not brownouts.answers_for(over, probed, NOW, NOW)
    assert brownouts.answers_for(probed, probed, NOW, NOW + 60 * SECOND)
    assert not brownouts.answers_for(probed, probed, NOW, NOW + 60 * SECOND + TICK), "of a process that was frozen"


def test_an_opening_ends_what_the_shutting_began() -> None:
    gate = brownouts.opened(brownouts.probing(SHUT, LIMITS, NOW), 3, LIMITS, NOW)
    assert not gate.shut
    assert (gate.probe_at, gate.opened_at, gate.probes) == (None, NOW, 1)


def test_a_held_case_looks_like_any_other_that_is_paid_and_may_be_decided_about() -> None:
    paid = payment_completed(state(), attempt=1, remote_id="9ABC", paid_at=NOW, reference="9ABC")
    waiting = brownouts.held(paid)
    assert brownouts.let_go(waiting) == paid
    for role in Role:
        before, while_held = view(paid, role), view(waiting, role)
        assert dataclasses.replace(while_held, actions=()) == dataclasses.replace(before, actions=())
        assert set(before.actions) <= set(while_held.actions)
    new = set(view(waiting, Role.OPS).actions) - set(view(paid, Role.OPS).actions)
    assert new == {Action.REGENERATE_INVOICE, Action.ATTACH_INVOICE, Action.GIVE_UP}
    assert set(view(waiting, Role.CLIENT).actions) == set(view(paid, Role.CLIENT).actions)
    for kind in (DecisionKind.CORRECT_BILLING_DATA, DecisionKind.REFUND):
        assert refusal(kind, waiting, Decimal(1)) is None
