"""Reading what a run has met: failures for its records, and current details for the Temporal UI."""

from __future__ import annotations

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, RetryState, TimeoutError

from activities.failures import FailureDetail
from invoicing.domain.state import PaymentStatus, Step
from invoicing.errors import Cause
from workflows.messages import PaidCaseInput

_STORY = (
    (Step.VALIDATE, "Billing data checked"),
    (Step.CHARGE, "Paid"),
    (Step.INVOICE, "Invoice generated"),
    (Step.EMAIL, "Invoice mailed"),
    (Step.NOTIFY, "Expert told"),
)


def detail_of(error: ActivityError) -> FailureDetail:
    """Cause and code of a failed activity; an error that is not ours is `internal`, a timeout `step_timed_out`."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details:
        try:
            return FailureDetail.model_validate(cause.details[0])
        except ValidationError:
            return FailureDetail()
    if isinstance(cause, TimeoutError):
        spent = error.retry_state is RetryState.MAXIMUM_ATTEMPTS_REACHED
        return FailureDetail(code="step_timed_out", outcome_known=False, attempt=3 if spent else 1)
    if isinstance(cause, CancelledError):
        return FailureDetail(code="run_cancelled", outcome_known=False)
    return FailureDetail(cause=Cause.INTERNAL, code="internal")


def details_markdown(
    case: PaidCaseInput,
    step: Step,
    payment: PaymentStatus,
    parked: FailureDetail | None,
    attempt: int,
    *,
    held: bool = False,
) -> str:
    """Where the case stands and what a person can do, as Markdown for the UI. No personal data."""
    done = True
    lines = [f"**Case {case.case_id}**" + (f", {case.amount}" if case.amount else ""), ""]
    for known, story in _STORY:
        done = done and known is not step
        lines.append(f"- [{'x' if done else ' '}] {story}" + (" **← now**" if known is step else ""))
    lines += ["", f"Payment: `{payment.value}`, attempt {attempt}"]
    if held:
        lines += [
            "",
            "**Waits for the provider**, which fails for many cases at once. Nothing was attempted for this one.",
            "",
            "What to do: nothing, it goes on when the provider is back. To try at once, regenerate the invoice.",
        ]
    if parked is not None:
        where = ", ".join(f"`{field}` {code}" for field, code in parked.faults)
        lines += [
            "",
            f"**Waits for a person**: `{step.value}` cannot go on, cause `{parked.cause.value}`, code `{parked.code}`"
            + (f" ({where})" if where else ""),
            "",
            "What to do: cure the cause, then correct the billing data or regenerate the invoice for this case.",
        ]
    return "\n".join(lines)
