"""Serving decisions beside the story of a case: the updates of an open run, and carrying them out in their order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.interruptions import Interrupted, InterruptedInput, InterruptionActivities
from activities.received import Received
from invoicing.domain.decisions import DecisionKind
from workflows import patches, policies
from workflows.acts import UNPARKING, carried_out
from workflows.judging import refusal
from workflows.messages import Decision
from workflows.policies import Timing
from workflows.reading import detail_of

R = TypeVar("R")

KEYS_CARRIED = 100
"""So many of the newest decisions are known to the run that continues a parked one."""


class ServesDecisions(ABC):
    """Base of a workflow that takes decisions. Each update is recorded at once and acted upon afterwards."""

    def __init__(self, case_id: str, timing: Timing) -> None:
        self._case_id = case_id
        self._timing = timing
        self._decisions: list[Decision] = []
        self._known: dict[str, None] = {}
        self._served = 0
        self._weighed = 0

    @abstractmethod
    def _heard(self, received: Received) -> None:
        """Take in where the payment stands after an act."""

    @abstractmethod
    def _is_over(self) -> bool:
        """Whether the story has ended, so that nobody would carry a decision out any more."""

    @abstractmethod
    def _show(self) -> None:
        """Tell in the current details what was decided and carried out."""

    def _judge(self, decision: Decision) -> None:
        """Validator of every update: one that is refused leaves no event, and replay never asks it."""
        update = workflow.current_update_info()
        why = refusal(update.name if update else "", decision, self._decisions, over=self._is_over())
        if why is not None:
            raise ApplicationError(why, type="DecisionRefused", non_retryable=True)

    @workflow.update(description="The billing data were corrected; a parked step is tried again.")
    def correct_billing_data(self, decision: Decision) -> None:
        """Recorded at once, acted upon afterwards; idempotent by the decision's key. So are all the others."""
        self._decide(decision)

    correct_billing_data.validator(_judge)

    @workflow.update(description="Try the parked step again with fresh attempts.")
    def regenerate_invoice(self, decision: Decision) -> None:
        """Never touches the payment."""
        self._decide(decision)

    regenerate_invoice.validator(_judge)

    @workflow.update(description="Mail the document once more.")
    def resend_invoice(self, decision: Decision) -> None:
        """To the decision's address, or to the usual one."""
        self._decide(decision)

    resend_invoice.validator(_judge)

    @workflow.update(description="Mail the expert once more what could not be delivered to him.")
    def resend_notification(self, decision: Decision) -> None:
        """The notification in the app is not repeated."""
        self._decide(decision)

    resend_notification.validator(_judge)

    @workflow.update(description="The expert's own document is the invoice.")
    def attach_invoice(self, decision: Decision) -> None:
        """Ends a parked step."""
        self._decide(decision)

    attach_invoice.validator(_judge)

    @workflow.update(description="The issued invoice is corrected by a document of its own.")
    def correct_invoice(self, decision: Decision) -> None:
        """The invoice itself stays as it is."""
        self._decide(decision)

    correct_invoice.validator(_judge)

    @workflow.update(description="Give money back.")
    def refund(self, decision: Decision) -> None:
        """Through the gateway, keyed by the transaction that brought it."""
        self._decide(decision)

    refund.validator(_judge)

    @workflow.update(description="Nothing more is tried.")
    def give_up(self, decision: Decision) -> None:
        """Ends the run; money and documents stay as they are."""
        self._decide(decision)

    give_up.validator(_judge)

    @workflow.update(description="Ask the gateway for the status now.")
    def check_payment_now(self, decision: Decision) -> None:
        """Beside the polls, which go on."""
        self._decide(decision)

    check_payment_now.validator(_judge)

    @workflow.update(description="The money came another way.")
    def external_payment(self, decision: Decision) -> None:
        """The open attempt is closed first."""
        self._decide(decision)

    external_payment.validator(_judge)

    @workflow.update(description="The gateway told of money after an earlier run had closed.")
    def late_payment(self, decision: Decision) -> None:
        """Handed over when a new run has opened in the meantime."""
        self._decide(decision)

    late_payment.validator(_judge)

    def _decide(self, decision: Decision) -> None:
        if decision.key not in self._known:
            self._known[decision.key] = None
            self._decisions.append(decision)
            self._show()

    def _newest_keys(self) -> tuple[str, ...]:
        """Keys for the run that continues this one, so that a decision handed over twice stays one."""
        return tuple(self._known)[-KEYS_CARRIED:]

    def _acted(self, since: int, kinds: Collection[DecisionKind]) -> bool:
        """Whether a decision of these kinds came after so many, or a document was attached."""
        return any(
            decision.kind in kinds or (decision.kind is DecisionKind.ATTACH_INVOICE and n < self._served)
            for n, decision in enumerate(self._decisions[since:], since)
        )

    async def _serve(self) -> None:
        """Carry out decisions in their order; those that a parked step waits for are left to it."""
        while True:
            await workflow.wait_condition(lambda: len(self._decisions) > self._served)
            decision = self._decisions[self._served]
            if decision.kind not in UNPARKING:
                received = await carried_out(self._case_id, self._timing, decision)
                if received is not None:
                    self._heard(received)
            self._served += 1
            self._show()

    def _nothing_open(self) -> bool:
        return workflow.all_handlers_finished() and self._served == len(self._decisions)

    def _late(self) -> int:
        """Where the decisions begin that the next wait hears: at a give-up none has heard, else at those to come."""
        for n, decision in enumerate(self._decisions[self._weighed :], self._weighed):
            if decision.kind is DecisionKind.GIVE_UP and workflow.patched(patches.GIVE_UP_REMEMBERED):
                return n
        return len(self._decisions)

    async def _late_told(self) -> None:
        """Ops hear of a give-up that no wait has heard: it changes nothing any more, and was answered as recorded."""
        while (late := self._late()) < len(self._decisions):
            unheard, self._weighed = self._decisions[late:], len(self._decisions)
            for decision in unheard:
                if decision.kind is DecisionKind.GIVE_UP:
                    await carried_out(self._case_id, self._timing, decision)
            await workflow.wait_condition(self._nothing_open)

    async def _left_behind(self) -> Interrupted:
        """Record that the run is cancelled, and leave to the relay whatever was decided and is not carried out."""
        handed = self._served
        while True:
            await workflow.wait_condition(workflow.all_handlers_finished)
            unserved = tuple(decision.number for decision in self._decisions[handed:])
            handed = len(self._decisions)
            left: Interrupted = await self._recorded(
                InterruptionActivities.record_interrupted,
                InterruptedInput(case_id=self._case_id, unserved=unserved),
                "Record that the run was cancelled, and hand over what it leaves",
            )
            if workflow.all_handlers_finished() and handed == len(self._decisions):
                return left

    async def _recorded(self, activity: Callable[[Any, Any], Awaitable[R]], argument: Any, summary: str) -> R:
        """Bookkeeping never ends a run: what the database refuses today is tried again until it takes it."""
        while True:
            try:
                recorded: R = await workflow.execute_activity_method(
                    activity,
                    argument,
                    start_to_close_timeout=policies.ACTIVITY_TIMEOUT,
                    retry_policy=policies.BOOKKEEPING_RETRY,
                    summary=summary,
                )
                return recorded
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                workflow.logger.error("record refused: %s", detail_of(error).code)
                await workflow.sleep(policies.RECORD_AGAIN_AFTER, summary="Before the record is tried again")
