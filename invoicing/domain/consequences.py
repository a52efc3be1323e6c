"""What a failure means for the case: money, documents, who acts and how, in closed sets.

The table of failures says what a code itself does to them; where it says nothing, the state record does.
"""

from __future__ import annotations

from enum import StrEnum

from invoicing.domain.state import Badge, CaseState, InvoiceStatus, PaymentStatus, Step


class Money(StrEnum):
    """What was and was not done to the client's money."""

    NOT_CHARGED = "not_charged"
    OPEN = "open"
    MAY_BE_CHARGED = "may_be_charged"
    KEPT = "kept"
    PAID_TWICE = "paid_twice"
    NOT_REFUNDED = "not_refunded"
    MAY_BE_REFUNDED = "may_be_refunded"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    NOT_MOVED = "not_moved"


class Documents(StrEnum):
    """What was and was not done to the invoice of the case."""

    NONE = "no_invoice"
    MAY_EXIST = "may_exist"
    STORED = "stored"
    BY_HAND = "by_hand"
    NOT_CORRECTED = "not_corrected"


class AnswerClass(StrEnum):
    """What the other side said: nothing was asked, a definite no, not reached, later, or an answer that was lost."""

    NOT_ASKED = "not_asked"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    LATER = "later"
    LOST = "lost"


class Who(StrEnum):
    """Who has to act next; nobody, when it is tried again by itself."""

    NOBODY = "nobody"
    CLIENT = "client"
    EXPERT = "expert"
    OPS = "ops"
    ADMINISTRATOR = "administrator"
    ENGINEER = "engineer"


class Plain(StrEnum):
    """What client and expert are told instead of the code's own meaning: no blame and nothing internal."""

    DATA = "data"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_CHECKED = "payment_checked"
    PAYMENT_LATER = "payment_later"
    PAID_TWICE = "paid_twice"
    INVOICE_FAILED = "invoice_failed"
    INVOICE_SETTINGS = "invoice_settings"
    INVOICE_CHECKED = "invoice_checked"
    INVOICE_LATER = "invoice_later"
    MAIL_LATER = "mail_later"
    MAIL_FAILED = "mail_failed"
    MAIL_CHECKED = "mail_checked"
    REFUND_LATER = "refund_later"
    CORRECTION = "correction"
    OURS = "ours"


def money_of(state: CaseState, step: Step | None, *, outcome_known: bool, refunding: bool = False) -> Money:
    """What the state record says of the money, after a failure of this step."""
    if refunding:
        return Money.NOT_REFUNDED if outcome_known else Money.MAY_BE_REFUNDED
    if not state.paid:
        if step is Step.CHARGE and not outcome_known:
            return Money.MAY_BE_CHARGED
        return Money.OPEN if state.payment.status is PaymentStatus.OPEN else Money.NOT_CHARGED
    if Badge.REFUNDED in state.badges:
        return Money.REFUNDED
    return Money.PARTLY_REFUNDED if Badge.PARTLY_REFUNDED in state.badges else Money.KEPT


def documents_of(state: CaseState, step: Step | None, *, outcome_known: bool) -> Documents:
    """What the state record says of the invoice, after a failure of this step."""
    if state.invoice.sha256 is not None or state.invoice.status is InvoiceStatus.AVAILABLE:
        return Documents.STORED
    if state.invoice.status is InvoiceStatus.MANUAL:
        return Documents.BY_HAND
    return Documents.MAY_EXIST if step is Step.INVOICE and not outcome_known else Documents.NONE
