"""A measure ends in its time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.plan import FULL, LONG_CASES, QUICK, plan
from bench.timing import Budget, fitting, ratio_of, rounds


class Clock:
    """A clock that moves when work is done."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, *seconds: float) -> Callable[[], float]:
        """A rival that takes so long, turn by turn."""
        left = list(seconds)

        def turn() -> float:
            self.now += left[0] if len(left) == 1 else left.pop(0)
            return self.now

        return turn


def test_no_round_is_begun_that_would_not_fit() -> None:
    clock = Clock()

    found = rounds({"ours": clock.work(3), "rival": clock.work(4)}, most=50, budget=Budget(30, clock))

    assert len(found["ours"]) == len(found["rival"]) == 4
    assert clock.now == 28


def test_the_longest_round_so_far_is_what_the_next_one_is_expected_to_take() -> None:
    clock = Clock()

    rounds({"ours": clock.work(10, 1)}, most=50, budget=Budget(19, clock))

    assert clock.now == 10


def test_one_round_is_made_even_without_time() -> None:
    clock = Clock()

    assert len(rounds({"ours": clock.work(3)}, most=5, budget=Budget(0, clock))["ours"]) == 1


def test_no_more_rounds_are_made_than_asked_for() -> None:
    clock = Clock()

    assert len(rounds({"ours": clock.work(1)}, most=5, budget=Budget(100, clock))["ours"]) == 5


def test_rivals_take_turns_in_going_first() -> None:
    order: list[str] = []

    rounds(
        {"ours": lambda: order.append("ours"), "rival": lambda: order.append("rival")},
        most=3,
        budget=Budget(1, lambda: 0.0),
    )

    assert order == ["ours", "rival", "rival", "ours", "ours", "rival"]


def test_a_part_of_a_budget_is_a_share_of_what_is_left() -> None:
    clock = Clock()
    budget = Budget(100, clock)
    clock.now = 50.0

    part = budget.part(0.8)

    assert (part.left, budget.left) == (40.0, 50.0)
    clock.now = 200.0
    assert budget.part(0.5).left == 0.0


@pytest.mark.parametrize(
    ("most", "each", "seconds", "fits"),
    [(100, 0.1, 60.0, 100), (100, 1.0, 60.0, 60), (100, 10.0, 60.0, 16), (100, 1.0, -5.0, 16), (8, 10.0, 60.0, 8)],
)
def test_a_slow_machine_measures_fewer_cases_but_never_too_few(
    most: int, each: float, seconds: float, fits: int
) -> None:
    assert fitting(most, each, seconds) == fits


def test_a_ratio_pairs_the_same_rounds() -> None:
    assert ratio_of({"a": [2.0, 9.0, 4.0], "b": [1.0, 3.0, 4.0]}, "a", "b", float) == 2.0


def test_the_whole_run_fits_into_twelve_minutes_and_the_quick_one_into_three() -> None:
    assert FULL.total <= 12 * 60
    assert QUICK.total <= 3 * 60
    assert FULL.seconds.keys() == QUICK.seconds.keys()


@pytest.mark.parametrize("quick", [False, True])
def test_a_long_run_differs_only_in_the_memory_measure(quick: bool) -> None:
    usual, long = plan(quick=quick, long=False), plan(quick=quick, long=True)

    assert long.memory_cases == LONG_CASES
    assert {**long.seconds, "memory": usual.seconds["memory"]} == usual.seconds
    assert (long.rounds, long.pipeline_cases, long.archives) == (usual.rounds, usual.pipeline_cases, usual.archives)
