"""Figures that operators watch: how much waits, for what, and since when. No case, person or amount is in them.

What waits or is wrong is counted at every look, because that stays small however many cases are done. Such a count
ends at `MOST`: whoever sees that value knows "at least so many", and nobody pays for counting further. Cases by their
states are counted to the last one, more seldom, from an index that holds nothing but the states.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from invoicing.domain.invoices import Fact

MOST: Final = 10_000
"""Where a count ends."""


class Count(Fact):
    """How many rows have these values."""

    values: tuple[str, ...]
    rows: int


class Figures(Fact):
    """One look at the database.

    Values are: `unsettled` payment status; `uninvoiced` invoice status; `parked` step and cause; `alerts` cause, code
    and whether somebody looks after them (`yes`, `no`); `differences` kind of an open reconciliation difference;
    `tasks` kind; `mails` status; `waiting` queue; `processes` role.
    """

    unsettled: tuple[Count, ...]
    uninvoiced: tuple[Count, ...]
    parked: tuple[Count, ...]
    alerts: tuple[Count, ...]
    differences: tuple[Count, ...]
    tasks: tuple[Count, ...]
    mails: tuple[Count, ...]
    waiting: tuple[Count, ...]
    processes: tuple[Count, ...]
    oldest: dict[str, datetime]
    """Since when the first row of a queue waits; a queue without rows is not in it."""
    unseen_since: datetime | None
    """When the oldest open alert was opened that nobody has acknowledged."""


class Told(Fact):
    """Lines of the activity log up to one of them, counted by event, step and cause (empty where a line has none)."""

    upto: int
    lines: tuple[Count, ...]
