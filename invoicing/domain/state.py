"""The state record: the one row of a case from which everything that people see is derived.

Only activities write it, by compare-and-set on `version`. Transitions are functions here: they take a record and return
the next one, and keep two promises: a completed payment never becomes anything else, and an available invoice stays.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from invoicing.domain.invoices import Fact
from invoicing.errors import Cause


class PaymentStatus(StrEnum):
    """What is known of the money."""

    NONE = "none"
    OPEN = "open"
    FAILED = "failed"
    COMPLETED = "completed"


class InvoiceStatus(StrEnum):
    """Where the invoice stands once the case is paid."""

    NONE = "none"
    GENERATING = "generating"
    AVAILABLE = "available"
    MANUAL = "manual"
    FAILED = "failed"


class Badge(StrEnum):
    """Facts beside the labels; never a sixth invoice cell."""

    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    DISPUTED = "disputed"
    CORRECTED = "corrected"
    AWAITING_KSEF = "awaiting_ksef"
    DECISION_NEEDED = "decision_needed"
    UNPAID = "unpaid"


class Step(StrEnum):
    """The five activities by their contract names."""

    VALIDATE = "validate_billing_data"
    CHARGE = "charge"
    INVOICE = "generate_invoice"
    EMAIL = "email_invoice"
    NOTIFY = "notify_expert"


class PaymentState(Fact):
    """`attempt` counts Autopay transactions from 1; amounts are in `currency`."""

    status: PaymentStatus = PaymentStatus.NONE
    attempt: int = 0
    remote_id: str | None = None
    paid_at: datetime | None = None
    reference: str | None = None


class InvoiceState(Fact):
    """`attempts` counts tries of the present round; `round` counts rounds of three; `issuer` is who issued it."""

    status: InvoiceStatus = InvoiceStatus.NONE
    number: str | None = None
    issued_on: date | None = None
    attempts: int = 0
    round: int = 1
    sha256: str | None = None
    reason: str | None = None
    issuer: str | None = None


class Parked(Fact):
    """A step that waits, without time limit, for a person; with an unknown outcome it is looked for meanwhile."""

    step: Step
    cause: Cause
    code: str
    attempts: int
    faults: tuple[tuple[str, str], ...] = ()
    outcome_known: bool = True


class CaseState(Fact):
    """The state record. Amounts are in `currency`; `closed` says that its run has ended, `held` that its invoice waits
    for the issuer's provider and that no attempt of the round has begun."""

    case_id: str
    version: int = 0
    currency: str
    net: Decimal | None = None
    vat: Decimal | None = None
    gross: Decimal | None = None
    payment: PaymentState = PaymentState()
    invoice: InvoiceState = InvoiceState()
    parked: Parked | None = None
    badges: tuple[Badge, ...] = ()
    expert_told: bool = False
    closed: bool = False
    held: bool = False

    @property
    def paid(self) -> bool:
        """The case has its kept payment."""
        return self.payment.status is PaymentStatus.COMPLETED

    @property
    def invoiced(self) -> bool:
        """The client has, or will get by hand, his document."""
        return self.invoice.status in {InvoiceStatus.AVAILABLE, InvoiceStatus.MANUAL}


def with_badges(state: CaseState, *, add: tuple[Badge, ...] = (), drop: tuple[Badge, ...] = ()) -> CaseState:
    """The record with badges added and dropped, in the order of `Badge`."""
    kept = (set(state.badges) | set(add)) - set(drop)
    return state.model_copy(update={"badges": tuple(badge for badge in Badge if badge in kept)})


def payment_opened(state: CaseState, attempt: int) -> CaseState:
    """An attempt is open; a completed payment and a newer attempt stay what they are."""
    if state.paid or attempt < state.payment.attempt:
        return state
    opened = _payment(state, PaymentStatus.OPEN, attempt).model_copy(update={"closed": False})
    return with_badges(opened, drop=(Badge.UNPAID,))


def payment_failed(state: CaseState, attempt: int) -> CaseState:
    """The attempt ended without money; an older attempt's end does not touch a newer one."""
    return state if attempt < state.payment.attempt else _payment(state, PaymentStatus.FAILED, attempt)


def _payment(state: CaseState, status: PaymentStatus, attempt: int) -> CaseState:
    if state.paid:
        return state
    payment = state.payment.model_copy(update={"status": status, "attempt": max(attempt, state.payment.attempt)})
    return state.model_copy(update={"payment": payment})


