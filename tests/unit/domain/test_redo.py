"""Going back to a step: refused where it would touch the payment, or make an invoice that nobody owes."""

from datetime import UTC, date, datetime

import pytest

from invoicing.domain.decisions import NEVER_REDONE, redo_refusal
from invoicing.domain.state import (
    Badge,
    CaseState,
    Step,
    given_up,
    invoice_available,
    payment_completed,
    with_badges,
)

UNPAID = CaseState(case_id="r-1", currency="PLN")
PAID = payment_completed(UNPAID, attempt=1, remote_id="R", paid_at=datetime(2026, 11, 22, tzinfo=UTC), reference="r")
INVOICED = invoice_available(PAID, number="FV/1", issued_on=date(2026, 11, 22), sha256="0", attempts=1)
REFUNDED = with_badges(PAID, add=(Badge.REFUNDED,))


@pytest.mark.parametrize("state", [UNPAID, PAID, INVOICED])
@pytest.mark.parametrize("step", NEVER_REDONE)
def test_charge_and_what_is_before_it_are_never_redone(step: Step, state: CaseState) -> None:
    assert "never redone" in str(redo_refusal(step, state))


@pytest.mark.parametrize("step", [step for step in Step if step not in NEVER_REDONE])
def test_later_steps_of_a_paid_case_may_be_redone_and_those_of_an_unpaid_one_not(step: Step) -> None:
    assert redo_refusal(step, PAID) is None
    assert redo_refusal(step, INVOICED) is None
    assert redo_refusal(step, INVOICED.model_copy(update={"closed": True})) is None
    assert "not paid" in str(redo_refusal(step, UNPAID))


def test_no_invoice_is_made_by_a_redo_for_money_that_was_given_back_or_a_case_given_up() -> None:
    assert "given back" in str(redo_refusal(Step.INVOICE, REFUNDED))
    assert "`regenerate`" in str(redo_refusal(Step.INVOICE, given_up(PAID)))
    assert redo_refusal(Step.INVOICE, with_badges(INVOICED, add=(Badge.REFUNDED,))) is None
