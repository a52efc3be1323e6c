"""Carrying out one decision: the same for an open run and for a case whose run has closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.attachments import AttachInput, AttachmentActivities
from activities.corrections import Corrected, CorrectInput, CorrectionActivities, CorrectionInput
from activities.decisions import ActFailedInput, DecisionActivities, DecisionInput
from activities.experts import ExpertActivities, NotifyInput
from activities.failures import FailureDetail
from activities.mail import EmailInput, MailActivities
from activities.payments import PaymentActivities, SettleInput
from activities.received import Received
from activities.refunds import RefundActivities, Refunded, RefundInput, WatchRefundInput
from activities.watching import CheckInput, NotificationInput, WatchActivities
from invoicing.domain.decisions import DecisionKind, RefundStatus
from workflows import policies
from workflows.messages import Decision
from workflows.reading import detail_of

Bookkeeping = Callable[[Any, DecisionInput], Awaitable[Received]]

UNPARKING = frozenset({DecisionKind.CORRECT_BILLING_DATA, DecisionKind.REGENERATE_INVOICE, DecisionKind.GIVE_UP})
"""Decisions that a parked step itself waits for."""


async def carried_out(case_id: str, timing: policies.Timing, decision: Decision) -> Received | None:
    """Do what was decided, and say where the payment stands when the act was about it.

    An act that cannot be carried out is recorded and shown to ops; it never ends the run that serves it.
    """
    try:
        return await _act(case_id, timing, decision)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.error("decision %s not carried out: %s", decision.number, detail_of(error).code)
        await record_not_carried_out(case_id, decision, detail_of(error))
        return None


async def record_not_carried_out(case_id: str, decision: Decision, failure: FailureDetail) -> None:
    """Open an alert for ops; the decision itself stays recorded."""
    await workflow.execute_activity_method(
        DecisionActivities.record_act_failed,
        ActFailedInput(case_id=case_id, number=decision.number, failure=failure, kind=decision.kind),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.BOOKKEEPING_RETRY,
        summary=f"Record that decision {decision.number} could not be carried out",
    )


async def _act(case_id: str, timing: policies.Timing, decision: Decision) -> Received | None:
    match decision.kind:
        case DecisionKind.RESEND_INVOICE:
            await _mail(case_id, timing, decision)
        case DecisionKind.RESEND_NOTIFICATION:
            await workflow.execute_activity_method(
                ExpertActivities.notify_expert,
                NotifyInput(case_id=case_id, decision=decision.number, give_up_after=timing.mail_give_up_after),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.mail_retry(timing),
                summary="Mail the expert once more",
            )
        case DecisionKind.ATTACH_INVOICE:
            await workflow.execute_activity_method(
                AttachmentActivities.attach_invoice,
                AttachInput(case_id=case_id, number=decision.number),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.BOOKKEEPING_RETRY,
                summary="Make the expert's document the invoice",
            )
            await _mail(case_id, timing, decision)
        case DecisionKind.CORRECT_INVOICE:
            await _correct(case_id, timing, decision)
        case DecisionKind.REFUND:
            await _refund(case_id, timing, decision)
        case DecisionKind.CHECK_PAYMENT_NOW:
            return await workflow.execute_activity_method(
                WatchActivities.check_payment,
                CheckInput(case_id=case_id),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.CHECK_RETRY,
                summary="Ask the gateway for the status now",
            )
        case DecisionKind.EXTERNAL_PAYMENT:
            return await _external(case_id, decision)
        case DecisionKind.LATE_PAYMENT if decision.inbox_id is not None:
            return await workflow.execute_activity_method(
                WatchActivities.record_notification,
                NotificationInput(inbox_id=decision.inbox_id),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.BOOKKEEPING_RETRY,
                summary="Apply a late message of the payment gateway",
            )
        case DecisionKind.REGENERATE_INVOICE:
            return await _recorded(DecisionActivities.record_reopened, case_id, decision, "Start the run again")
        case DecisionKind.GIVE_UP:
            return await _recorded(DecisionActivities.record_given_up, case_id, decision, "Give the case up")
        case DecisionKind.CORRECT_BILLING_DATA | DecisionKind.LATE_PAYMENT:
            pass
    return None


async def _external(case_id: str, decision: Decision) -> Received:
    settled: Received = await workflow.execute_activity_method(
        PaymentActivities.settle_attempts,
        SettleInput(case_id=case_id),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.CHARGE_RETRY,
        summary="Close the open payment attempt before other money is counted",
    )
    if settled.paid:
        return settled
    return await _recorded(
        DecisionActivities.record_external_payment, case_id, decision, "Record the money that came another way"
    )


async def _refund(case_id: str, timing: policies.Timing, decision: Decision) -> None:
    asked: Refunded = await workflow.execute_activity_method(
        RefundActivities.refund_payment,
        RefundInput(case_id=case_id, number=decision.number),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.CHARGE_RETRY,
        summary=f"Ask the gateway for refund {decision.number}",
    )
    if asked.status is RefundStatus.FAILED:
        return
    done: Refunded = await workflow.execute_activity_method(
        RefundActivities.watch_refund,
        WatchRefundInput(
            case_id=case_id,
            number=decision.number,
            interval=timing.payment_poll_interval,
            longest=policies.LONGEST_POLL_INTERVAL,
        ),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.poll_retry(timing),
        summary=f"Follow refund {decision.number} until it has ended",
    )
    if done.status is not RefundStatus.DONE:
        return
    await workflow.execute_activity_method(
        MailActivities.email_refund,
        EmailInput(case_id=case_id, number=decision.number, give_up_after=timing.mail_give_up_after),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.mail_retry(timing),
        summary="Mail the client that his money is on its way back",
    )
    if done.of_kept:
        await workflow.execute_activity_method(
            CorrectionActivities.correct_after_refund,
            CorrectInput(case_id=case_id, number=decision.number, whole=done.whole),
            start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
            retry_policy=policies.invoice_retry(timing),
            summary="Issue the correction to zero" if done.whole else "Propose a correction",
        )
        if done.whole:
            await _mail_correction(case_id, timing, decision)


async def _correct(case_id: str, timing: policies.Timing, decision: Decision) -> None:
    corrected: Corrected = await workflow.execute_activity_method(
        CorrectionActivities.correct_invoice,
        CorrectionInput(case_id=case_id, number=decision.number),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.invoice_retry(timing),
        summary=f"Issue the correction of decision {decision.number}",
    )
    if corrected.number is not None:
        await _mail_correction(case_id, timing, decision)


async def _mail_correction(case_id: str, timing: policies.Timing, decision: Decision) -> None:
    await workflow.execute_activity_method(
        MailActivities.email_correction,
        EmailInput(case_id=case_id, number=decision.number, give_up_after=timing.mail_give_up_after),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.mail_retry(timing),
        summary="Mail the correction to the client",
    )


async def _mail(case_id: str, timing: policies.Timing, decision: Decision) -> None:
    await workflow.execute_activity_method(
        MailActivities.email_invoice,
        EmailInput(case_id=case_id, decision=decision.number, give_up_after=timing.mail_give_up_after),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.mail_retry(timing),
        summary="Mail the document to the client",
    )


async def _recorded(activity: Bookkeeping, case_id: str, decision: Decision, summary: str) -> Received:
    received: Received = await workflow.execute_activity_method(
        activity,
        DecisionInput(case_id=case_id, number=decision.number),
        start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
        retry_policy=policies.BOOKKEEPING_RETRY,
        summary=summary,
    )
    return received
