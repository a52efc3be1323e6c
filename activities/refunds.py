"""Refunds: money goes back through the gateway, once per decision, and is followed until it has arrived or failed.

The intent row with its MessageID is written before the gateway is asked. Asking again under the same MessageID executes
nothing twice, so it is also the look-up after a lost answer.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.acting import refund_told
from activities.failures import mapped
from activities.pauses import doubled
from invoicing.domain.consequences import AnswerClass
from invoicing.domain.decisions import Decided, Refund, RefundStatus, is_given_back, left_to_refund, made_up_for
from invoicing.domain.failure_records import recorded
from invoicing.domain.money import amount_text
from invoicing.domain.records import Alert, Capture, Event, FailedTask, LogEntry, TaskKind
from invoicing.domain.refunds import RefundStage, given_back
from invoicing.domain.state import Step
from invoicing.errors import Cause, ConnectivityFault, InternalFault, Refused, StillPending
from invoicing.ports import CaseStore, Clock, PaymentGateway, UnitOfWork


class RefundInput(BaseModel):
    """The decision to refund, by its number."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int


class WatchRefundInput(BaseModel):
    """The refund to be followed; the intervals double from `interval` up to `longest`."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int
    interval: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=6)


class Refunded(BaseModel):
    """Where the refund stands; `whole` when all of the kept payment has arrived back."""

    model_config = ConfigDict(frozen=True)

    status: RefundStatus
    whole: bool = False
    of_kept: bool = True


class RefundActivities:
    """Gives money back."""

    def __init__(self, store: CaseStore, gateway: PaymentGateway, clock: Clock) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock

    @activity.defn(name="refund_payment")
    @mapped
    async def refund_payment(self, asked: RefundInput) -> Refunded:
        """Ask the gateway to refund. A definite no becomes a failed task and is told, not raised.

        Raises `ConnectivityFault`, `OutcomeUnknown` (asked again under the same MessageID), `SettingsFault`.
        """
        refund = await self._intent(asked)
        if refund.status is not RefundStatus.REQUESTED:
            return await self._told(refund)
        refusal = await self._ordered(refund)
        if refusal is not None:
            return await self._failed(refund, refusal.code, refusal.message)
        queued, now = refund.model_copy(update={"status": RefundStatus.QUEUED}), self._clock()
        async with self._store.transaction() as db:
            await db.save_refund(queued)
            await refund_told(db, refund.case_id, now)
            await db.log(self._entry(queued, Event.REFUND_REQUESTED, now))
        return await self._told(queued)

    async def _ordered(self, refund: Refund) -> Refused | None:
        """Order the refund; a refusal is believed only when the gateway knows nothing of it.

        The first order may have been queued and its answer lost: then the gateway may refuse the repeated one.
        """
        try:
            await self._gateway.refund(
                refund.service_id, refund.remote_id, refund.amount, refund.currency, refund.message_id
            )
        except Refused as refusal:
            progress = await self._gateway.refund_status(refund.service_id, refund.message_id)
            return refusal if progress.stage is RefundStage.ABSENT else None
        return None

    async def _intent(self, asked: RefundInput) -> Refund:
        now = self._clock()
        async with self._store.transaction() as db:
            await db.facts(asked.case_id)  # holds the case: of two refunds at once the second sees what the first left
            decided = await db.decision(asked.case_id, asked.number)
            known = await db.refunds(asked.case_id)
            refund = next((r for r in known if r.number == asked.number), None)
            if refund is not None:
                return refund
            capture = _captured(await db.captures(asked.case_id), decided)
            left = left_to_refund(capture, known)
            amount = Decimal(decided.body["amount"]) if "amount" in decided.body else left
            message_id = hashlib.sha256(f"{capture.remote_id}|refund|{asked.number}".encode()).hexdigest()[:32]
            refund = Refund(
                case_id=asked.case_id,
                number=asked.number,
                service_id=capture.service_id,
                remote_id=capture.remote_id,
                message_id=message_id,
                amount=amount,
                currency=capture.currency,
                kept=capture.kept,
                status=RefundStatus.REQUESTED if 0 < amount <= left else RefundStatus.FAILED,
                reason=decided.body.get("reason"),
                code=None if 0 < amount <= left else "refund_too_large",
                requested_at=now,
                ended_at=None if 0 < amount <= left else now,
            )
            await db.save_refund(refund)
            if refund.status is RefundStatus.FAILED:
                await self._open_task(db, refund, "refund_too_large", "more than is left")
        return refund

    @activity.defn(name="watch_refund")
    @mapped
    async def watch_refund(self, watch: WatchRefundInput) -> Refunded:
        """Follow a refund; each retry of this activity is one poll. Raises `StillPending` until it has ended."""
        async with self._store.reading() as db:
            refund = next(r for r in await db.refunds(watch.case_id) if r.number == watch.number)
        if refund.status in {RefundStatus.DONE, RefundStatus.FAILED}:
            return await self._told(refund)
        pause = doubled(watch.interval, watch.longest)
        try:
            progress = await self._gateway.refund_status(refund.service_id, refund.message_id)
        except ConnectivityFault as error:
            raise StillPending("gateway_unreachable", retry_after=pause) from error
        match progress.stage:
            case RefundStage.DONE:
                return await self._done(refund)
            case RefundStage.FAILED:
                return await self._failed(refund, "refund_refused", progress.reason or "")
            case RefundStage.ABSENT:
                # the order was lost on its way: the same message may be sent again, never another one
                refusal = await self._ordered(refund)
                if refusal is not None:
                    return await self._failed(refund, refusal.code, refusal.message)
                raise StillPending("refund_pending", retry_after=pause)
            case RefundStage.PENDING:
                raise StillPending("refund_pending", retry_after=pause)

    async def _done(self, refund: Refund) -> Refunded:
        now = self._clock()
        done = refund.model_copy(update={"status": RefundStatus.DONE, "settled_at": now})
        async with self._store.transaction() as db:
            state = (await db.facts(refund.case_id)).state
            await db.save_refund(done)
            await db.log(self._entry(done, Event.REFUND_DONE, now))
            capture, known = await _of_refund(db, refund)
            left, whole = left_to_refund(capture, known), is_given_back(capture, known)
            settled = [f"refund:{r.message_id}" for r in known if r.number == done.number or made_up_for(r, done, left)]
            duplicate = [f"duplicate:{refund.remote_id}"] if whole else []
            await db.close_alerts([*settled, *duplicate], now)
            for key in settled:
                await db.close_task(key, now)
            if refund.kept:
                marked = given_back(state, whole=whole)
                if marked != state:
                    await db.save(marked)
        return await self._told(done)

    async def _failed(self, refund: Refund, code: str, reason: str) -> Refunded:
        now = self._clock()
        ended = {"status": RefundStatus.FAILED, "code": code, "settled_at": now, "ended_at": now}
        failed = refund.model_copy(update=ended)
        async with self._store.transaction() as db:
            await db.save_refund(failed)
            await refund_told(db, refund.case_id, now)
            await self._open_task(db, failed, code, reason)
        return await self._told(failed)

    async def _open_task(self, db: UnitOfWork, refund: Refund, code: str, reason: str) -> None:
        now, key = self._clock(), f"refund:{refund.message_id}"
        task = FailedTask(key=key, kind=TaskKind.REFUND, case_id=refund.case_id, code=code, opened_at=now)
        await db.open_task(task)
        await db.open_alert(
            Alert(
                key=key,
                case_id=refund.case_id,
                step=Step.CHARGE,
                cause=Cause.PAYMENT,
                code=code,
                opened_at=now,
                details={"remote_id": refund.remote_id, "reason": reason},
            )
        )
        state = (await db.facts(refund.case_id)).state
        details = recorded(code, state, Step.CHARGE, AnswerClass.REFUSED)
        entry = self._entry(refund, Event.REFUND_FAILED, now, code)
        await db.log(entry.model_copy(update={"details": {**entry.details, **details}}))

    async def _told(self, refund: Refund) -> Refunded:
        async with self._store.reading() as db:
            whole = refund.kept and is_given_back(*await _of_refund(db, refund))
        return Refunded(status=refund.status, whole=whole, of_kept=refund.kept)

    @staticmethod
    def _entry(refund: Refund, event: Event, now: datetime, code: str | None = None) -> LogEntry:
        return LogEntry(
            case_id=refund.case_id,
            event=event,
            at=now,
            step=Step.CHARGE,
            cause=Cause.PAYMENT if code else None,
            code=code,
            details={"amount": f"{amount_text(refund.amount, refund.currency)} {refund.currency}"},
        )


def _captured(captures: tuple[Capture, ...], decided: Decided) -> Capture:
    """The payment that a decision gives back: the one it names, else the kept one."""
    named = decided.body.get("remote_id")
    found = next((c for c in captures if (c.remote_id == named if named else c.kept)), None)
    if found is None:
        raise InternalFault("internal", "a refund was decided without a payment")
    return found


async def _of_refund(db: UnitOfWork, refund: Refund) -> tuple[Capture, tuple[Refund, ...]]:
    """The payment that a refund gives back, and all refunds of its case."""
    capture = next(c for c in await db.captures(refund.case_id) if c.remote_id == refund.remote_id)
    return capture, await db.refunds(refund.case_id)
