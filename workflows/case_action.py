"""`CaseAction`: one act on a case whose run has closed: a decision of a person, or money that came late."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.failures import FailureDetail
from invoicing.domain.interrupted import CANCELLED
from workflows import patches
from workflows.acts import carried_out, record_not_carried_out
from workflows.messages import CaseActionInput, CaseActionResult


@workflow.defn(name="CaseAction")
class CaseAction:
    """Its id is `case-action-{case_id}-{n}`; the same decision never runs twice at once."""

    @workflow.run
    async def run(self, action: CaseActionInput) -> CaseActionResult:
        """Carry the decision out as an open run would."""
        decision = action.decision
        self._tell(action, "under way")
        try:
            await carried_out(action.case_id, action.timing, decision)
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error) and workflow.patched(patches.CANCELLED_ACT_RECORDED):
                failure = FailureDetail(code=CANCELLED, outcome_known=False)
                await record_not_carried_out(action.case_id, decision, failure)
                self._tell(action, "cancelled; look at the case before you press again")
            raise
        self._tell(action, "carried out")
        return CaseActionResult(done=True)

    @staticmethod
    def _tell(action: CaseActionInput, state: str) -> None:
        decision = action.decision
        workflow.set_current_details(
            f"### Case {action.case_id}\n\nDecision {decision.number}: `{decision.kind.value}` by {decision.actor}\n\n"
            f"**{state}**\n\n`python -m starter explain {action.case_id}` tells where the case stands."
        )
