"""Taking decisions about a case: judged by the database, recorded once, then left for the relay.

The HTTP API, the pages and the commands come through here. A decision is answered once it is recorded, never after what
it leads to. Its key is the caller's, or is made of the state it was taken in, so that pressing twice decides once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from activities.interruptions import hand_over_again
from activities.queueing import decide, decision_alert
from invoicing.domain.cases import PaymentMethod
from invoicing.domain.correcting import CorrectionRequest, changes_nothing, correction_faults
from invoicing.domain.decisions import DecisionKind, RefundStatus, WhyNot, left_to_decide, refusal
from invoicing.domain.invoices import Invoice
from invoicing.domain.money import amount_text
from invoicing.domain.parties import email_faults
from invoicing.domain.records import ArchivedDocument, Capture, CaseFacts, Event, LogEntry, StoredInvoice, TaskKind
from invoicing.domain.state import InvoiceStatus
from invoicing.domain.validation import ContentRules, case_totals
from invoicing.errors import DataFault, Fault, NotAllowed
from invoicing.ports import CaseStore, Clock, DocumentStore, UnitOfWork

REPEATABLE = frozenset({DecisionKind.RESEND_INVOICE, DecisionKind.RESEND_NOTIFICATION, DecisionKind.CHECK_PAYMENT_NOW})
"""Decisions that make sense again although nothing has changed; pressing twice within a minute is one."""


class Deciding:
    """What people may decide about a case."""

    def __init__(
        self,
        store: CaseStore,
        documents: DocumentStore,
        rules: ContentRules,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._documents = documents
        self._rules = rules
        self._clock = clock
        self._wake = wake

    async def take(
        self,
        case_id: str,
        kind: DecisionKind,
        actor: str,
        *,
        key: str | None = None,
        body: Mapping[str, str] | None = None,
    ) -> CaseFacts:
        """Record a decision and give back the facts as they are now.

        Raises `NotFound`, `NotAllowed`: `action_not_allowed` with the reason, `key_used` as every other decision does.
        """
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            await self._taken(db, facts, kind, actor, key, body or {})
        self._wake()
        return facts

    async def preview(self, case_id: str, kind: DecisionKind, amount: Decimal | None = None) -> CaseFacts:
        """What `take` would say, with nothing recorded. Raises as it does."""
        async with self._store.reading() as db:
            facts = await db.facts(case_id)
            left, untold = await _left(db, case_id, None), await _untold(db, kind, case_id)
        self._demand_allowed(kind, facts, left, untold=untold)
        _demand([] if amount is None or amount <= left else [Fault("amount", "amount_too_large")])
        return facts

    async def resend(self, case_id: str, actor: str, email: str | None, key: str | None) -> CaseFacts:
        """Mail the document once more. Raises `DataFault("invalid")` for an address that cannot be mailed to."""
        if email is not None:
            _demand(list(email_faults("email", email, required=True)))
        body = {} if email is None else {"email": email}
        return await self.take(case_id, DecisionKind.RESEND_INVOICE, actor, key=key, body=body)

    async def refund(
        self, case_id: str, actor: str, amount: Decimal | None, reason: str, key: str, remote_id: str | None = None
    ) -> CaseFacts:
        """Give back an amount of the kept payment, or of the one that is named, or all that is left of it.

        Raises `DataFault("invalid")` for an amount of nought or above what is left, without a reason, and for a payment
        that the gateway did not bring to this case.
        """
        faults = [] if reason.strip() else [Fault("reason", "missing")]
        if amount is not None and amount <= 0:
            faults.append(Fault("amount", "amount_too_small"))
        _demand(faults)
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            body = {"reason": reason}
            if amount is not None:
                body["amount"] = amount_text(amount, facts.document.currency)
            if remote_id is not None:
                body["remote_id"] = remote_id
                _demand([] if await _refundable(db, case_id, remote_id) else [Fault("remote_id", "bad_format")])
            await self._taken(db, facts, DecisionKind.REFUND, actor, key, body, amount)
        self._wake()
        return facts

    async def refund_again(self, case_id: str, actor: str, key: str | None) -> CaseFacts:
        """Order the newest refund that failed once more, as much of it as is left of its payment.

        Raises `NotAllowed` when none has failed or nothing is left.
        """
        async with self._store.reading() as db:
            failed = [r for r in await db.refunds(case_id) if r.status is RefundStatus.FAILED]
            last = failed[-1] if failed else None
            left = Decimal(0) if last is None else await _left(db, case_id, last.remote_id)
        if last is None or left <= 0:
            raise NotAllowed("action_not_allowed", reason=WhyNot.NO_FAILED_REFUND)
        named = None if last.kept else last.remote_id
        amount, again = min(last.amount, left), key or f"again-{last.number}"
        return await self.refund(case_id, actor, amount, last.reason or "again", again, named)

    async def external_payment(
        self, case_id: str, actor: str, reference: str, paid_at: datetime, amount: Decimal, key: str | None
    ) -> CaseFacts:
        """The money came another way. Raises `DataFault("invalid")` unless it is exactly the case's total."""
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            if facts.state.paid:
                raise NotAllowed("already_paid")
            totals = case_totals(facts.document)
            faults = []
            if totals is None or amount < totals.gross:
                faults.append(Fault("amount", "amount_too_small"))
            elif amount > totals.gross:
                faults.append(Fault("amount", "amount_too_large"))
            if paid_at > self._clock():
                faults.append(Fault("paid_at", "bad_format"))
            _demand(faults)
            body = {"reference": reference, "paid_at": paid_at.isoformat(), "amount": f"{amount:f}"}
            await self._taken(db, facts, DecisionKind.EXTERNAL_PAYMENT, actor, key, body)
        self._wake()
        return facts

    async def attach(self, case_id: str, actor: str, content: bytes, key: str | None) -> CaseFacts:
        """Store the expert's own PDF, already inspected, and make it the invoice; what it replaces stays archived."""
        sha256, now = await self._documents.put(content), self._clock()
        document = ArchivedDocument(
            case_id=case_id, kind="attachment", sha256=sha256, size=len(content), actor=actor, archived_at=now
        )
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            await self._taken(db, facts, DecisionKind.ATTACH_INVOICE, actor, key, {"sha256": sha256})
            await db.archive(document)
        self._wake()
        return facts

    async def correct_invoice(self, case_id: str, actor: str, wish: CorrectionRequest, key: str | None) -> CaseFacts:
        """Have an issued invoice of ours corrected; new billing data become a revision of the case.

        Raises `NotAllowed` with the reason (`corrected_elsewhere`, `corrected_by_author`, `nothing_to_correct`,
        `action_not_allowed`), `DataFault("invalid")` with every fault.
        """
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            issued = await db.invoices(case_id)
            revision = None
            if wish.billing_data is not None:
                revision = await db.save_billing_data(case_id, wish.billing_data, actor, self._clock())
            body = wish.body(revision)
            if (waiting := _undrawn(issued)) is not None:
                await self._drawn_again(db, facts, wish, waiting, actor)
                return facts

            def judge() -> None:
                if facts.state.invoice.status is InvoiceStatus.MANUAL:
                    raise NotAllowed("corrected_by_author", "the expert's own document is corrected by its author")
                if not issued and facts.state.invoice.status is InvoiceStatus.AVAILABLE:
                    raise NotAllowed("corrected_elsewhere", "the invoice was issued elsewhere and is corrected there")
                self._demand_allowed(DecisionKind.CORRECT_INVOICE, facts, Decimal(0))
                latest, document = issued[-1].invoice, facts.document
                _demand(correction_faults(wish, latest, document, facts.billing, facts.expert, self._rules))
                if changes_nothing(latest, document, wish):
                    raise NotAllowed("nothing_to_correct", "the latest document says this already")

            await self._taken(db, facts, DecisionKind.CORRECT_INVOICE, actor, key, body, judged=judge)
            if revision is not None and revision != facts.billing_revision:
                told = {"revision": str(revision)}
                event = Event.BILLING_DATA_SAVED
                await db.log(LogEntry(case_id=case_id, event=event, at=self._clock(), actor=actor, details=told))
            facts = await db.facts(case_id)
        self._wake()
        return facts

    async def _drawn_again(
        self, db: UnitOfWork, facts: CaseFacts, wish: CorrectionRequest, waiting: Invoice, actor: str
    ) -> None:
        """The same correction again has its number already: the decision that took it is handed over once more."""
        if waiting.decision is None or not changes_nothing(waiting, facts.document, wish):
            raise NotAllowed("action_not_allowed", reason=WhyNot.CORRECTION_WAITS)
        case_id, now = facts.document.case_id, self._clock()
        kind = (await db.decision(case_id, waiting.decision)).kind
        await hand_over_again(db, case_id, waiting.decision, now)
        await db.close_alerts([decision_alert(case_id, kind)], now)
        told = {"decision": kind.value, "number": str(waiting.decision)}
        await db.log(LogEntry(case_id=case_id, event=Event.DECIDED, at=now, actor=actor, details=told))
        self._wake()

    async def _taken(
        self,
        db: UnitOfWork,
        facts: CaseFacts,
        kind: DecisionKind,
        actor: str,
        key: str | None,
        body: Mapping[str, str],
        amount: Decimal | None = None,
        judged: Callable[[], None] | None = None,
    ) -> None:
        case_id = facts.document.case_id
        left, untold = await _left(db, case_id, body.get("remote_id")), await _untold(db, kind, case_id)

        def judge() -> None:
            if judged is not None:
                judged()
            self._demand_allowed(kind, facts, left, untold=untold)
            if amount is not None and amount > left:
                _demand([Fault("amount", "amount_too_large")])

        now = self._clock()
        if key is None:
            # what changes nothing in the record may be wished again a minute later, or with another content at once
            content = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16] if body else ""
            moment = f"{now:%Y%m%d%H%M}" if kind in REPEATABLE else ""
            key = ":".join((str(facts.state.version), moment, content))
        decided = await decide(db, case_id, kind, f"{kind.value}:{case_id}:{key}", actor, body, now, judge)
        if decided.body != body:  # of whoever decided first, however long ago: this one would be lost in silence
            raise NotAllowed("key_used", "another decision was recorded under this key")

    @staticmethod
    def _demand_allowed(kind: DecisionKind, facts: CaseFacts, left: Decimal, *, untold: bool = False) -> None:
        why = refusal(kind, facts.state, left, untold=untold)
        if why is None and kind is DecisionKind.RESEND_NOTIFICATION and not (facts.expert and facts.expert.email):
            why = WhyNot.NO_EXPERT_ADDRESS
        if why is not None:
            raise NotAllowed("action_not_allowed", reason=why)


