"""`CaseAction`: one act on a case whose run has closed: a decision of a person, or money that came late."""

from __future__ import annotations

from temporalio import workflow

from workflows.acts import carried_out
from workflows.messages import CaseActionInput, CaseActionResult


@workflow.defn(name="CaseAction")
class CaseAction:
    """Its id is `case-action-{case_id}-{n}`; the same decision never runs twice at once."""

    @workflow.run
    async def run(self, action: CaseActionInput) -> CaseActionResult:
        """Carry the decision out as an open run would."""
        decision = action.decision
        workflow.set_current_details(
            f"**Case {action.case_id}**, decision {decision.number}: `{decision.kind.value}` by {decision.actor}"
        )
        await carried_out(action.case_id, action.timing, decision)
        return CaseActionResult(done=True)
