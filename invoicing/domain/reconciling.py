"""Reconciliation of one case: what the gateway says, what we recorded, what was invoiced.

Guarantee: pure and without side: a difference is told with both figures and nobody is declared right; money and
documents are for the steps of the case, or for a person. What is younger than `settled_before` is passed over, because
its message, poll or invoice may still be on its way. An order or refund that the gateway was not asked about is not
compared. Totals of invoices that an outside issuer made are not stored here: they were verified when it made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from invoicing.domain.decisions import Refund, RefundStatus, left_to_refund
from invoicing.domain.invoices import Invoice
from invoicing.domain.money import amount_text
from invoicing.domain.payments import Attempt, Transaction, TransactionStatus
from invoicing.domain.records import Capture
from invoicing.domain.refunds import RefundProgress, RefundStage
from invoicing.domain.state import CaseState, InvoiceStatus

REFUND_HEARD_WITHIN = timedelta(hours=12)
"""A refund is polled at least every 6 hours, so that after two polls its end is known here."""


class DifferenceKind(StrEnum):
    """What does not agree.

    captured_not_recorded: the gateway took money that no capture tells of
    recorded_not_captured: a capture whose transaction is no success at the gateway
    amount_differs: the gateway took another amount or currency than was asked for or recorded
    paid_not_invoiced: money is kept, and neither is there an invoice nor does anybody see to one
    invoice_differs: the invoice with its corrections is not the kept payment less what was given back
    duplicate_not_refunded: money beyond the kept payment is neither back nor on its way back
    refund_differs: a refund has ended otherwise at the gateway than here
    """

    CAPTURED_NOT_RECORDED = "captured_not_recorded"
    RECORDED_NOT_CAPTURED = "recorded_not_captured"
    AMOUNT_DIFFERS = "amount_differs"
    PAID_NOT_INVOICED = "paid_not_invoiced"
    INVOICE_DIFFERS = "invoice_differs"
    DUPLICATE_NOT_REFUNDED = "duplicate_not_refunded"
    REFUND_DIFFERS = "refund_differs"


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement; `subject` is an order, a transaction, a refund or an invoice, figures carry their currency."""

    case_id: str
    kind: DifferenceKind
    subject: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Books:
    """What is known of a case on all three sides.

    `told` holds the gateway's answer for each (service, order) that was asked, `progress` for each refund by its
    message id.
    """

    state: CaseState
    attempts: tuple[Attempt, ...] = ()
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    told: Mapping[tuple[str, str], tuple[Transaction, ...]] = field(default_factory=dict)
    progress: Mapping[str, RefundProgress] = field(default_factory=dict)


def differences(books: Books, settled_before: datetime) -> tuple[Difference, ...]:
    """Every disagreement of a case, in the order of `DifferenceKind`."""
    found = [
        *_captured(books, settled_before),
        *_recorded(books, settled_before),
        *_invoiced(books, settled_before),
        *_duplicates(books, settled_before),
        *_refunds(books, settled_before),
    ]
    order = list(DifferenceKind)
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.subject)))


def _figure(amount: Decimal, currency: str) -> str:
    return f"{amount_text(amount, currency)} {currency}"


def _captured(books: Books, settled_before: datetime) -> Iterator[Difference]:
    """Successes at the gateway without a capture."""
    attempts = {(attempt.service_id, attempt.order_id): attempt for attempt in books.attempts}
    recorded = {(capture.service_id, capture.remote_id) for capture in books.captures}
    for (service_id, order_id), transactions in books.told.items():
        for told in transactions:
            young = told.paid_at is not None and told.paid_at >= settled_before
            if told.status is not TransactionStatus.SUCCESS or young or (service_id, told.remote_id) in recorded:
                continue
            attempt = attempts.get((service_id, order_id))
            figure = _figure(told.amount, told.currency)
            asked = None if attempt is None else _figure(attempt.amount, attempt.currency)
            if asked is not None and asked != figure:
                yield Difference(books.state.case_id, DifferenceKind.AMOUNT_DIFFERS, told.remote_id, asked, figure)
            else:
                nothing = _figure(Decimal(0), told.currency)
                kind = DifferenceKind.CAPTURED_NOT_RECORDED
                yield Difference(books.state.case_id, kind, told.remote_id, figure, nothing)


