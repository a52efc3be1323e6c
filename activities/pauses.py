"""The pause before an activity that polls by its retries asks again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

MOST_DOUBLINGS = 30
"""Beyond any longest pause, and short of what a duration can hold."""


def doubled(interval: timedelta, longest: timedelta) -> timedelta:
    """The interval, doubled with each attempt of the running activity, up to the longest pause or the interval."""
    doublings = min(activity.info().attempt - 1, MOST_DOUBLINGS)
    return min(interval * (1 << doublings), max(longest, interval))
