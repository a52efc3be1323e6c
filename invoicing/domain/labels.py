"""What each person sees: one pure function of the state record (SPEC section 2).

Returns keys and codes, never sentences; the edges translate the keys with `invoicing.locale`. Pages, mails, API and
commands all come through here, so that no two of them can disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from invoicing.domain.decisions import DecisionKind, refusal
from invoicing.domain.state import Badge, CaseState, InvoiceStatus, PaymentStatus, Step


class Role(StrEnum):
    """Who is looking."""

    SERVICE = "service"
    OPS = "ops"
    EXPERT = "expert"
    CLIENT = "client"


class Action(StrEnum):
    """What somebody may do next."""

    PAY = "pay"
    RESUME_PAYMENT = "resume_payment"
    PAY_AGAIN = "pay_again"
    DOWNLOAD = "download"
    CORRECT_BILLING_DATA = "correct_billing_data"
    REGENERATE_INVOICE = "regenerate_invoice"
    RESEND_INVOICE = "resend_invoice"
    ATTACH_INVOICE = "attach_invoice"
    REFUND = "refund"
    GIVE_UP = "give_up"
    CHECK_PAYMENT_NOW = "check_payment_now"


@dataclass(frozen=True, slots=True)
class View:
    """Codes and text keys of the labels; `None` for an empty label or cell."""

    case_status: str
    case_status_key: str
    payment_status: str
    payment_key: str | None
    invoice_status: str
    invoice_key: str | None
    reason_key: str | None
    actions: tuple[Action, ...]


_PAYMENT_KEYS = {
    PaymentStatus.NONE: None,
    PaymentStatus.OPEN: "payment.open",
    PaymentStatus.FAILED: "payment.failed",
    PaymentStatus.COMPLETED: "payment.completed",
}

_UNPAID_CELLS = {
    PaymentStatus.NONE: ("none", None),
    PaymentStatus.OPEN: ("resume_payment", "invoice.resume_payment"),
    PaymentStatus.FAILED: ("pay_again", "invoice.pay_again"),
}

_PAID_CELLS = {
    InvoiceStatus.NONE: ("generating", "invoice.generating"),
    InvoiceStatus.GENERATING: ("generating", "invoice.generating"),
    InvoiceStatus.AVAILABLE: ("available", "invoice.available"),
    InvoiceStatus.MANUAL: ("manual", None),
    InvoiceStatus.FAILED: ("failed", None),
}

_PAYING = {
    PaymentStatus.NONE: (Action.PAY,),
    PaymentStatus.OPEN: (Action.RESUME_PAYMENT,),
    PaymentStatus.FAILED: (Action.PAY_AGAIN,),
    PaymentStatus.COMPLETED: (),
}


_MAY_DECIDE = {
    Action.CORRECT_BILLING_DATA: {Role.CLIENT, Role.SERVICE, Role.OPS},
    Action.REGENERATE_INVOICE: {Role.EXPERT, Role.OPS},
    Action.RESEND_INVOICE: {Role.EXPERT, Role.OPS},
    Action.ATTACH_INVOICE: {Role.EXPERT, Role.OPS},
    Action.REFUND: {Role.OPS},
    Action.GIVE_UP: {Role.OPS},
    Action.CHECK_PAYMENT_NOW: {Role.OPS},
}
"""Who may take which decision (SPEC section 6)."""


def may_ever(role: Role, action: Action) -> bool:
    """Whether a role may take an action in any state at all."""
    paying = {Action.PAY, Action.RESUME_PAYMENT, Action.PAY_AGAIN}
    return role in _MAY_DECIDE.get(action, {Role.CLIENT, Role.SERVICE} if action in paying else set(Role))


def _refundable(state: CaseState) -> Decimal:
    """Something or nothing; the exact sum is judged when a refund is decided."""
    through_gateway = state.paid and state.payment.remote_id is not None and Badge.REFUNDED not in state.badges
    return Decimal(1) if through_gateway else Decimal(0)


def _wants_data(state: CaseState, role: Role) -> bool:
    """Whether correcting the buyer's data may help; of a failed invoice the client is asked if a fault names them."""
    if state.parked is None or role is not Role.CLIENT or state.parked.step is Step.VALIDATE:
        return state.parked is not None
    return any(path.startswith("billing_data") for path, _ in state.parked.faults)


def view(state: CaseState, role: Role) -> View:
    """The labels of a case for one role, and the actions open to it."""
    cell = _PAID_CELLS[state.invoice.status] if state.paid else _UNPAID_CELLS[state.payment.status]
    return View(
        case_status="in_preparation" if state.paid else "in_analysis",
        case_status_key="case.in_preparation" if state.paid else "case.in_analysis",
        payment_status=state.payment.status.value,
        payment_key=_PAYMENT_KEYS[state.payment.status],
        invoice_status=cell[0],
        invoice_key=cell[1],
        reason_key="invoice.failed_reason" if cell[0] == "failed" else None,
        actions=actions(state, role),
    )


def actions(state: CaseState, role: Role) -> tuple[Action, ...]:
    """What this role may do now with this case, in the order of `Action`."""
    allowed: set[Action] = set()
    has_document = state.invoice.sha256 is not None
    if role in {Role.CLIENT, Role.SERVICE}:
        allowed.update(_PAYING[state.payment.status])
    if has_document:
        allowed.add(Action.DOWNLOAD)
    for action, roles in _MAY_DECIDE.items():
        if role in roles and refusal(DecisionKind(action.value), state, _refundable(state)) is None:
            allowed.add(action)
    if not _wants_data(state, role):  # they may be corrected before the invoice exists, but nobody is asked to
        allowed.discard(Action.CORRECT_BILLING_DATA)
    return tuple(action for action in Action if action in allowed)
