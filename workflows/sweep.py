"""`Sweep`: every few minutes the cases that must have a run are compared with the runs that there are.

Guarantee: a case whose run was terminated, deleted or lost with Temporal's data gets its alert and its button, a refund
that nobody follows any more is taken up again, and a run that cannot work is told of. Nothing is started by it.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from activities.sweeping import YOUNG, SweepActivities, SweepInput
from workflows import policies
from workflows.messages import Message


class SweepRunsInput(Message):
    """What is younger than `young` is spared; the rest is filled in by the run that continues."""

    young: timedelta = YOUNG
    after: str = ""
    cases: int = 0
    lost: int = 0


class SweepRunsResult(Message):
    """Cases compared, those found without a run, refunds taken up again, runs that cannot work."""

    cases: int
    lost: int
    refunds: int
    stuck: int


@workflow.defn(name="Sweep")
class Sweep:
    """Its id is `sweep-{time}`; the schedule sees to it that two never overlap."""

    @workflow.run
    async def run(self, asked: SweepRunsInput) -> SweepRunsResult:
        """Page after page of open cases, then refunds and stuck runs."""
        sofar = asked
        while True:
            workflow.set_current_details(f"{sofar.cases} open cases compared, {sofar.lost} without a run")
            page = await workflow.execute_activity_method(
                SweepActivities.sweep_cases,
                SweepInput(after=sofar.after, young=sofar.young),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.RECONCILE_RETRY,
                summary=f"Compare open cases with their runs, {sofar.cases} done so far",
            )
            counted = {"after": page.after, "cases": sofar.cases + page.cases, "lost": sofar.lost + page.lost}
            sofar = sofar.model_copy(update=counted)
            if page.last:
                break
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(sofar)
        acts = await workflow.execute_activity_method(
            SweepActivities.sweep_acts,
            SweepInput(young=sofar.young),
            start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
            retry_policy=policies.RECONCILE_RETRY,
            summary="Take up refunds that nobody follows, and look for runs that cannot work",
        )
        workflow.set_current_details(f"{sofar.cases} open cases compared, {sofar.lost} without a run")
        return SweepRunsResult(cases=sofar.cases, lost=sofar.lost, refunds=acts.refunds, stuck=acts.stuck)
