"""Making the invoice, and waiting before that while the issuer's provider is away: see `invoicing.domain.brownouts`.

Guarantee: a held round has burnt no attempt, tells nobody of a failure and costs one activity, whose retries are the
looks. A person's decision ends the wait at once; no fault of the wait itself keeps a case from its three attempts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.brownouts import BrownoutActivities, WaitInput
from activities.invoices import Generated, GenerateInput, InvoiceActivities
from invoicing.domain.decisions import DecisionKind
from workflows import policies
from workflows.messages import PaidCaseInput
from workflows.reading import detail_of

ENDING = frozenset({DecisionKind.REGENERATE_INVOICE, DecisionKind.GIVE_UP})
"""Decisions that end a wait; so does a document that was attached. Corrected data wait with their case."""


async def generated(case: PaidCaseInput, round_: int, *, may_wait: bool) -> Generated:
    """One round of three attempts, or nothing attempted and held. Raises `ActivityError` when the round has failed."""
    made: Generated = await workflow.execute_activity_method(
        InvoiceActivities.generate_invoice,
        GenerateInput(case_id=case.case_id, round=round_, may_wait=may_wait),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.invoice_retry(case.timing),
        summary=f"Generate the invoice, round {round_} of at most three attempts",
    )
    return made


async def waited(case: PaidCaseInput, is_decided: Callable[[], bool]) -> bool:
    """Until the provider is back (True), or until a person has decided or the wait itself has failed (False)."""
    waiting = asyncio.create_task(_waited(case))
    try:
        await workflow.wait_condition(lambda: waiting.done() or is_decided())
        return not is_decided() and waiting.result()
    finally:
        waiting.cancel()


async def _waited(case: PaidCaseInput) -> bool:
    try:
        await workflow.execute_activity_method(
            BrownoutActivities.wait_for_provider,
            WaitInput(case_id=case.case_id),
            start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
            retry_policy=policies.WAIT_RETRY,
            # its next look finds that the case waits no more; cancelling would cost events and tell nothing
            cancellation_type=workflow.ActivityCancellationType.ABANDON,
            summary="Wait for the issuer's provider: nothing was attempted yet",
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise asyncio.CancelledError from error
        workflow.logger.error("the wait for the provider failed: %s", detail_of(error).code)
        return False
    return True
