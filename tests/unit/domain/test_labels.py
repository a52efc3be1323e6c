"""The truth table of what people see, row by row, for every role."""

from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from invoicing.domain.labels import Action, Role, actions, view
from invoicing.domain.state import (
    Badge,
    CaseState,
    Parked,
    Step,
    closed_unpaid,
    invoice_available,
    invoice_by_hand,
    parked,
    payment_completed,
    payment_failed,
    payment_opened,
    with_badges,
)
from invoicing.errors import Cause
from tests.unit.domain.samples import NOW, state

CLIENT, SERVICE, EXPERT, OPS = Role.CLIENT, Role.SERVICE, Role.EXPERT, Role.OPS
PAY, RESUME, AGAIN, DOWNLOAD = Action.PAY, Action.RESUME_PAYMENT, Action.PAY_AGAIN, Action.DOWNLOAD
CORRECT, REGENERATE = Action.CORRECT_BILLING_DATA, Action.REGENERATE_INVOICE
RESEND, ATTACH, REFUND = Action.RESEND_INVOICE, Action.ATTACH_INVOICE, Action.REFUND
GIVE_UP, CHECK = Action.GIVE_UP, Action.CHECK_PAYMENT_NOW


def why(step: Step, faults: tuple[tuple[str, str], ...] = ()) -> Parked:
    return Parked(step=step, cause=Cause.CONNECTIVITY, code="internal", attempts=3, faults=faults)


PRICED = state()
OPEN = payment_opened(PRICED, 1)
FAILED = payment_failed(OPEN, 1)
PAID = payment_completed(OPEN, attempt=1, remote_id="9ABC", paid_at=NOW, reference="9ABC")
INVOICED = invoice_available(PAID, number="FV/1/11/2026", issued_on=date(2026, 11, 22), sha256="0" * 64, attempts=1)
BY_HAND = invoice_by_hand(PAID)
ATTACHED = BY_HAND.model_copy(update={"invoice": BY_HAND.invoice.model_copy(update={"sha256": "0" * 64})})
GIVEN_UP = parked(PAID, why(Step.INVOICE))


@dataclass(frozen=True)
class Row:
    """One row of the table: the record, the four labels, and what each role may do."""

    case: CaseState
    case_status: str
    payment: tuple[str, str | None]
    invoice: tuple[str, str | None]
    reason: str | None = None
    may: dict[Role, tuple[Action, ...]] = field(default_factory=dict)


