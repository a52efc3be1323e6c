"""Decisions of people about a case: what each means, and when it makes sense.

A decision is a row before it is anything else: recorded once under its key, numbered per case, and then handed to the
open run as an update of the same name, or to a `CaseAction` when the run has closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from invoicing.domain.interrupted import is_interrupted
from invoicing.domain.invoices import Fact
from invoicing.domain.records import Capture
from invoicing.domain.state import Badge, CaseState, InvoiceStatus, PaymentStatus, Step


class DecisionKind(StrEnum):
    """Names of the updates; `late_payment` is told by the gateway after the run has closed."""

    CORRECT_BILLING_DATA = "correct_billing_data"
    REGENERATE_INVOICE = "regenerate_invoice"
    RESEND_INVOICE = "resend_invoice"
    RESEND_NOTIFICATION = "resend_notification"
    ATTACH_INVOICE = "attach_invoice"
    CORRECT_INVOICE = "correct_invoice"
    REFUND = "refund"
    GIVE_UP = "give_up"
    CHECK_PAYMENT_NOW = "check_payment_now"
    EXTERNAL_PAYMENT = "external_payment"
    LATE_PAYMENT = "late_payment"


class Decided(Fact):
    """A recorded decision. `body` holds what it needs (amounts, revisions, hashes, lines, an address to mail to)."""

    case_id: str
    number: int
    key: str
    kind: DecisionKind
    actor: str
    decided_at: datetime
    body: dict[str, str] = Field(default_factory=dict)


class RefundStatus(StrEnum):
    """Life of a refund. Requested: the intent is written. Queued: the gateway accepted it, nothing has moved yet."""

    REQUESTED = "requested"
    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class Refund(Fact):
    """Money on its way back, keyed by the gateway transaction and a number; `message_id` makes asking idempotent.

    Settled: it has arrived or failed. Ended: the client was told and the document followed, so nothing is left to do.
    """

    case_id: str
    number: int
    service_id: str
    remote_id: str
    message_id: str
    amount: Decimal
    currency: str
    kept: bool
    status: RefundStatus
    reason: str | None = None
    code: str | None = None
    requested_at: datetime
    settled_at: datetime | None = None
    ended_at: datetime | None = None


def left_to_refund(capture: Capture, refunds: Sequence[Refund]) -> Decimal:
    """What of a captured payment has not been given back and is not on its way back."""
    gone = sum(
        (r.amount for r in refunds if r.remote_id == capture.remote_id and r.status is not RefundStatus.FAILED),
        Decimal(0),
    )
    return capture.amount - gone


def left_to_decide(
    capture: Capture, refunds: Sequence[Refund], to_begin: Sequence[Decided], kept_id: str | None
) -> Decimal:
    """What of a captured payment nobody has decided to give back; `kept_id` is meant where a decision names none."""
    left = left_to_refund(capture, refunds)
    for decided in to_begin:
        if decided.body.get("remote_id", kept_id) == capture.remote_id:
            left -= Decimal(decided.body["amount"]) if "amount" in decided.body else left
    return max(left, Decimal(0))


def is_given_back(capture: Capture, refunds: Sequence[Refund]) -> bool:
    """Whether all of a captured payment has arrived back; what is still on its way may fail."""
    mine = (r for r in refunds if r.remote_id == capture.remote_id and r.status is RefundStatus.DONE)
    return sum((refund.amount for refund in mine), Decimal(0)) >= capture.amount


def made_up_for(failed: Refund, done: Refund, left: Decimal) -> bool:
    """Whether a refund that failed needs nobody any more: its amount went back after all, or cannot go any more."""
    same = failed.status is RefundStatus.FAILED and failed.remote_id == done.remote_id
    return same and (failed.amount == done.amount or failed.amount > left)


class WhyNot(StrEnum):
    """Why a decision makes no sense now. Each is a sentence `problem.{value}` in every language."""

    INVOICE_ISSUED = "invoice_issued"
    MONEY_GIVEN_BACK = "money_given_back"
    NO_INVOICE_WAITS = "no_invoice_waits"
    NO_DOCUMENT = "no_document"
    NO_FAILED_MAIL = "no_failed_mail"
    NO_EXPERT_ADDRESS = "no_expert_address"
    NO_ATTACHMENT_AWAITED = "no_attachment_awaited"
    CORRECTED_BY_AUTHOR = "corrected_by_author"
    NO_INVOICE_ISSUED = "no_invoice_issued"
    NOTHING_TO_REFUND = "nothing_to_refund"
    NO_FAILED_REFUND = "no_failed_refund"
    CORRECTION_WAITS = "correction_waits"
    NOTHING_WAITS = "nothing_waits"
    NO_PAYMENT_AWAITED = "no_payment_awaited"
    PAID_ALREADY = "already_paid"


_STOPPED = frozenset({Step.VALIDATE, Step.INVOICE})
_AFTER_INVOICE = frozenset({Step.EMAIL, Step.NOTIFY})


def would_invoice_nothing(state: CaseState) -> bool:
    """Whether an invoice that is made now would tell of a sale whose money is back with the client."""
    return Badge.REFUNDED in state.badges and not state.invoiced


def refusal(kind: DecisionKind, state: CaseState, left: Decimal, *, untold: bool = False) -> WhyNot | None:
    """Why a decision makes no sense in the present state, or None when it does.

    `left` is what can be refunded; `untold` says that a mail to the expert is on the failed list.
    """
    parked = state.parked
    gone = is_interrupted(state)
    stopped = gone or state.held or (parked is not None and parked.step in _STOPPED)
    by_hand = state.invoice.status is InvoiceStatus.MANUAL
    match kind:
        case DecisionKind.CORRECT_BILLING_DATA:
            allowed, why = state.invoice.number is None and not state.invoiced, WhyNot.INVOICE_ISSUED
            if would_invoice_nothing(state):
                allowed, why = False, WhyNot.MONEY_GIVEN_BACK
        case DecisionKind.REGENERATE_INVOICE:
            waits = state.paid and not state.invoiced and (stopped or state.closed)
            told = parked is not None and parked.step in _AFTER_INVOICE
            allowed, why = waits or gone or told, WhyNot.NO_INVOICE_WAITS
            if would_invoice_nothing(state):
                allowed, why = False, WhyNot.MONEY_GIVEN_BACK
        case DecisionKind.RESEND_INVOICE:
            allowed, why = state.invoice.sha256 is not None, WhyNot.NO_DOCUMENT
        case DecisionKind.RESEND_NOTIFICATION:
            allowed, why = untold, WhyNot.NO_FAILED_MAIL
        case DecisionKind.ATTACH_INVOICE:
            allowed, why = state.paid and (by_hand or (not state.invoiced and stopped)), WhyNot.NO_ATTACHMENT_AWAITED
        case DecisionKind.CORRECT_INVOICE:
            issued = state.invoice.status is InvoiceStatus.AVAILABLE and state.invoice.sha256 is not None
            allowed, why = issued, WhyNot.CORRECTED_BY_AUTHOR if by_hand else WhyNot.NO_INVOICE_ISSUED
        case DecisionKind.REFUND:
            allowed, why = left > 0, WhyNot.NOTHING_TO_REFUND
        case DecisionKind.GIVE_UP:
            allowed, why = parked is not None or state.held, WhyNot.NOTHING_WAITS
        case DecisionKind.CHECK_PAYMENT_NOW:
            asked = state.payment.status in {PaymentStatus.OPEN, PaymentStatus.FAILED}
            allowed, why = asked or (parked is not None and parked.step is Step.CHARGE), WhyNot.NO_PAYMENT_AWAITED
        case DecisionKind.EXTERNAL_PAYMENT:
            allowed, why = not state.paid, WhyNot.PAID_ALREADY
        case DecisionKind.LATE_PAYMENT:
            return None
    return None if allowed else why


NEVER_REDONE = (Step.VALIDATE, Step.CHARGE)
"""Steps to which no run goes back: money that has moved does not move back by a run."""


def redo_refusal(step: Step, state: CaseState) -> str | None:
    """Why a run may not go back to just before a step, or None when it may."""
    if step in NEVER_REDONE:
        return f"{step.value} is never redone: what it does for the money stands, use `check-payment` or `correct`"
    if not state.paid:
        return "the case is not paid: everything that its run could redo is charge"
    if step is Step.INVOICE and not state.invoiced:
        if would_invoice_nothing(state):
            return "the money was given back: an invoice would be for nothing"
        if state.closed:
            return "the case is closed without an invoice, given up or cancelled: only `regenerate` begins again"
    return None
