"""Names of changes that runs which are older than them do not make; a patch stays while an open run may lack it."""

from __future__ import annotations

CANCELLED_RUN_RECORDED = "cancelled-run-recorded"
"""A cancelled run records its end; before, it only ended."""

ACTS_BEFORE_GIVEN_UP = "acts-before-given-up"
"""A case that is given up first carries out what else was decided; before, it ended at once."""

CANCELLED_ACT_RECORDED = "cancelled-act-recorded"
"""A cancelled act on a closed case tells ops; before, it only ended."""

TOLD_BESIDE_WAITING = "told-beside-waiting"
"""The expert hears of a failed round while the run waits already; before, a decision waited for that mail."""

GIVEN_UP_WHEN_RECORDED = "given-up-when-recorded"
"""A run ends as given up only when the database has taken that; before, a decision it did not know ended it, too."""

GIVE_UP_REMEMBERED = "give-up-remembered"
"""A give-up that came when the run was going on already ends the next wait, or ops hear of it; before, it was lost."""
