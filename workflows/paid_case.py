"""`PaidCase`: the story of one case, from the wish to pay to the expert's notification.

Orchestration only: every decision about money and documents is made by an activity from the database, and every
activity first gives back what it has recorded, so that a run started again from the database reaches the same end. A
step that cannot go on parks: it is recorded and waits, without time limit, for a person's decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.billing_data import BillingDataActivities, ValidateInput
from activities.failures import FailureDetail
from activities.mail import EmailInput, MailActivities
from activities.payments import Charged, ChargeInput, ChargeOutcome, PaymentActivities
from activities.received import Received
from activities.records import CloseInput, ParkInput, RecordActivities, ResumeInput
from activities.watching import NotificationInput, WatchActivities, WatchInput
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.interrupted import CANCELLED
from invoicing.domain.state import InvoiceStatus, PaymentStatus, Step
from workflows import holding, identity, parking, patches, policies
from workflows.acts import UNPARKING, carried_out
from workflows.messages import (
    CaseOutcome,
    Notification,
    PaidCaseInput,
    PaidCaseResult,
    PaymentRequest,
    Waiting,
)
from workflows.reading import detail_of
from workflows.serving import ServesDecisions
from workflows.showing import Standing, details_markdown, marks
from workflows.telling import Tellings, expert_told, failure_told

T = TypeVar("T")


class GivenUpError(Exception):
    """A person has decided that nothing more is tried; ends the story, never the run as failed."""


@workflow.defn(name="PaidCase")
class PaidCase(ServesDecisions):
    """One run per case at a time; its id is `paid-case-{case_id}`."""

    @workflow.init
    def __init__(self, case: PaidCaseInput) -> None:
        super().__init__(case.case_id, case.timing)
        self._case = case
        self._requested = case.requested
        self._payment = PaymentStatus.NONE
        self._step = Step.VALIDATE
        self._parked: FailureDetail | None = None
        self._round = 1
        self._presses = 0
        self._ended: CaseOutcome | None = None
        self._held = False
        self._tellings = Tellings()
        self._waiting = case.waiting
        if case.waiting is not None:
            self._round, self._payment = case.waiting.round, case.waiting.payment
            self._known.update(dict.fromkeys(case.waiting.keys))

    @workflow.run
    async def run(self, case: PaidCaseInput) -> PaidCaseResult:
        """Validate, charge, generate, e-mail, notify; decisions that come meanwhile are served beside it."""
        serving = asyncio.create_task(self._serve())
        try:
            return await self._story()
        except GivenUpError:
            if workflow.patched(patches.ACTS_BEFORE_GIVEN_UP):
                await workflow.wait_condition(self._nothing_open)
            return self._over(CaseOutcome.GIVEN_UP)
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error) and workflow.patched(patches.CANCELLED_RUN_RECORDED):
                serving.cancel()
                await self._cancelled()
            raise
        finally:
            serving.cancel()

    async def _cancelled(self) -> None:
        """The run is ended from outside: whoever looks at it, or at the case, sees that and what to press."""
        left = await self._left_behind()
        self._heard(Received(paid=left.paid, status=self._payment))
        self._parked = FailureDetail(code=CANCELLED, outcome_known=False) if left.waits else None
        self._mark()
        self._tell(self._step)

    async def _story(self) -> PaidCaseResult:
        await self._validated()
        if not await self._paid():
            await self._late_told()
            return self._over(CaseOutcome.UNPAID)
        invoice = await self._invoiced()
        if invoice is InvoiceStatus.AVAILABLE:
            await self._mailed()
        await self._tellings.ended()
        await self._until_done(Step.NOTIFY, self._expert_told)
        await workflow.wait_condition(self._nothing_open)
        await self._late_told()
        return self._over(CaseOutcome.BY_HAND if invoice is InvoiceStatus.MANUAL else CaseOutcome.DONE)

    # --- what others tell the run ---------------------------------------------------------------------------------

    @workflow.signal(description="The client asks for a payment attempt.")
    def payment_requested(self, request: PaymentRequest) -> None:
        """Attempt numbers only grow, so a repeated press changes nothing."""
        self._requested = max(self._requested, request.attempt)
        self._presses += 1

    @workflow.signal(description="An authentic gateway message is in the inbox.")
    async def payment_notified(self, notification: Notification) -> None:
        """Apply the stored message; whoever waits for the money looks at the result."""
        received = await self._recorded(
            WatchActivities.record_notification,
            NotificationInput(inbox_id=notification.inbox_id),
            "Apply a message of the payment gateway",
        )
        before = self._payment
        self._heard(received)
        if self._payment is not before and self._payment is not PaymentStatus.COMPLETED:
            self._mark()
            self._tell(self._step)

    def _is_over(self) -> bool:
        return self._ended is not None

    def _heard(self, received: Received) -> None:
        paid = self._payment is PaymentStatus.COMPLETED
        self._payment = PaymentStatus.COMPLETED if paid or received.paid else received.status

    # --- the steps ------------------------------------------------------------------------------------------------

    async def _validated(self) -> None:
        self._tell(Step.VALIDATE)
        await self._until_done(
            Step.VALIDATE,
            lambda: workflow.execute_activity_method(
                BillingDataActivities.validate_billing_data,
                ValidateInput(case_id=self._case.case_id),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.VALIDATE_RETRY,
                summary="Check buyer, seller, rates and total before any money moves",
            ),
        )

    async def _paid(self) -> bool:
        """Wait for the kept payment; False when the client has not paid for `payment_abandon_after`."""
        while True:
            charged = await self._until_done(Step.CHARGE, self._charge)
            if charged.outcome is ChargeOutcome.PAID:
                self._payment = PaymentStatus.COMPLETED
            elif self._payment is not PaymentStatus.COMPLETED:
                opened = charged.outcome is ChargeOutcome.OPEN
                self._payment = PaymentStatus.OPEN if opened else PaymentStatus.FAILED
                self._mark()
                if not await self._client_acted(charged):
                    return False
            if self._payment is PaymentStatus.COMPLETED:
                self._mark(InvoiceStatus.GENERATING)
                return True
            await self._validated()

    async def _charge(self) -> Charged:
        self._tell(Step.CHARGE)
        return await workflow.execute_activity_method(
            PaymentActivities.charge,
            ChargeInput(
                case_id=self._case.case_id,
                requested=self._requested,
                validity=self._case.timing.payment_validity,
            ),
            start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
            retry_policy=policies.CHARGE_RETRY,
            summary=f"Open payment attempt {self._requested}, or verify that the case is paid",
        )

    async def _client_acted(self, charged: Charged) -> bool:
        """Until the money is there (True), another attempt is asked for (True), or nobody cares any more (False)."""
        watching = asyncio.create_task(self._watch(charged)) if charged.outcome is ChargeOutcome.OPEN else None
        try:
            while True:
                try:
                    await workflow.wait_condition(
                        lambda: self._payment is PaymentStatus.COMPLETED or self._requested > charged.attempt,
                        timeout=self._case.timing.payment_abandon_after,
                        timeout_summary="Until the case is closed as unpaid",
                    )
                    return True
                except TimeoutError:
                    if not await self._closed_unpaid():
                        await workflow.wait_condition(self._nothing_open)
                        # the money or a press may have come while the case was being closed
                        return self._payment is PaymentStatus.COMPLETED or self._requested > charged.attempt
        finally:
            if watching is not None:
                watching.cancel()

    async def _watch(self, charged: Charged) -> None:
        """Hear of the payment without a message: first give the client time, then poll by one activity's retries."""
        timing = self._case.timing
        await workflow.sleep(timing.payment_poll_interval, summary="Before the gateway is asked by ourselves")
        while True:
            try:
                received = await workflow.execute_activity_method(
                    WatchActivities.watch_payment,
                    WatchInput(
                        case_id=self._case.case_id,
                        attempt=charged.attempt,
                        interval=timing.payment_poll_interval,
                        longest=policies.LONGEST_POLL_INTERVAL,
                    ),
                    start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                    retry_policy=policies.poll_retry(timing),
                    # its next poll finds the attempt over and ends; cancelling would cost events and tell nothing
                    cancellation_type=workflow.ActivityCancellationType.ABANDON,
                    summary=f"Poll the status of attempt {charged.attempt} until it is paid or has ended",
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise asyncio.CancelledError from error
                workflow.logger.warning("polling stopped: %s", detail_of(error).code)
                await workflow.sleep(policies.LONGEST_POLL_INTERVAL, summary="Before polling is tried again")
                continue
            self._heard(received)
            self._mark()
            return

    async def _closed_unpaid(self) -> bool:
        """Close the case as unpaid; True when the money has come after all."""
        received = await self._recorded(
            RecordActivities.record_unpaid, CloseInput(case_id=self._case.case_id), "Close the case as unpaid"
        )
        self._heard(received)
        return received.paid

    async def _invoiced(self) -> InvoiceStatus:
        async def generate() -> InvoiceStatus:
            since, may_wait = len(self._decisions), True
            while True:
                self._tell(Step.INVOICE)
                made = await holding.generated(self._case, self._round, may_wait=may_wait)
                if not made.held:
                    return made.status
                self._tell(Step.INVOICE, held=True)
                may_wait = await holding.waited(self._case, lambda: self._acted(since, holding.ENDING))
                await self._end_if_given_up(since)

        status = await self._until_done(Step.INVOICE, generate)
        self._mark(status)
        return status

    async def _mailed(self) -> None:
        self._tell(Step.EMAIL)
        await self._until_done(
            Step.EMAIL,
            lambda: workflow.execute_activity_method(
                MailActivities.email_invoice,
                EmailInput(case_id=self._case.case_id, give_up_after=self._case.timing.mail_give_up_after),
                start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                retry_policy=policies.mail_retry(self._case.timing),
                summary="Mail the invoice to the client",
            ),
        )

    async def _expert_told(self) -> None:
        self._tell(Step.NOTIFY)
        await expert_told(self._case)

    # --- parking --------------------------------------------------------------------------------------------------

    async def _until_done(self, step: Step, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run a step; when it cannot go on, park until a person has decided, then run it again."""
        if self._waiting is not None and self._waiting.step is step:
            await self._until_decided(step, self._waiting.failure, self._presses, 0)
        while True:
            try:
                return await attempt()
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                await self._wait_for_decision(step, detail_of(error))

    async def _wait_for_decision(
        self, step: Step, failure: FailureDetail, since: tuple[int, int] | None = None
    ) -> None:
        presses, decided = since or (self._presses, self._late())
        shown = parking.shown(step, failure)
        received = await self._recorded(
            RecordActivities.record_parked,
            ParkInput(case_id=self._case.case_id, step=step, failure=shown),
            f"Record that {step.value} waits for a person: {shown.code}",
        )
        self._heard(received)
        if step is Step.INVOICE and failure.outcome_known:
            if workflow.patched(patches.TOLD_BESIDE_WAITING):
                self._tellings.begin(self._case, received.invoice_round)
            else:
                await failure_told(self._case)
            self._round += 1
        await self._until_decided(step, failure, presses, decided)

    async def _until_decided(self, step: Step, failure: FailureDetail, presses: int, decided: int) -> None:
        """Wait without limit; a history that has grown meanwhile is left behind by continue-as-new."""
        self._parked = parking.shown(step, failure)
        self._waiting = None
        self._mark(parking.cell(step, failure))
        self._tell(step)
        looking = parking.looking(self._case, step, failure)

        def is_decided() -> bool:
            arrived = step is Step.CHARGE and self._payment is PaymentStatus.COMPLETED
            return self._acted(decided, UNPARKING) or arrived or self._presses > presses

        def is_long() -> bool:
            return workflow.info().is_continue_as_new_suggested() and self._nothing_open() and self._tellings.are_over()

        def is_looked() -> bool:
            return looking is not None and looking.done()

        await workflow.wait_condition(lambda: is_decided() or is_looked() or is_long())
        if looking is not None and looking.done() and not is_decided():
            self._parked = None
            if (known := looking.result()) is not None:
                await self._wait_for_decision(step, known, (presses, decided))
            return
        if looking is not None:
            looking.cancel()
        if not is_decided():
            waiting = Waiting(
                step=step, failure=failure, round=self._round, payment=self._payment, keys=self._newest_keys()
            )
            again = self._case.model_copy(update={"requested": self._requested, "waiting": waiting})
            workflow.continue_as_new(again)
        self._parked, self._weighed = None, len(self._decisions)
        await self._end_if_given_up(decided)
        await self._recorded(
            RecordActivities.record_resumed,
            ResumeInput(case_id=self._case.case_id, step=step, actor=self._last_actor(decided)),
            f"Record that {step.value} is tried again",
        )
        self._mark(InvoiceStatus.GENERATING if step is Step.INVOICE else None)

    async def _end_if_given_up(self, decided: int) -> None:
        given_up = next((d for d in self._decisions[decided:] if d.kind is DecisionKind.GIVE_UP), None)
        if given_up is not None:
            await self._tellings.ended()
            recorded = await carried_out(self._case.case_id, self._case.timing, given_up)
            if recorded is None and workflow.patched(patches.GIVEN_UP_WHEN_RECORDED):
                return
            self._mark()
            raise GivenUpError

    def _last_actor(self, decided: int) -> str:
        return self._decisions[-1].actor if len(self._decisions) > decided else "client"

    # --- what ops see ---------------------------------------------------------------------------------------------

    def _tell(self, step: Step, *, held: bool = False) -> None:
        self._step, self._held = step, held
        self._show()

    def _over(self, outcome: CaseOutcome) -> PaidCaseResult:
        self._ended, self._held = outcome, False
        self._show()
        return PaidCaseResult(outcome=outcome)

    def _show(self) -> None:
        now = Standing(
            step=self._step,
            ended=self._ended,
            payment=self._payment,
            parked=self._parked,
            attempt=self._requested,
            decisions=self._decisions,
            served=self._served,
            held=self._held,
        )
        workflow.set_current_details(details_markdown(self._case, now))

    def _mark(self, invoice: InvoiceStatus | None = None) -> None:
        was_parked = workflow.info().typed_search_attributes.get(identity.PARKED)
        failure = None if self._parked is None else (self._step, self._parked)
        workflow.upsert_search_attributes(marks(self._payment, invoice, failure, was_parked=bool(was_parked)))