def payment_completed(
    state: CaseState, *, attempt: int, remote_id: str | None, paid_at: datetime, reference: str
) -> CaseState:
    """The kept payment has come. Final: a second call changes nothing."""
    if state.paid:
        return state
    payment = PaymentState(
        status=PaymentStatus.COMPLETED,
        attempt=max(attempt, state.payment.attempt),
        remote_id=remote_id,
        paid_at=paid_at,
        reference=reference,
    )
    invoice = state.invoice.model_copy(update={"status": InvoiceStatus.GENERATING})
    paid = state.model_copy(update={"payment": payment, "invoice": invoice, "closed": False})
    return with_badges(paid, drop=(Badge.UNPAID,))


def invoice_available(
    state: CaseState, *, number: str, issued_on: date, sha256: str, attempts: int, issuer: str | None = None
) -> CaseState:
    """The client can download his invoice."""
    invoice = state.invoice.model_copy(
        update={
            "status": InvoiceStatus.AVAILABLE,
            "number": number,
            "issued_on": issued_on,
            "sha256": sha256,
            "attempts": max(attempts, 1),
            "reason": None,
            "issuer": issuer,
        }
    )
    return state.model_copy(update={"invoice": invoice})


def invoice_by_hand(state: CaseState) -> CaseState:
    """The expert sends the invoice himself; one that is available stays."""
    if state.invoice.status is InvoiceStatus.AVAILABLE:
        return state
    return state.model_copy(
        update={"invoice": state.invoice.model_copy(update={"status": InvoiceStatus.MANUAL, "reason": None})}
    )


def invoice_attached(state: CaseState, sha256: str) -> CaseState:
    """The expert's own document is the invoice; its number and date are his. An issued one stays."""
    if state.invoice.status is InvoiceStatus.AVAILABLE:
        return state
    attached = {"status": InvoiceStatus.MANUAL, "sha256": sha256, "reason": None}
    return state.model_copy(update={"invoice": state.invoice.model_copy(update=attached)})


def given_up(state: CaseState) -> CaseState:
    """A person has decided that nothing more is tried; the run ends, money and documents stay as they are."""
    ended = unparked(state).model_copy(update={"closed": True})
    if not state.paid or state.invoiced:
        return ended
    without = {"status": InvoiceStatus.FAILED, "reason": "invoice_failed"}
    return ended.model_copy(update={"invoice": state.invoice.model_copy(update=without)})


def parked(state: CaseState, why: Parked) -> CaseState:
    """The step waits for a person. A failed round of invoicing empties the cell and gives the reason on request.

    A round whose outcome is unknown has not failed: the client goes on seeing that his invoice is being generated.
    """
    waiting = state.model_copy(update={"parked": why})
    if why.step is Step.INVOICE and state.paid and not state.invoiced:
        ended = {"status": InvoiceStatus.GENERATING, "attempts": why.attempts, "reason": None}
        if why.outcome_known:
            ended |= {"status": InvoiceStatus.FAILED, "reason": "invoice_failed"}
        waiting = waiting.model_copy(update={"invoice": state.invoice.model_copy(update=ended)})
    return with_badges(waiting, add=(Badge.DECISION_NEEDED,))


def unparked(state: CaseState) -> CaseState:
    """The step went on; nothing waits for a person any more."""
    return with_badges(state.model_copy(update={"parked": None}), drop=(Badge.DECISION_NEEDED,))


def resumed(state: CaseState) -> CaseState:
    """A person has decided: the step is tried again, an invoice with three fresh attempts."""
    going = unparked(state)
    if state.invoice.status is InvoiceStatus.FAILED:
        fresh = {"status": InvoiceStatus.GENERATING, "attempts": 0, "round": state.invoice.round + 1, "reason": None}
        going = going.model_copy(update={"invoice": state.invoice.model_copy(update=fresh)})
    elif state.parked is not None and state.parked.step is Step.INVOICE and not state.invoiced:
        going = going.model_copy(update={"invoice": state.invoice.model_copy(update={"attempts": 0})})
    return going


def closed_unpaid(state: CaseState) -> CaseState:
    """Nobody paid for so long that the run ends; paying may begin again."""
    if state.paid:
        return state
    return with_badges(
        state.model_copy(update={"closed": True, "parked": None}), add=(Badge.UNPAID,), drop=(Badge.DECISION_NEEDED,)
    )
