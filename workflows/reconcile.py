"""`Reconcile`: once a day gateway, records and invoices of the last days are compared, page by page.

Guarantee: each case with activity in that time is compared, and each one with an open difference; a run that grows long
continues as a new one behind the last compared case.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

from activities.reconciliation import SETTLES_WITHIN, PageInput, ReconciliationActivities, Source
from workflows import policies
from workflows.messages import Message


class ReconcileInput(Message):
    """How far back to look from the start of the run; what follows is filled in by the run that continues."""

    days: int = 7
    settles_within: timedelta = SETTLES_WITHIN
    since: datetime | None = None
    until: datetime | None = None
    source: Source = Source.ACTIVITY
    after_id: int = 0
    cases: int = 0
    differences: int = 0
    unasked: int = 0


class ReconcileResult(Message):
    """How many cases were compared, how many differences they have, how much of the gateway could not be asked."""

    cases: int
    differences: int
    unasked: int


@workflow.defn(name="Reconcile")
class Reconcile:
    """Its id is `reconcile-{date}`; the schedule sees to it that two never overlap."""

    @workflow.run
    async def run(self, asked: ReconcileInput) -> ReconcileResult:
        """Compare page after page: first what happened, then what is open from before."""
        until = asked.until or workflow.now()
        since = asked.since or until - timedelta(days=asked.days)
        sofar = asked.model_copy(update={"since": since, "until": until})
        while True:
            workflow.set_current_details(
                f"**Since {since:%Y-%m-%d %H:%M}**: {sofar.cases} cases compared, {sofar.differences} differences"
            )
            page = await workflow.execute_activity_method(
                ReconciliationActivities.reconcile_page,
                PageInput(
                    since=since,
                    until=until,
                    settles_within=sofar.settles_within,
                    source=sofar.source,
                    after_id=sofar.after_id,
                ),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.RECONCILE_RETRY,
                summary=f"Compare cases of `{sofar.source.value}`, {sofar.cases} done so far",
            )
            sofar = sofar.model_copy(
                update={
                    "after_id": page.after_id,
                    "cases": sofar.cases + page.cases,
                    "differences": sofar.differences + page.differences,
                    "unasked": sofar.unasked + page.unasked,
                }
            )
            if page.last and sofar.source is Source.ALERTS:
                return ReconcileResult(cases=sofar.cases, differences=sofar.differences, unasked=sofar.unasked)
            if page.last:
                sofar = sofar.model_copy(update={"source": Source.ALERTS, "after_id": 0})
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(sofar)
