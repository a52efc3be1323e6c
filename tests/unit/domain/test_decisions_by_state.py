"""When each decision makes sense: a table of kinds and states, whole, and every refusal says why."""

from decimal import Decimal
from typing import Any

import pytest

from invoicing.domain.decisions import DecisionKind, refusal
from invoicing.domain.state import (
    Badge,
    CaseState,
    InvoiceState,
    InvoiceStatus,
    Parked,
    PaymentState,
    Step,
    closed_unpaid,
    given_up,
)
from invoicing.domain.state import PaymentStatus as P
from invoicing.errors import Cause
from tests.unit.domain.samples import state

K = DecisionKind
OPEN, FAILED = PaymentState(status=P.OPEN, attempt=1), PaymentState(status=P.FAILED, attempt=1)
PAID = PaymentState(status=P.COMPLETED, attempt=1, remote_id="9A")
GENERATING = InvoiceState(status=InvoiceStatus.GENERATING)
ROUND_FAILED = InvoiceState(status=InvoiceStatus.FAILED, attempts=3, reason="invoice_failed")
STORED = InvoiceState(status=InvoiceStatus.AVAILABLE, number="FV/1", sha256="0" * 64, attempts=1)
BY_HAND = InvoiceState(status=InvoiceStatus.MANUAL)
ATTACHED = InvoiceState(status=InvoiceStatus.MANUAL, sha256="1" * 64)


def stopped(step: Step, code: str = "internal") -> Parked:
    return Parked(step=step, cause=Cause.INTERNAL, code=code, attempts=3)


def case(**changes: Any) -> CaseState:
    return state().model_copy(update=changes)


ALWAYS = {K.LATE_PAYMENT}
"""Money is money, whenever it comes."""

UNPAID = {*ALWAYS, K.CORRECT_BILLING_DATA, K.EXTERNAL_PAYMENT}

TABLE: dict[str, tuple[CaseState, bool, set[DecisionKind]]] = {
    # state, whether money is left to give back, what makes sense
    "priced": (case(), False, UNPAID),
    "waits for the money": (case(payment=OPEN), False, {*UNPAID, K.CHECK_PAYMENT_NOW}),
    "attempt failed": (case(payment=FAILED), False, {*UNPAID, K.CHECK_PAYMENT_NOW}),
    "closed as unpaid": (closed_unpaid(case(payment=FAILED)), False, {*UNPAID, K.CHECK_PAYMENT_NOW}),
    "unpaid, parked at validate": (case(parked=stopped(Step.VALIDATE)), False, {*UNPAID, K.GIVE_UP}),
    "unpaid, parked at charge": (
        case(payment=FAILED, parked=stopped(Step.CHARGE)), False, {*UNPAID, K.CHECK_PAYMENT_NOW, K.GIVE_UP},
    ),
    "unpaid, run lost": (
        case(payment=OPEN, parked=stopped(Step.CHARGE, "run_lost"), closed=True), False,
        {*UNPAID, K.CHECK_PAYMENT_NOW, K.GIVE_UP, K.REGENERATE_INVOICE},
    ),
    "paid, generating": (case(payment=PAID, invoice=GENERATING), True, {*ALWAYS, K.CORRECT_BILLING_DATA, K.REFUND}),
    "paid, held for the provider": (
        case(payment=PAID, invoice=GENERATING, held=True), True,
        {*ALWAYS, K.CORRECT_BILLING_DATA, K.REFUND, K.REGENERATE_INVOICE, K.ATTACH_INVOICE, K.GIVE_UP},
    ),
    "paid, parked at validate": (
        case(payment=PAID, invoice=GENERATING, parked=stopped(Step.VALIDATE)), True,
        {*ALWAYS, K.CORRECT_BILLING_DATA, K.REFUND, K.REGENERATE_INVOICE, K.ATTACH_INVOICE, K.GIVE_UP},
    ),
    "paid, parked at invoice": (
        case(payment=PAID, invoice=ROUND_FAILED, parked=stopped(Step.INVOICE)), True,
        {*ALWAYS, K.CORRECT_BILLING_DATA, K.REFUND, K.REGENERATE_INVOICE, K.ATTACH_INVOICE, K.GIVE_UP},
    ),
    "parked at invoice, refunded": (
        case(payment=PAID, invoice=ROUND_FAILED, parked=stopped(Step.INVOICE), badges=(Badge.REFUNDED,)), False,
        {*ALWAYS, K.ATTACH_INVOICE, K.GIVE_UP},
    ),
    "given up": (
        given_up(case(payment=PAID, invoice=ROUND_FAILED, parked=stopped(Step.INVOICE))), True,
        {*ALWAYS, K.CORRECT_BILLING_DATA, K.REFUND, K.REGENERATE_INVOICE},
    ),
    "invoiced, parked at e-mail": (
        case(payment=PAID, invoice=STORED, parked=stopped(Step.EMAIL)), True,
        {*ALWAYS, K.REFUND, K.RESEND_INVOICE, K.CORRECT_INVOICE, K.GIVE_UP, K.REGENERATE_INVOICE},
    ),
    "invoiced, run lost": (
        case(payment=PAID, invoice=STORED, parked=stopped(Step.EMAIL, "run_lost"), closed=True), True,
        {*ALWAYS, K.REFUND, K.RESEND_INVOICE, K.CORRECT_INVOICE, K.GIVE_UP, K.REGENERATE_INVOICE},
    ),
    "done": (
        case(payment=PAID, invoice=STORED, closed=True), True,
        {*ALWAYS, K.REFUND, K.RESEND_INVOICE, K.CORRECT_INVOICE},
    ),
    "done and refunded": (
        case(payment=PAID, invoice=STORED, closed=True, badges=(Badge.REFUNDED,)), False,
        {*ALWAYS, K.RESEND_INVOICE, K.CORRECT_INVOICE},
    ),
    "by hand": (case(payment=PAID, invoice=BY_HAND, closed=True), True, {*ALWAYS, K.REFUND, K.ATTACH_INVOICE}),
    "by hand, attached": (
        case(payment=PAID, invoice=ATTACHED, closed=True), True,
        {*ALWAYS, K.REFUND, K.ATTACH_INVOICE, K.RESEND_INVOICE},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", K)
@pytest.mark.parametrize("name", TABLE)
def test_a_decision_is_taken_exactly_where_it_makes_sense(name: str, kind: DecisionKind) -> None:
    before, refundable, allowed = TABLE[name]
    why = refusal(kind, before, Decimal(10 if refundable else 0))
    assert (why is None) == (kind in allowed), why


@pytest.mark.parametrize("name", TABLE)
def test_an_expert_is_mailed_again_exactly_where_a_mail_to_him_has_failed(name: str) -> None:
    assert refusal(K.RESEND_NOTIFICATION, TABLE[name][0], Decimal(0), untold=True) is None


def test_every_kind_makes_sense_somewhere_and_all_but_late_money_are_refused_somewhere() -> None:
    assert set().union(*(allowed for _, _, allowed in TABLE.values())) == set(K) - {K.RESEND_NOTIFICATION}
    assert set(K).intersection(*(allowed for _, _, allowed in TABLE.values())) == ALWAYS
