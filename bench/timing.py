"""Time as a budget: a measure takes as many rounds as fit, and says how many.

Guarantee: a round is begun only when the longest one so far would still fit, and at least one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import TypeVar

from bench.figures import paired_ratio

T = TypeVar("T")


class Budget:
    """Seconds that a measure may take, counted from now."""

    def __init__(self, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began = clock()

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    @property
    def left(self) -> float:
        """Seconds left; below nought when overdrawn."""
        return self.seconds - self.spent

    def part(self, share: float) -> Budget:
        """A budget of its own of this share of what is left."""
        return Budget(max(0.0, self.left * share), self._clock)

    def now(self) -> float:
        """The budget's clock."""
        return self._clock()


def fitting(most: int, each: float, seconds: float, least: int = 16) -> int:
    """How many things of `each` seconds fit into `seconds`: no more than wanted, no fewer than tell anything."""
    return max(min(least, most), min(most, int(seconds / each)))


def rounds(rivals: Mapping[str, Callable[[], T]], most: int, budget: Budget) -> dict[str, list[T]]:
    """Measure all rivals in every round, in turning order, so that whatever else the machine does meets all alike."""
    found: dict[str, list[T]] = {name: [] for name in rivals}
    longest = 0.0
    for turn in range(most):
        if turn and budget.left < longest:
            break
        began = budget.now()
        names = list(rivals)
        for name in names if turn % 2 == 0 else reversed(names):
            found[name].append(rivals[name]())
        longest = max(longest, budget.now() - began)
    return found


def ratio_of(found: Mapping[str, list[T]], ours: str, rival: str, value: Callable[[T], float]) -> float:
    """The ratio of two rivals over the same rounds."""
    return paired_ratio([value(one) for one in found[ours]], [value(one) for one in found[rival]])