def _recorded(books: Books, settled_before: datetime) -> Iterator[Difference]:
    """Captures against the transactions of their orders."""
    for capture in books.captures:
        transactions = books.told.get((capture.service_id, capture.order_id))
        if transactions is None or capture.captured_at >= settled_before:
            continue
        recorded = _figure(capture.amount, capture.currency)
        successes = [
            told
            for told in transactions
            if told.remote_id == capture.remote_id and told.status is TransactionStatus.SUCCESS
        ]
        taken = _figure(successes[0].amount, successes[0].currency) if successes else None
        if taken is None:
            kind, nothing = DifferenceKind.RECORDED_NOT_CAPTURED, _figure(Decimal(0), capture.currency)
            yield Difference(books.state.case_id, kind, capture.remote_id, recorded, nothing)
        elif taken != recorded:
            kind = DifferenceKind.AMOUNT_DIFFERS
            yield Difference(books.state.case_id, kind, capture.remote_id, recorded, taken)


def _invoiced(books: Books, settled_before: datetime) -> Iterator[Difference]:
    """The kept payment, less what was given back, against the state that invoice and corrections have led to."""
    state = books.state
    kept = next((capture for capture in books.captures if capture.kept), None)
    back = [refund for refund in books.refunds if refund.kept and refund.status is RefundStatus.DONE]
    moved = [kept.captured_at, *(refund.settled_at for refund in back if refund.settled_at)] if kept else []
    if kept is None or max(moved) >= settled_before:
        return
    left = kept.amount - sum((refund.amount for refund in back), Decimal(0))
    expected = _figure(left, kept.currency)
    if books.invoices:
        latest = max(books.invoices, key=lambda invoice: invoice.sequence)
        invoiced = _figure(latest.gross, latest.currency)
        if invoiced != expected:
            yield Difference(state.case_id, DifferenceKind.INVOICE_DIFFERS, latest.number, expected, invoiced)
    elif state.invoice.status in {InvoiceStatus.AVAILABLE, InvoiceStatus.MANUAL} or state.parked or state.closed:
        return  # made outside, or in the hands of a person
    elif left:
        nothing = _figure(Decimal(0), kept.currency)
        yield Difference(state.case_id, DifferenceKind.PAID_NOT_INVOICED, kept.order_id, expected, nothing)


def _duplicates(books: Books, settled_before: datetime) -> Iterator[Difference]:
    for capture in books.captures:
        left = left_to_refund(capture, books.refunds)
        if capture.kept or capture.captured_at >= settled_before or left <= 0:
            continue
        owed, given = _figure(capture.amount, capture.currency), _figure(capture.amount - left, capture.currency)
        kind = DifferenceKind.DUPLICATE_NOT_REFUNDED
        yield Difference(books.state.case_id, kind, capture.remote_id, owed, given)


def _refunds(books: Books, settled_before: datetime) -> Iterator[Difference]:
    """Refunds that have ended on one side only, or on each in another way."""
    for refund in books.refunds:
        progress = books.progress.get(refund.message_id)
        if progress is None or (refund.settled_at or refund.requested_at) >= settled_before:
            continue
        here, there = refund.status is RefundStatus.DONE, progress.stage is RefundStage.DONE
        under_way = refund.status in {RefundStatus.REQUESTED, RefundStatus.QUEUED}
        if here == there or (under_way and refund.requested_at >= settled_before - REFUND_HEARD_WITHIN):
            continue
        ours, theirs = (refund.amount if done else Decimal(0) for done in (here, there))
        kind, currency = DifferenceKind.REFUND_DIFFERS, refund.currency
        subject = f"{refund.remote_id}/{refund.number}"
        yield Difference(books.state.case_id, kind, subject, _figure(ours, currency), _figure(theirs, currency))
