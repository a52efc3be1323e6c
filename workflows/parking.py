"""What a parked step still does by itself: an invoice whose last attempt has an unknown outcome is looked for.

Guarantee: while nobody knows whether the invoice exists, nobody is told that it failed. Found, it is adopted; proved
absent, the round has failed after all.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.failures import FailureDetail
from activities.invoices import InvoiceActivities, Looked, LookInput
from invoicing.domain.state import InvoiceStatus, Step
from invoicing.errors import Cause
from workflows import policies
from workflows.messages import PaidCaseInput
from workflows.reading import detail_of

UNKNOWN = "issuer_outcome_unknown"
ABSENT = "issuer_unreachable"

Looking = asyncio.Task[FailureDetail | None]
"""Ends with the failure of the round, or with None when the invoice was found and adopted."""


def is_unknown(step: Step, failure: FailureDetail) -> bool:
    """Whether the step may have made an invoice that nobody knows of."""
    return step is Step.INVOICE and not failure.outcome_known


def shown(step: Step, failure: FailureDetail) -> FailureDetail:
    """The failure as it is recorded: of an attempt that was lost it is only known that its outcome is unknown."""
    if not is_unknown(step, failure):
        return failure
    return failure.model_copy(update={"code": UNKNOWN, "cause": Cause.CONNECTIVITY})


def cell(step: Step, failure: FailureDetail) -> InvoiceStatus | None:
    """What a parked step makes of the invoice's status."""
    if step is not Step.INVOICE:
        return None
    return InvoiceStatus.FAILED if failure.outcome_known else InvoiceStatus.GENERATING


def looking(case: PaidCaseInput, step: Step, failure: FailureDetail) -> Looking | None:
    """Begin to look where there is something to look for."""
    return asyncio.create_task(_looked(case, failure)) if is_unknown(step, failure) else None


async def _looked(case: PaidCaseInput, failure: FailureDetail) -> FailureDetail | None:
    try:
        looked: Looked = await workflow.execute_activity_method(
            InvoiceActivities.look_for_invoice,
            LookInput(case_id=case.case_id, attempts=failure.attempt),
            start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
            retry_policy=policies.look_retry(case.timing),
            summary="Look whether the lost attempt made an invoice",
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise asyncio.CancelledError from error
        return detail_of(error).model_copy(update={"attempt": failure.attempt, "outcome_known": True})
    if looked.found:
        return None
    code = ABSENT if failure.code == UNKNOWN else failure.code
    return failure.model_copy(update={"code": code, "outcome_known": True})
