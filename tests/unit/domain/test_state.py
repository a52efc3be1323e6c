"""The state record: what a transition may change, and the two promises that none of them breaks."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from invoicing.domain.state import (
    Badge,
    CaseState,
    InvoiceState,
    InvoiceStatus,
    Parked,
    PaymentState,
    PaymentStatus,
    Step,
    closed_unpaid,
    given_up,
    invoice_available,
    invoice_by_hand,
    parked,
    payment_completed,
    payment_failed,
    payment_opened,
    resumed,
    with_badges,
)
from invoicing.errors import Cause
from tests.unit.domain.samples import NOW, state

WHY = Parked(step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="internal", attempts=3)
LOST = Parked(
    step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="issuer_outcome_unknown", attempts=3, outcome_known=False
)
DATA = Parked(
    step=Step.VALIDATE,
    cause=Cause.BILLING_DATA,
    code="billing_data_invalid",
    attempts=1,
    faults=(("billing_data.tax_id", "bad_nip"),),
)
MAIL = Parked(step=Step.EMAIL, cause=Cause.BILLING_DATA, code="mail_refused", attempts=1)


def completed(before: CaseState, attempt: int = 1, remote_id: str = "9ABC") -> CaseState:
    return payment_completed(before, attempt=attempt, remote_id=remote_id, paid_at=NOW, reference=remote_id)


def available(before: CaseState, attempts: int = 1) -> CaseState:
    return invoice_available(
        before, number="FV/1/11/2026", issued_on=date(2026, 11, 22), sha256="0" * 64, attempts=attempts
    )


FRESH = state()
OPENED = payment_opened(FRESH, 1)
FAILED = payment_failed(OPENED, 1)
PAID = completed(OPENED)
INVOICED = available(PAID)
STOPPED = parked(PAID, WHY)
BY_HAND = invoice_by_hand(PAID)

Transition = Callable[[CaseState], CaseState]
TRANSITIONS: dict[str, Transition] = {
    "opened": lambda s: payment_opened(s, 2),
    "failed": lambda s: payment_failed(s, 2),
    "completed again": lambda s: payment_completed(
        s, attempt=3, remote_id="8XYZ", paid_at=datetime(2027, 1, 1, tzinfo=UTC), reference="8XYZ"
    ),
    "parked by data": lambda s: parked(s, DATA),
    "parked by the invoice": lambda s: parked(s, WHY),
    "parked by a lost answer": lambda s: parked(s, LOST),
    "parked by mail": lambda s: parked(s, MAIL),
    "resumed": resumed,
    "invoiced": available,
    "by hand": invoice_by_hand,
    "closed unpaid": closed_unpaid,
    "badges": lambda s: with_badges(s, add=(Badge.DISPUTED,), drop=(Badge.UNPAID,)),
}


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("paid", [PAID, INVOICED, STOPPED, BY_HAND], ids=["paid", "invoiced", "parked", "by hand"])
def test_a_completed_payment_never_becomes_anything_else(paid: CaseState, name: str) -> None:
    assert TRANSITIONS[name](paid).payment == paid.payment


@pytest.mark.parametrize("name", sorted(set(TRANSITIONS) - {"by hand"}))
def test_an_available_invoice_stays(name: str) -> None:
    after = TRANSITIONS[name](INVOICED)
    assert (after.invoice.status, after.invoice.number) == (InvoiceStatus.AVAILABLE, "FV/1/11/2026")
    assert after.invoice.sha256 == INVOICED.invoice.sha256


@pytest.mark.parametrize("name", ["opened", "failed", "completed again", "closed unpaid"])
@pytest.mark.parametrize("paid", [PAID, INVOICED, STOPPED], ids=["paid", "invoiced", "parked"])
def test_news_about_money_change_nothing_at_all_on_a_paid_case(paid: CaseState, name: str) -> None:
    assert TRANSITIONS[name](paid) == paid


def test_a_transition_leaves_the_record_it_was_given_alone() -> None:
    before = PAID.model_dump()
    for transition in TRANSITIONS.values():
        transition(PAID)
    assert PAID.model_dump() == before


def test_no_transition_touches_the_version_because_only_the_database_counts_it() -> None:
    counted = PAID.model_copy(update={"version": 7})
    assert {transition(counted).version for transition in TRANSITIONS.values()} == {7}


def test_an_attempt_is_opened_fails_and_is_opened_anew() -> None:
    assert OPENED.payment == PaymentState(status=PaymentStatus.OPEN, attempt=1)
    assert FAILED.payment == PaymentState(status=PaymentStatus.FAILED, attempt=1)
    again = payment_opened(FAILED, 2)
    assert again.payment == PaymentState(status=PaymentStatus.OPEN, attempt=2)


def test_the_end_of_an_older_attempt_does_not_touch_a_newer_one() -> None:
    second = payment_opened(FAILED, 2)
    assert payment_failed(second, 1) == second


def test_a_payment_is_completed_with_its_time_and_reference_and_the_invoice_begins() -> None:
    assert PAID.payment == PaymentState(
        status=PaymentStatus.COMPLETED, attempt=1, remote_id="9ABC", paid_at=NOW, reference="9ABC"
    )
    assert PAID.invoice.status is InvoiceStatus.GENERATING
    assert PAID.paid
    assert not PAID.invoiced


def test_the_late_success_of_an_older_attempt_counts_and_keeps_the_newest_number() -> None:
    paid = completed(payment_opened(FAILED, 2), attempt=1)
    assert paid.paid
    assert paid.payment.attempt == 2


def test_a_success_before_the_gateways_answer_counts() -> None:
    assert completed(FRESH).paid


@pytest.mark.parametrize(
    ("attempts", "counted"), [(0, 1), (1, 1), (3, 3)], ids=["found, never tried", "first try", "third try"]
)
def test_an_invoice_is_available_with_number_day_and_attempts(attempts: int, counted: int) -> None:
    invoice = available(PAID, attempts).invoice
    assert (invoice.status, invoice.number, invoice.issued_on) == (
        InvoiceStatus.AVAILABLE,
        "FV/1/11/2026",
        date(2026, 11, 22),
    )
    assert (invoice.attempts, invoice.reason) == (counted, None)


def test_a_document_is_there_or_will_come_by_hand() -> None:
    assert INVOICED.invoiced
    assert BY_HAND.invoiced
    assert not STOPPED.invoiced


def test_a_failed_round_empties_the_cell_and_gives_the_reason_on_request() -> None:
    assert STOPPED.parked == WHY
    assert STOPPED.badges == (Badge.DECISION_NEEDED,)
    assert STOPPED.invoice == InvoiceState(status=InvoiceStatus.FAILED, attempts=3, reason="invoice_failed")


def test_a_case_parked_by_its_data_still_shows_the_invoice_as_being_made() -> None:
    stopped = parked(PAID, DATA)
    assert stopped.invoice.status is InvoiceStatus.GENERATING
    assert stopped.parked is not None
    assert stopped.parked.faults == (("billing_data.tax_id", "bad_nip"),)


def test_a_round_whose_outcome_is_unknown_shows_the_invoice_as_being_made_until_it_has_failed() -> None:
    lost = parked(PAID, LOST)
    assert (lost.invoice.status, lost.invoice.attempts, lost.invoice.reason) == (InvoiceStatus.GENERATING, 3, None)
    assert (lost.parked, lost.badges) == (LOST, (Badge.DECISION_NEEDED,))
    assert parked(lost, WHY).invoice == STOPPED.invoice
    going = resumed(lost)
    assert (going.parked, going.badges, going.invoice) == (None, (), PAID.invoice)


def test_an_unpaid_case_that_is_parked_shows_no_failed_invoice() -> None:
    assert parked(OPENED, WHY).invoice.status is InvoiceStatus.NONE


def test_mail_that_fails_does_not_empty_the_cell() -> None:
    stopped = parked(INVOICED, MAIL)
    assert stopped.invoice == INVOICED.invoice
    assert stopped.badges == (Badge.DECISION_NEEDED,)


def test_resuming_begins_a_new_round_of_fresh_attempts() -> None:
    going = resumed(STOPPED)
    assert going.invoice == InvoiceState(status=InvoiceStatus.GENERATING, attempts=0, round=2, reason=None)
    assert (going.parked, going.badges) == (None, ())


def test_rounds_are_counted_however_often_the_invoice_fails() -> None:
    case = PAID
    for expected in (1, 2, 3, 4):
        case = parked(case, WHY)
        assert case.invoice.round == expected
        case = resumed(case)
    assert available(case).invoice.round == 5
    assert available(case).invoice.reason is None


def test_resuming_a_case_that_failed_elsewhere_begins_no_new_round() -> None:
    assert resumed(parked(PAID, DATA)).invoice == PAID.invoice
    assert resumed(parked(INVOICED, MAIL)).invoice == INVOICED.invoice


def test_resuming_what_is_not_parked_changes_nothing() -> None:
    for before in (FRESH, OPENED, PAID, INVOICED):
        assert resumed(before) == before


def test_a_case_that_nobody_paid_is_closed_and_may_be_paid_later() -> None:
    closed = closed_unpaid(FAILED)
    assert (closed.closed, closed.badges) == (True, (Badge.UNPAID,))
    for again in (payment_opened(closed, 2), completed(closed)):
        assert (again.closed, again.badges) == (False, ())


def test_badges_stand_once_each_in_their_order() -> None:
    some = with_badges(FRESH, add=(Badge.UNPAID, Badge.REFUNDED, Badge.DISPUTED, Badge.REFUNDED))
    assert some.badges == (Badge.REFUNDED, Badge.DISPUTED, Badge.UNPAID)
    assert with_badges(some, add=(Badge.CORRECTED,), drop=(Badge.DISPUTED,)).badges == (
        Badge.REFUNDED,
        Badge.CORRECTED,
        Badge.UNPAID,
    )
    assert with_badges(some, drop=tuple(Badge)).badges == ()
    assert with_badges(some, add=(Badge.DISPUTED,), drop=(Badge.DISPUTED,)).badges == (Badge.REFUNDED, Badge.UNPAID)


def test_the_badges_and_steps_are_those_of_the_contract() -> None:
    assert [badge.value for badge in Badge] == (
        "refunded partly_refunded disputed corrected awaiting_ksef decision_needed unpaid".split()
    )
    assert [step.value for step in Step] == (
        "validate_billing_data charge generate_invoice email_invoice notify_expert".split()
    )


def test_a_recorded_state_is_read_back_whole_and_fields_of_a_newer_version_are_passed_over() -> None:
    assert CaseState.model_validate_json(STOPPED.model_dump_json()) == STOPPED
    newer = {**STOPPED.model_dump(mode="json"), "added_later": 1}
    assert CaseState.model_validate(newer) == STOPPED


def test_a_paid_case_that_was_given_up_waits_for_no_invoice_any_more() -> None:
    ended = given_up(STOPPED)
    assert (ended.closed, ended.parked) == (True, None)
    assert (ended.invoice.status, ended.invoice.reason) == (InvoiceStatus.FAILED, "invoice_failed")
    assert given_up(state()).invoice.status is InvoiceStatus.NONE
