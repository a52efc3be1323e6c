"""Names under which runs are found: task queue, workflow ids, search attributes.

Workflow ids carry only ids of the business alphabet, never personal data, and are built and parsed here alone.
"""

from __future__ import annotations

from temporalio.common import SearchAttributeKey

TASK_QUEUE = "invoicing"
"""The one task queue: every worker serves every case."""

_PAID_CASE = "paid-case-"
_CASE_ACTION = "case-action-"
_RECONCILE = "reconcile"
_SWEEP = "sweep"

RECONCILE_SCHEDULE = "reconcile-daily"
"""Schedule of the comparison; the server adds the time to the id of each run that it starts."""

SWEEP_SCHEDULE = "sweep-runs"
"""Schedule of the comparison of open cases with their runs."""

CASE_ID = SearchAttributeKey.for_keyword("CaseId")
EXPERT_ID = SearchAttributeKey.for_keyword("ExpertId")
CLIENT_ID = SearchAttributeKey.for_keyword("ClientId")
PAYMENT_STATUS = SearchAttributeKey.for_keyword("PaymentStatus")
INVOICE_STATUS = SearchAttributeKey.for_keyword("InvoiceStatus")
FAILED_STEP = SearchAttributeKey.for_keyword("FailedStep")
FAILURE_CAUSE = SearchAttributeKey.for_keyword("FailureCause")
PARKED = SearchAttributeKey.for_bool("Parked")

SEARCH_ATTRIBUTES = (
    CASE_ID,
    EXPERT_ID,
    CLIENT_ID,
    PAYMENT_STATUS,
    INVOICE_STATUS,
    FAILED_STEP,
    FAILURE_CAUSE,
    PARKED,
)
"""All that `starter setup` registers."""


def paid_case_id(case_id: str) -> str:
    """Workflow id of a case."""
    return f"{_PAID_CASE}{case_id}"


def case_of(workflow_id: str) -> str | None:
    """Case id of a `PaidCase` or `CaseAction` workflow id, or None for any other workflow."""
    if workflow_id.startswith(_CASE_ACTION):
        return workflow_id.removeprefix(_CASE_ACTION).rpartition("-")[0]
    return workflow_id.removeprefix(_PAID_CASE) if workflow_id.startswith(_PAID_CASE) else None


def is_other_run(workflow_id: str) -> bool:
    """Whether this is the id of an act on a closed case, of a comparison or of a sweep."""
    return workflow_id.startswith((_CASE_ACTION, f"{_RECONCILE}-", f"{_SWEEP}-"))


def case_action_id(case_id: str, number: int) -> str:
    """Workflow id of the n-th act on a closed case; n comes from the database."""
    return f"{_CASE_ACTION}{case_id}-{number}"


def decision_of(workflow_id: str) -> tuple[str, int] | None:
    """Case and number of a `CaseAction` workflow id, or None for any other workflow."""
    case_id, _, number = workflow_id.removeprefix(_CASE_ACTION).rpartition("-")
    return (case_id, int(number)) if workflow_id.startswith(_CASE_ACTION) and number.isdecimal() else None


def reconcile_id(date: str | None = None) -> str:
    """Workflow id of the comparison of a day; without one what the schedule completes by its time."""
    return _RECONCILE if date is None else f"{_RECONCILE}-{date}"


def sweep_id(name: str | None = None) -> str:
    """Workflow id of a sweep; without a name what the schedule completes by its time."""
    return _SWEEP if name is None else f"{_SWEEP}-{name}"
