"""The relay: what was accepted in the database is handed to Temporal, at least once, when Temporal is there.

One relay runs in every API and worker process; rows are claimed by whoever runs it, with a lease, so that a dead
process costs a delay and nothing else. Handing over twice is harmless: starts use the existing run, requests carry
attempt numbers that only grow, gateway messages are applied once, and decisions are idempotent by key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.alerting import settled
from activities.queueing import decision_alert
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import CaseFacts, OutboxKind, QueuedMessage, QueuedNotification
from invoicing.domain.state import CaseState
from invoicing.domain.validation import case_totals
from invoicing.errors import PaidcaseError
from invoicing.ports import CaseStore, Clock
from workflows import identity
from workflows.case_action import CaseAction
from workflows.messages import CaseActionInput, Decision, Notification, PaidCaseInput, PaymentRequest
from workflows.paid_case import PaidCase
from workflows.policies import Timing

LEASE = timedelta(seconds=30)
IDLE = timedelta(milliseconds=500)
GATHER = timedelta(milliseconds=5)
"""How long after a wake more is gathered, so that a storm of messages is claimed in lots and not one by one."""

RETRY = timedelta(seconds=2)
HANDOVER_TIMEOUT = timedelta(seconds=10)
AT_ONCE = 32
"""Rows of each queue in one round; after a round with fewer nothing is known to wait."""


log = structlog.get_logger("relay")


class Relay:
    """Delivers outbox and inbox rows; `wake` shortens the wait after something was accepted in this process."""

    def __init__(self, store: CaseStore, temporal: Client, timing: Timing, clock: Clock, name: str) -> None:
        self._store = store
        self._temporal = temporal
        self._timing = timing
        self._clock = clock
        self._name = name
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once instead of at the next round."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver for ever; ends only by cancellation. No fault of database or Temporal ends it."""
        while True:
            self._woken.clear()
            try:
                delivered = await self.deliver_once()
            except PaidcaseError as error:
                log.warning("relay_waits", code=error.code)
                delivered = 0
                await asyncio.sleep(RETRY.total_seconds())
            except Exception as error:  # one unforeseen fault must not stop the delivery of everything else
                log.error("relay_failed", error=type(error).__name__)
                delivered = 0
            if delivered < AT_ONCE:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), IDLE.total_seconds())
                    await asyncio.sleep(GATHER.total_seconds())

    async def deliver_once(self) -> int:
        """Claim what waits, hand it over, and say how many rows were delivered."""
        now = self._clock()
        messages = await self._store.claim_messages(self._name, now, LEASE, AT_ONCE)
        notifications = await self._store.claim_notifications(self._name, now, LEASE, AT_ONCE)
        handed = await asyncio.gather(
            self._settle(messages, self._hand_over, self._store.messages_delivered, self._store.release_messages),
            self._settle(
                notifications, self._notify, self._store.notifications_delivered, self._store.release_notifications
            ),
        )
        return sum(handed)

    async def _settle(
        self,
        rows: Sequence[Any],
        hand_over: Callable[[Any], Awaitable[None]],
        delivered: Callable[..., Awaitable[None]],
        release: Callable[..., Awaitable[None]],
    ) -> int:
        results = await asyncio.gather(*(hand_over(row) for row in rows), return_exceptions=True)
        done = [row.id for row, result in zip(rows, results, strict=True) if result is None]
        left = [row.id for row, result in zip(rows, results, strict=True) if result is not None]
        for row, result in zip(rows, results, strict=True):
            if result is not None:
                log.warning("handover_failed", case_id=row.case_id, error=type(result).__name__)
        if done:
            await delivered(done, self._clock())
        if left:
            await release(left, self._clock() + RETRY)
        return len(done)

    async def _hand_over(self, message: QueuedMessage) -> None:
        match message.kind:
            case OutboxKind.START:
                case, state = await self._input(message)
                await self._start(case, state=state)
            case OutboxKind.PAYMENT_REQUESTED:
                attempt = int(message.body["attempt"])
                case, _ = await self._input(message)
                started = case.model_copy(update={"requested": attempt})
                await self._start(started, PaidCase.payment_requested.__name__, PaymentRequest(attempt=attempt))
            case OutboxKind.DECISION:
                again = bool(message.body.get("again"))
                await self._decide(message.case_id, int(message.body["number"]), again=again)

    async def _notify(self, message: QueuedNotification) -> None:
        async with self._store.reading() as db:
            facts = await db.facts(message.case_id)
        if not facts.state.closed:
            told = Notification(inbox_id=message.id)
            await self._start(self._of_facts(facts), PaidCase.payment_notified.__name__, told, facts.state)
            return
        key = f"inbox:{message.id}"
        kind, body, now = DecisionKind.LATE_PAYMENT, {"inbox_id": str(message.id)}, self._clock()
        async with self._store.transaction() as db:
            decided, _ = await db.decide(message.case_id, kind, key, "gateway", body, now)
            await settled(db, message.case_id, None, [decision_alert(message.case_id, kind)], now)
        await self._decide(message.case_id, decided.number)

    async def _decide(self, case_id: str, number: int, *, again: bool = False) -> None:
        """An update of the open run, or a run of its own when the case's run has closed; `again` also a second one.

        A run that is gone still answers for an update that it took and did not carry out: `again` does not ask it.
        """
        async with self._store.reading() as db:
            decided = await db.decision(case_id, number)
            closed = (await db.facts(case_id)).state.closed
        inbox_id = decided.body.get("inbox_id")
        decision = Decision(
            number=number,
            key=decided.key,
            kind=decided.kind,
            # the role alone: who it was stands in the database, a history keeps no names
            actor=decided.actor.partition(":")[0],
            inbox_id=None if inbox_id is None else int(inbox_id),
        )
        if again and closed:
            await self._act(case_id, decision, again=True)
            return
        handle = self._temporal.get_workflow_handle(identity.paid_case_id(case_id))
        try:
            # an open run answers in the task that takes it in; only the answer tells a refusal from acceptance
            await handle.execute_update(
                decided.kind.value, decision, id=f"decision-{number}", rpc_timeout=HANDOVER_TIMEOUT
            )
        except WorkflowUpdateFailedError as refused:
            log.error("decision_refused", case_id=case_id, decision=number, reason=str(refused.cause))
            raise
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if closed:
                await self._act(case_id, decision, again=again)
            else:
                # The run was lost, not closed: one that starts from the database is there for the decision next time.
                case, state = await self._case_input(case_id)
                await self._start(case, state=state)
                raise

    async def _act(self, case_id: str, decision: Decision, *, again: bool = False) -> None:
        # what an earlier delivery has carried out already is delivered; a run that did not end well may be had again
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await self._start_action(case_id, decision, again=again)

    async def _start_action(self, case_id: str, decision: Decision, *, again: bool) -> None:
        await self._temporal.start_workflow(
            CaseAction.run,
            CaseActionInput(case_id=case_id, decision=decision, timing=self._timing),
            id=identity.case_action_id(case_id, decision.number),
            task_queue=identity.TASK_QUEUE,
            id_reuse_policy=(
                WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
            ),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes([SearchAttributePair(identity.CASE_ID, case_id)]),
            static_summary=f"Case {case_id}: {decision.kind.value}",
            rpc_timeout=HANDOVER_TIMEOUT,
        )

    async def _input(self, message: QueuedMessage) -> tuple[PaidCaseInput, CaseState | None]:
        body = message.body
        if not {"expert_id", "client_id"} <= set(body):
            return await self._case_input(message.case_id)
        case = PaidCaseInput(
            case_id=message.case_id,
            expert_id=str(body["expert_id"]),
            client_id=str(body["client_id"]),
            amount=str(body["amount"]) if "amount" in body else None,
            timing=self._timing,
        )
        return case, None

    async def _case_input(self, case_id: str) -> tuple[PaidCaseInput, CaseState]:
        async with self._store.reading() as db:
            facts = await db.facts(case_id)
        return self._of_facts(facts), facts.state

    def _of_facts(self, facts: CaseFacts) -> PaidCaseInput:
        document = facts.document
        totals = case_totals(document)
        return PaidCaseInput(
            case_id=document.case_id,
            expert_id=document.expert_id,
            client_id=document.client.id,
            amount=f"{totals.gross} {document.currency}" if totals else None,
            timing=self._timing,
        )

    async def _start(
        self, case: PaidCaseInput, signal: str | None = None, argument: Any = None, state: CaseState | None = None
    ) -> None:
        await self._temporal.start_workflow(
            PaidCase.run,
            case,
            id=identity.paid_case_id(case.case_id),
            task_queue=identity.TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=_attributes(case, state),
            static_summary=f"Case {case.case_id}" + (f", {case.amount}" if case.amount else ""),
            start_signal=signal,
            start_signal_args=[argument] if signal else [],
            rpc_timeout=HANDOVER_TIMEOUT,
        )


def _attributes(case: PaidCaseInput, state: CaseState | None) -> TypedSearchAttributes:
    """What is true of a new case, or of the one whose run starts again with this record."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(identity.CASE_ID, case.case_id),
            SearchAttributePair(identity.EXPERT_ID, case.expert_id),
            SearchAttributePair(identity.CLIENT_ID, case.client_id),
            SearchAttributePair(identity.PAYMENT_STATUS, state.payment.status.value if state else "none"),
            SearchAttributePair(identity.INVOICE_STATUS, state.invoice.status.value if state else "none"),
            SearchAttributePair(identity.PARKED, False),
        ]
    )
