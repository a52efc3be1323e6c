"""What is held against the two seconds: the slowest payer, counted from the first message that told of the money."""

from __future__ import annotations

import pytest

from bench.figures import Verdict
from bench.in_time import _figures, _sent


@pytest.mark.parametrize(
    ("waited", "verdict"),
    [((0.1, 0.2), Verdict.RECORD), ((0.1, 1.9), Verdict.MET), ((0.1, 0.1, 0.1, 2.1), Verdict.SHORT)],
)
def test_one_payer_who_waits_too_long_is_one_too_many(waited: tuple[float, ...], verdict: Verdict) -> None:
    slowest, typical = _figures(waited)
    assert slowest.verdict is verdict
    assert f"slowest of {len(waited)}" in slowest.what
    assert typical.verdict is Verdict.REPORTED


def test_the_clock_starts_with_the_first_message_about_the_money() -> None:
    itns = [
        {"status": "PENDING", "sent_at": "2026-11-22T10:00:00+00:00"},
        {"status": "SUCCESS", "sent_at": "2026-11-22T10:00:05.500000+00:00"},
        {"status": "SUCCESS", "sent_at": "2026-11-22T10:03:05+00:00"},
    ]
    assert _sent({"transactions": [{"itns": itns}]}) == 1795341605.5
