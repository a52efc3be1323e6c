"""Money that no gateway brought: cases that arrive paid, and payments that people tell of. Counted once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from invoicing.domain.cases import ExternalPayment
from invoicing.domain.records import Capture, CaseFacts, Event, LogEntry
from invoicing.domain.state import CaseState, Step, payment_completed
from invoicing.domain.validation import case_totals
from invoicing.errors import InternalFault, Refused
from invoicing.ports import CaseStore, UnitOfWork

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far in the future a payment may claim to have arrived: clocks differ."""

EXTERNAL = "external"
"""Service id of captures that no gateway told of."""


async def record_external(store: CaseStore, case_id: str, now: datetime) -> CaseState:
    """Record that the money of a case came another way. Raises `Refused` when it claims to come from the future."""
    async with store.transaction() as db:
        return await record_external_in(db, await db.facts(case_id), now)


def is_verifiable(facts: CaseFacts, now: datetime) -> bool:
    """Whether the case arrived paid, at a time that has come."""
    payment = facts.document.payment
    return isinstance(payment, ExternalPayment) and payment.paid_at <= now + CLOCK_TOLERANCE


async def record_external_in(db: UnitOfWork, facts: CaseFacts, now: datetime) -> CaseState:
    """The same within a transaction of the caller's; gives back the state record as it then stands."""
    payment, totals = facts.document.payment, case_totals(facts.document)
    if facts.state.paid:
        return facts.state
    if not isinstance(payment, ExternalPayment):
        raise InternalFault("internal", "the case did not arrive paid")
    if not is_verifiable(facts, now):
        raise Refused("payment_not_verified", "the payment claims to come from the future")
    # without a total (a rate nobody knows) there is no amount to record yet
    amount = None if totals is None else totals.gross
    return await db.save(await came_another_way(db, facts, payment.reference, payment.paid_at, amount, now))


async def came_another_way(
    db: UnitOfWork,
    facts: CaseFacts,
    reference: str,
    paid_at: datetime,
    amount: Decimal | None,
    now: datetime,
    actor: str = "system",
) -> CaseState:
    """The record of a case whose money no gateway brought, noted and told; the caller saves it."""
    case_id = facts.document.case_id
    if amount is not None:
        await db.add_capture(
            Capture(
                service_id=EXTERNAL,
                remote_id=f"{case_id}:{reference}",
                case_id=case_id,
                order_id=reference,
                amount=amount,
                currency=facts.document.currency,
                kept=True,
                captured_at=now,
                via=EXTERNAL,
            )
        )
    await db.log(LogEntry(case_id=case_id, event=Event.PAYMENT_COMPLETED, at=now, step=Step.CHARGE, actor=actor))
    return payment_completed(facts.state, attempt=0, remote_id=None, paid_at=paid_at, reference=reference)