def _undrawn(issued: Sequence[StoredInvoice]) -> Invoice | None:
    """The latest correction when it has a number and no document: what makes documents failed."""
    latest = issued[-1] if issued else None
    return latest.invoice if latest and latest.sha256 is None and latest.invoice.kind == "correction" else None


async def _refundable(db: UnitOfWork, case_id: str, remote_id: str | None) -> Capture | None:
    """The payment of this id, without one the kept one; none that did not come through the gateway."""
    captures = (c for c in await db.captures(case_id) if c.via != PaymentMethod.EXTERNAL)
    return next((c for c in captures if (c.kept if remote_id is None else c.remote_id == remote_id)), None)


async def _left(db: UnitOfWork, case_id: str, remote_id: str | None) -> Decimal:
    """What of a payment can be decided to go back through the gateway; nothing of money that came another way."""
    capture = await _refundable(db, case_id, remote_id)
    if capture is None:
        return Decimal(0)
    kept = capture if capture.kept else await _refundable(db, case_id, None)
    to_begin = await db.refunds_to_begin(case_id)
    return left_to_decide(capture, await db.refunds(case_id), to_begin, None if kept is None else kept.remote_id)


async def _untold(db: UnitOfWork, kind: DecisionKind, case_id: str) -> bool:
    """Whether a mail to the expert failed; looked up only for the decision that is about it."""
    return kind is DecisionKind.RESEND_NOTIFICATION and bool(await db.open_tasks(case_id, TaskKind.NOTIFICATION))


def _demand(faults: Sequence[Fault]) -> None:
    if faults:
        raise DataFault("invalid", faults)
