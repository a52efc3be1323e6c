"""Serving decisions beside the story of a case: the updates of an open run, and carrying them out in their order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

from temporalio import workflow

from activities.received import Received
from invoicing.domain.decisions import DecisionKind
from workflows.acts import UNPARKING, carried_out
from workflows.messages import Decision
from workflows.policies import Timing


class ServesDecisions(ABC):
    """Base of a workflow that takes decisions. Each update is recorded at once and acted upon afterwards."""

    def __init__(self, case_id: str, timing: Timing) -> None:
        self._case_id = case_id
        self._timing = timing
        self._decisions: list[Decision] = []
        self._served = 0

    @abstractmethod
    def _heard(self, received: Received) -> None:
        """Take in where the payment stands after an act."""

    @workflow.update(description="The billing data were corrected; a parked step is tried again.")
    def correct_billing_data(self, decision: Decision) -> None:
        """Recorded at once, acted upon afterwards; idempotent by the decision's key. So are all the others."""
        self._decide(decision)

    @workflow.update(description="Try the parked step again with fresh attempts.")
    def regenerate_invoice(self, decision: Decision) -> None:
        """Never touches the payment."""
        self._decide(decision)

    @workflow.update(description="Mail the document once more.")
    def resend_invoice(self, decision: Decision) -> None:
        """To the decision's address, or to the usual one."""
        self._decide(decision)

    @workflow.update(description="The expert's own document is the invoice.")
    def attach_invoice(self, decision: Decision) -> None:
        """Ends a parked step."""
        self._decide(decision)

    @workflow.update(description="The issued invoice is corrected by a document of its own.")
    def correct_invoice(self, decision: Decision) -> None:
        """The invoice itself stays as it is."""
        self._decide(decision)

    @workflow.update(description="Give money back.")
    def refund(self, decision: Decision) -> None:
        """Through the gateway, keyed by the transaction that brought it."""
        self._decide(decision)

    @workflow.update(description="Nothing more is tried.")
    def give_up(self, decision: Decision) -> None:
        """Ends the run; money and documents stay as they are."""
        self._decide(decision)

    @workflow.update(description="Ask the gateway for the status now.")
    def check_payment_now(self, decision: Decision) -> None:
        """Beside the polls, which go on."""
        self._decide(decision)

    @workflow.update(description="The money came another way.")
    def external_payment(self, decision: Decision) -> None:
        """The open attempt is closed first."""
        self._decide(decision)

    @workflow.update(description="The gateway told of money after an earlier run had closed.")
    def late_payment(self, decision: Decision) -> None:
        """Handed over when a new run has opened in the meantime."""
        self._decide(decision)

    def _decide(self, decision: Decision) -> None:
        if all(known.key != decision.key for known in self._decisions):
            self._decisions.append(decision)

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

    def _nothing_open(self) -> bool:
        return workflow.all_handlers_finished() and self._served == len(self._decisions)
