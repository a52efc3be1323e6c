"""Reading what a run has met: failures, in the words of its records."""

from __future__ import annotations

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, RetryState, TimeoutError

from activities.failures import FailureDetail
from invoicing.errors import Cause
from workflows.policies import CHECK_ATTEMPTS, INVOICE_ATTEMPTS

LAST = {"check_payment": CHECK_ATTEMPTS}
"""Attempts that an activity has in all, where an invoice has another number."""


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
        attempt = LAST.get(error.activity_type, INVOICE_ATTEMPTS) if spent else 1
        return FailureDetail(code="step_timed_out", outcome_known=False, attempt=attempt)
    if isinstance(cause, CancelledError):
        return FailureDetail(code="run_cancelled", outcome_known=False)
    return FailureDetail(cause=Cause.INTERNAL, code="internal")
