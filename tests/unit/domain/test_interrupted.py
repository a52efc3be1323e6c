"""Where an ended run is met, what the record then says, and that going on gives everything back."""

from typing import Any

import pytest

from invoicing.domain.interrupted import CODES, LEFT, Place, interrupted, is_interrupted, place_of, taken_up
from invoicing.domain.labels import Role, actions, view
from invoicing.domain.payments import AttemptState
from invoicing.domain.state import Badge, CaseState, InvoiceState, InvoiceStatus, Parked, PaymentStatus, Step
from invoicing.domain.state import PaymentState as Payment
from invoicing.errors import Cause
from tests.unit.domain.samples import state

PAID = Payment(status=PaymentStatus.COMPLETED, attempt=1, remote_id="9A")
STOPPED = Parked(step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="issuer_unreachable", attempts=3)
FAILED = InvoiceState(status=InvoiceStatus.FAILED, attempts=3, reason="invoice_failed")
STORED = InvoiceState(status=InvoiceStatus.AVAILABLE, number="FV/1", sha256="0" * 64, attempts=1)
BY_HAND = InvoiceState(status=InvoiceStatus.MANUAL)

MET: dict[str, tuple[dict[str, Any], set[AttemptState], Place, Step]] = {
    "priced": ({}, set(), Place.CHECKING, Step.VALIDATE),
    "prepared": ({}, {AttemptState.PREPARED}, Place.IN_DOUBT, Step.CHARGE),
    "sent": ({}, {AttemptState.SENT}, Place.IN_DOUBT, Step.CHARGE),
    "second prepared": (
        {"payment": Payment(status=PaymentStatus.FAILED, attempt=1)},
        {AttemptState.DEAD, AttemptState.PREPARED},
        Place.IN_DOUBT,
        Step.CHARGE,
    ),
    "open": (
        {"payment": Payment(status=PaymentStatus.OPEN, attempt=1)},
        {AttemptState.OPEN},
        Place.WAITING,
        Step.CHARGE,
    ),
    "paid": ({"payment": PAID}, {AttemptState.PAID}, Place.UNINVOICED, Step.INVOICE),
    "parked": ({"payment": PAID, "parked": STOPPED, "invoice": FAILED}, set(), Place.STOPPED, Step.INVOICE),
    "stored": ({"payment": PAID, "invoice": STORED}, set(), Place.UNMAILED, Step.EMAIL),
    "by hand": ({"payment": PAID, "invoice": BY_HAND}, set(), Place.UNMAILED, Step.NOTIFY),
}


def met(name: str) -> tuple[CaseState, Place, Step]:
    changes, attempts, place, step = MET[name]
    before = state().model_copy(update=changes)
    assert place_of(before, attempts) is place
    return before, place, step


@pytest.mark.parametrize("name", MET)
@pytest.mark.parametrize("code", sorted(CODES))
def test_a_case_without_its_run_waits_for_a_person_and_nothing_else_about_it_changes(name: str, code: str) -> None:
    before, place, step = met(name)
    gone = interrupted(before, code, place)
    assert is_interrupted(gone)
    assert gone.parked is not None
    assert (gone.parked.step, gone.parked.code, gone.closed) == (step, code, True)
    assert Badge.DECISION_NEEDED in gone.badges
    assert (gone.payment, gone.invoice) == (before.payment, before.invoice)
    seen = view(before, Role.CLIENT)
    assert (view(gone, Role.CLIENT).payment_key, view(gone, Role.CLIENT).invoice_key) == (
        seen.payment_key,
        seen.invoice_key,
    )
    assert {LEFT[place].press, "give_up"} <= {action.value for action in actions(gone, Role.OPS)}


@pytest.mark.parametrize("name", MET)
def test_going_on_takes_the_case_out_of_waiting_and_gives_a_failed_round_fresh_attempts(name: str) -> None:
    before, place, _ = met(name)
    going = taken_up(interrupted(before, "run_lost", place))
    assert (going.parked, going.badges, going.closed) == (None, (), False)
    assert going.payment == before.payment
    if before.invoice.status is InvoiceStatus.FAILED:
        assert (going.invoice.status, going.invoice.attempts, going.invoice.round) == (InvoiceStatus.GENERATING, 0, 2)
    else:
        assert going.invoice == before.invoice


def test_a_case_that_has_ended_is_left_alone() -> None:
    assert place_of(state().model_copy(update={"closed": True, "payment": PAID})) is Place.ENDED


def test_every_place_where_a_run_may_be_met_is_tried() -> None:
    assert {place for _, _, place, _ in MET.values()} == set(Place) - {Place.ENDED}
