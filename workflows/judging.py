"""What an open run refuses before it takes a decision in: see ADR 0022.

Whether a decision makes sense is judged by the database when it is recorded. What is refused here never was a decision
of this case: the wrong shape, two decisions under one name, or a run that carries nothing out any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from invoicing.domain.decisions import DecisionKind
from workflows.messages import Decision


def refusal(update: str, decision: Decision, taken: Sequence[Decision], *, over: bool) -> str | None:
    """Why the update of this name does not take the decision in, or None. The same decision again is no fault."""
    if decision.kind.value != update:
        return f"the update is {update}, the decision is {decision.kind.value}"
    if decision.number < 1 or not decision.key.strip():
        return "a decision has the number and the key that the database gave it"
    if decision.kind is DecisionKind.LATE_PAYMENT and decision.inbox_id is None:
        return "a late payment names its message in the inbox"
    for known in taken:
        same = (known.number == decision.number, known.key == decision.key)
        if any(same) and not (all(same) and known.kind is decision.kind):
            return f"decision {known.number} was taken in as another one"
    if over:
        return "the run has ended its story: a decision about a closed case is carried out by a run of its own"
    return None