ROWS = {
    "priced, never clicked": Row(
        PRICED, "in_analysis", ("none", None), ("none", None), may={CLIENT: (PAY,), SERVICE: (PAY,)}
    ),
    "payment attempt open": Row(
        OPEN,
        "in_analysis",
        ("open", "payment.open"),
        ("resume_payment", "invoice.resume_payment"),
        may={CLIENT: (RESUME,), SERVICE: (RESUME,), OPS: (CHECK,)},
    ),
    "attempt cancelled, failed, expired": Row(
        FAILED,
        "in_analysis",
        ("failed", "payment.failed"),
        ("pay_again", "invoice.pay_again"),
        may={CLIENT: (AGAIN,), SERVICE: (AGAIN,), OPS: (CHECK,)},
    ),
    "nobody paid for a month": Row(
        closed_unpaid(FAILED),
        "in_analysis",
        ("failed", "payment.failed"),
        ("pay_again", "invoice.pay_again"),
        may={CLIENT: (AGAIN,), SERVICE: (AGAIN,), OPS: (CHECK,)},
    ),
    "paid, invoice being generated": Row(
        PAID,
        "in_preparation",
        ("completed", "payment.completed"),
        ("generating", "invoice.generating"),
        may={OPS: (REFUND,)},
    ),
    "paid, invoice stored": Row(
        INVOICED,
        "in_preparation",
        ("completed", "payment.completed"),
        ("available", "invoice.available"),
        may={
            CLIENT: (DOWNLOAD,),
            SERVICE: (DOWNLOAD,),
            EXPERT: (DOWNLOAD, RESEND),
            OPS: (DOWNLOAD, RESEND, REFUND),
        },
    ),
    "paid, issuer none": Row(
        BY_HAND,
        "in_preparation",
        ("completed", "payment.completed"),
        ("manual", None),
        may={EXPERT: (ATTACH,), OPS: (ATTACH, REFUND)},
    ),
    "paid, issuer none, attached": Row(
        ATTACHED,
        "in_preparation",
        ("completed", "payment.completed"),
        ("manual", None),
        may={
            CLIENT: (DOWNLOAD,),
            SERVICE: (DOWNLOAD,),
            EXPERT: (DOWNLOAD, RESEND, ATTACH),
            OPS: (DOWNLOAD, RESEND, ATTACH, REFUND),
        },
    ),
    "paid, three attempts failed": Row(
        GIVEN_UP,
        "in_preparation",
        ("completed", "payment.completed"),
        ("failed", None),
        reason="invoice.failed_reason",
        may={
            SERVICE: (CORRECT,),
            EXPERT: (REGENERATE, ATTACH),
            OPS: (CORRECT, REGENERATE, ATTACH, REFUND, GIVE_UP),
        },
    ),
    "paid, wFirma refused the buyer": Row(
        parked(PAID, why(Step.INVOICE, (("billing_data.tax_id", "bad_nip"),))),
        "in_preparation",
        ("completed", "payment.completed"),
        ("failed", None),
        reason="invoice.failed_reason",
        may={
            CLIENT: (CORRECT,),
            SERVICE: (CORRECT,),
            EXPERT: (REGENERATE, ATTACH),
            OPS: (CORRECT, REGENERATE, ATTACH, REFUND, GIVE_UP),
        },
    ),
    "already paid, stopped by its data": Row(
        parked(PAID, why(Step.VALIDATE)),
        "in_preparation",
        ("completed", "payment.completed"),
        ("generating", "invoice.generating"),
        may={
            CLIENT: (CORRECT,),
            SERVICE: (CORRECT,),
            EXPERT: (REGENERATE, ATTACH),
            OPS: (CORRECT, REGENERATE, ATTACH, REFUND, GIVE_UP),
        },
    ),
    "not paid, stopped by its data": Row(
        parked(PRICED, why(Step.VALIDATE)),
        "in_analysis",
        ("none", None),
        ("none", None),
        may={CLIENT: (PAY, CORRECT), SERVICE: (PAY, CORRECT), OPS: (CORRECT, GIVE_UP)},
    ),
    "invoiced, mail not delivered": Row(
        parked(INVOICED, why(Step.EMAIL)),
        "in_preparation",
        ("completed", "payment.completed"),
        ("available", "invoice.available"),
        may={
            CLIENT: (DOWNLOAD,),
            SERVICE: (DOWNLOAD,),
            EXPERT: (DOWNLOAD, REGENERATE, RESEND),
            OPS: (DOWNLOAD, REGENERATE, RESEND, REFUND, GIVE_UP),
        },
    ),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_a_state_is_shown_as_its_row_says(row: Row, role: Role) -> None:
    seen = view(row.case, role)
    assert (seen.case_status, seen.case_status_key) == (row.case_status, f"case.{row.case_status}")
    assert (seen.payment_status, seen.payment_key) == row.payment
    assert (seen.invoice_status, seen.invoice_key) == row.invoice
    assert seen.reason_key == row.reason


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_a_role_may_do_what_its_row_says_and_nothing_else(row: Row, role: Role) -> None:
    assert actions(row.case, role) == row.may.get(role, ())
    assert view(row.case, role).actions == row.may.get(role, ())


@pytest.mark.parametrize("badge", Badge)
@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_a_badge_changes_no_label(row: Row, badge: Badge) -> None:
    badged = with_badges(row.case, add=(badge,))
    for role in Role:
        shown, without = view(badged, role), view(row.case, role)
        assert replace(shown, actions=()) == replace(without, actions=())
        # what was given back whole cannot be given back again
        gone = {Action.REFUND} if badge is Badge.REFUNDED else set()
        if badge is Badge.REFUNDED and not row.case.invoiced:
            gone |= {Action.REGENERATE_INVOICE, Action.CORRECT_BILLING_DATA}  # nothing is left to invoice
        assert set(shown.actions) == set(without.actions) - gone


def test_the_invoice_cell_has_only_the_codes_of_the_contract() -> None:
    codes = {view(row.case, CLIENT).invoice_status for row in ROWS.values()}
    assert codes == set("none resume_payment pay_again generating available manual failed".split())


def test_the_roles_and_actions_are_those_of_the_contract() -> None:
    assert {role.value for role in Role} == {"service", "ops", "expert", "client"}
    assert [action.value for action in Action] == (
        "pay resume_payment pay_again download correct_billing_data regenerate_invoice resend_invoice "
        "attach_invoice refund give_up check_payment_now".split()
    )
