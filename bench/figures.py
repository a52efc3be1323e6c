"""What a measure gives back, and the arithmetic of comparing.

Guarantee: a ratio is made from rounds of one run, rival beside rival, and is the median of the ratios of the rounds;
absolute figures are shown beside it and never judged against those of another machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Verdict(StrEnum):
    """How a figure stands to its bar."""

    RECORD = "record"
    MET = "met"
    SHORT = "short"
    REPORTED = "reported"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit of the specification, the record to aim for, and which way is better."""

    limit: float
    record: float | None = None
    at_most: bool = False

    def judge(self, value: float) -> Verdict:
        """Record, met or short."""
        if self.record is not None and self._reaches(value, self.record):
            return Verdict.RECORD
        return Verdict.MET if self._reaches(value, self.limit) else Verdict.SHORT

    def goodness(self, value: float) -> float:
        """How many times as good as demanded: 1 is the bar itself, more is better, whichever way the bar looks."""
        better, worse = (self.limit, value) if self.at_most else (value, self.limit)
        return better / worse if worse else float("inf")

    def _reaches(self, value: float, limit: float) -> bool:
        return value <= limit if self.at_most else value >= limit

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.limit:g}" + (f" (record {self.record:g})" if self.record is not None else "")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. The bar judges the ratio, or our own figure where there is no rival."""

    measure: str
    what: str
    ours: float | None = None
    rival: float | None = None
    unit: str = ""
    ratio: float | None = None
    bar: Bar | None = None
    note: str = ""
    broken: bool = False

    @property
    def judged(self) -> float | None:
        """The value that the bar looks at."""
        return self.ratio if self.ratio is not None else self.ours

    @property
    def verdict(self) -> Verdict:
        """How the figure stands."""
        if self.broken:
            return Verdict.BROKEN
        if self.bar is None or self.judged is None:
            return Verdict.REPORTED
        return self.bar.judge(self.judged)


@dataclass(frozen=True, slots=True)
class Curve:
    """A series for the picture."""

    title: str
    across: str
    up: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one measure found."""

    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...] = ()


def paired_ratio(ours: Sequence[float], rivals: Sequence[float]) -> float:
    """The median of the rounds' ratios; both sides were measured in every round."""
    return median(a / b for a, b in zip(ours, rivals, strict=True))


def flatness(points: Sequence[tuple[float, float]], settled: float) -> float | None:
    """How much a curve still grows once it has settled: median of its last fifth over that of its first fifth.

    Only points from `settled` on count; None when fewer than ten of them are there.
    """
    values = [value for at, value in sorted(points) if at >= settled]
    if len(values) < 10:
        return None
    fifth = max(1, len(values) // 5)
    return median(values[-fifth:]) / median(values[:fifth])
