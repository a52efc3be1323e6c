"""The arithmetic of comparing: bars, verdicts, paired ratios, flatness."""

from __future__ import annotations

import pytest

from bench.figures import Bar, Figure, Verdict, flatness, paired_ratio


@pytest.mark.parametrize(
    ("bar", "value", "verdict"),
    [
        (Bar(0.7, 1.0), 1.02, Verdict.RECORD),
        (Bar(0.7, 1.0), 0.7, Verdict.MET),
        (Bar(0.7, 1.0), 0.69, Verdict.SHORT),
        (Bar(1.3, 1.1, at_most=True), 1.1, Verdict.RECORD),
        (Bar(1.3, 1.1, at_most=True), 1.29, Verdict.MET),
        (Bar(1.3, 1.1, at_most=True), 1.31, Verdict.SHORT),
        (Bar(500), 10_000, Verdict.MET),
    ],
)
def test_a_bar_judges_in_its_own_direction(bar: Bar, value: float, verdict: Verdict) -> None:
    assert bar.judge(value) is verdict


def test_the_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_the_medians() -> None:
    ours, rivals = [10.0, 30.0, 90.0], [10.0, 60.0, 45.0]

    assert paired_ratio(ours, rivals) == 1.0  # ratios 1, 0.5 and 2


def test_rounds_that_only_one_rival_has_made_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])


def test_goodness_is_one_at_the_bar_whichever_way_it_looks() -> None:
    assert Bar(0.7).goodness(0.7) == Bar(45, at_most=True).goodness(45) == 1.0
    assert Bar(0.7).goodness(1.4) == Bar(45, at_most=True).goodness(22.5) == 2.0


def test_a_figure_is_judged_by_its_ratio_and_without_one_by_our_own_value() -> None:
    assert Figure("m", "w", ours=9.0, rival=10.0, ratio=0.9, bar=Bar(0.7)).verdict is Verdict.MET
    assert Figure("m", "w", ours=37.0, rival=35.0, bar=Bar(45, at_most=True)).verdict is Verdict.MET
    assert Figure("m", "w", ours=37.0).verdict is Verdict.REPORTED
    assert Figure("m", "w", bar=Bar(1)).verdict is Verdict.REPORTED
    assert Figure("m", "w", ours=9.0, bar=Bar(0.7), broken=True).verdict is Verdict.BROKEN


def test_growth_counts_only_once_the_curve_has_settled() -> None:
    rising = [(float(n), float(n)) for n in range(100)]
    flat = [(100.0 + n, 120.0) for n in range(50)]

    assert flatness(rising + flat, settled=100) == 1.0
    assert flatness([(float(n), 100.0 + n) for n in range(100)], settled=0) == pytest.approx(189.5 / 109.5)


def test_growth_is_not_judged_from_a_handful_of_points() -> None:
    assert flatness([(float(n), 100.0) for n in range(1000, 1009)], settled=1000) is None
