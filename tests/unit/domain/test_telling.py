"""What an expert is told, what makes what good, and what is told again: all of it from the state record."""

import pytest

from invoicing.domain.records import MailKind
from invoicing.domain.state import CaseState, InvoiceState, InvoiceStatus
from invoicing.domain.telling import Telling, due_again, end_of, overtaken, tellings
from tests.unit.domain.samples import state

PAID, BY_HAND = Telling(MailKind.EXPERT_PAID), Telling(MailKind.EXPERT_MANUAL)


def failed(number: int) -> Telling:
    return Telling(MailKind.EXPERT_FAILED, number)


def case(status: InvoiceStatus, round_: int = 1, *, told: bool = False) -> CaseState:
    invoice = InvoiceState(status=status, round=round_)
    return state().model_copy(update={"invoice": invoice, "expert_told": told})


@pytest.mark.parametrize("status", InvoiceStatus)
def test_the_end_asks_for_a_document_only_where_the_expert_makes_it_himself(status: InvoiceStatus) -> None:
    assert end_of(case(status)) == (BY_HAND if status is InvoiceStatus.MANUAL else PAID)


def test_the_newest_telling_comes_first() -> None:
    assert tellings(case(InvoiceStatus.AVAILABLE, 3)) == (PAID, failed(3), failed(2), failed(1))


@pytest.mark.parametrize(
    ("telling", "before", "expected"),
    [
        (PAID, case(InvoiceStatus.AVAILABLE), ()),
        (PAID, case(InvoiceStatus.AVAILABLE, 3), (failed(2), failed(1))),
        (BY_HAND, case(InvoiceStatus.MANUAL, 2), (failed(2), failed(1))),
        (failed(1), case(InvoiceStatus.FAILED, 1), ()),
        (failed(3), case(InvoiceStatus.FAILED, 4), (failed(2), failed(1))),
    ],
    ids=["a case that went well", "after two rounds", "attached after two rounds", "first round", "third round"],
)
def test_a_telling_makes_good_the_rounds_that_failed_before_it(
    telling: Telling, before: CaseState, expected: tuple[Telling, ...]
) -> None:
    assert overtaken(telling, before) == expected


@pytest.mark.parametrize(
    ("before", "waiting", "expected"),
    [
        (case(InvoiceStatus.FAILED, 2), [failed(1), failed(2)], failed(2)),
        (case(InvoiceStatus.GENERATING, 2), [failed(1)], failed(1)),
        (case(InvoiceStatus.AVAILABLE, 2, told=True), [failed(1)], PAID),
        (case(InvoiceStatus.MANUAL, told=True), [BY_HAND], BY_HAND),
        (case(InvoiceStatus.FAILED, 2), [], failed(2)),
    ],
    ids=["the newest round", "the one that failed", "after the end only the end", "by hand", "of an unknown key"],
)
def test_what_is_told_again_is_the_newest_that_failed_and_never_what_is_no_longer_true(
    before: CaseState, waiting: list[Telling], expected: Telling
) -> None:
    assert due_again(before, waiting) == expected
