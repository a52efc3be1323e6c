"""Telling the expert: that the case is done, or, beside a run that waits already, that a round of invoicing failed.

Guarantee: a mail that is tried again for hours keeps neither the record nor a decision waiting, and no run ends, or
goes on as another one, before the expert has heard of every failed round.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.experts import ExpertActivities, NotifyInput
from workflows import policies
from workflows.messages import PaidCaseInput
from workflows.reading import detail_of


class Tellings:
    """What the expert is being told of failed rounds."""

    def __init__(self) -> None:
        self._begun: list[asyncio.Task[None]] = []

    def begin(self, case: PaidCaseInput, round_: int | None) -> None:
        """Tell of a round while the run goes on."""
        self._begun.append(asyncio.create_task(failure_told(case, round_)))

    def are_over(self) -> bool:
        """Whether every mail has ended, one way or another."""
        return all(telling.done() for telling in self._begun)

    async def ended(self) -> None:
        """Until they are over."""
        if not self.are_over():
            await workflow.wait_condition(self.are_over)


async def expert_told(case: PaidCaseInput, *, failed: bool = False, round_: int | None = None) -> None:
    """In the app once, and by mail under the rules of every mail."""
    told = NotifyInput(case_id=case.case_id, failed=failed, round=round_, give_up_after=case.timing.mail_give_up_after)
    await workflow.execute_activity_method(
        ExpertActivities.notify_expert,
        told,
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.mail_retry(case.timing),
        summary="Tell the expert that invoicing failed" if failed else "Tell the expert that the case is done",
    )


async def failure_told(case: PaidCaseInput, round_: int | None = None) -> None:
    """The same of a failed round; that it cannot be told keeps no case from waiting for its decision."""
    try:
        await expert_told(case, failed=True, round_=round_)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.error("expert not told: %s", detail_of(error).code)
