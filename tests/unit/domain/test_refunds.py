"""What is left of a payment, and when a refund that failed needs nobody any more."""

from decimal import Decimal

import pytest

from invoicing.domain.decisions import Refund, RefundStatus, is_given_back, left_to_refund, made_up_for
from invoicing.domain.records import Capture
from tests.unit.domain.samples import NOW

PAYMENT = Capture(
    service_id="100001", remote_id="9ABC", case_id="2026-000123", order_id="2026-000123-1", amount=Decimal("398.52"),
    currency="PLN", kept=True, captured_at=NOW, via="itn",
)  # fmt: skip


def refund(amount: str, status: RefundStatus, remote_id: str = "9ABC") -> Refund:
    return Refund(
        case_id="2026-000123", number=1, service_id="100001", remote_id=remote_id, message_id="a" * 32,
        amount=Decimal(amount), currency="PLN", kept=True, status=status, requested_at=NOW,
    )  # fmt: skip


def test_what_failed_is_left_and_what_is_under_way_is_not() -> None:
    under_way = [refund("100.00", status) for status in RefundStatus if status is not RefundStatus.FAILED]
    failed = refund("200.00", RefundStatus.FAILED)
    assert left_to_refund(PAYMENT, [*under_way, failed, refund("50.00", RefundStatus.DONE, "9XYZ")]) == Decimal("98.52")


@pytest.mark.parametrize(
    ("failed", "done", "left", "made_up"),
    [
        ("398.52", "398.52", "0.00", True),
        ("100.00", "100.00", "298.52", True),
        ("100.00", "50.00", "348.52", False),
        ("398.52", "100.00", "298.52", True),
    ],
    ids=["all of it", "the same part", "another part, and the first may still go", "more than is left cannot go"],
)
def test_a_failed_refund_is_made_up_for_by_one_that_went_through(
    failed: str, done: str, left: str, made_up: bool
) -> None:
    sent = refund(done, RefundStatus.DONE)
    assert made_up_for(refund(failed, RefundStatus.FAILED), sent, Decimal(left)) is made_up
    assert not made_up_for(refund(failed, RefundStatus.FAILED, "9XYZ"), sent, Decimal(left))
    assert not made_up_for(refund(failed, RefundStatus.QUEUED), sent, Decimal(left))


@pytest.mark.parametrize(
    ("refunds", "back"),
    [
        ([], False),
        ([refund("98.52", RefundStatus.DONE), refund("300.00", RefundStatus.QUEUED)], False),
        ([refund("98.52", RefundStatus.DONE), refund("300.00", RefundStatus.FAILED)], False),
        ([refund("98.52", RefundStatus.DONE), refund("300.00", RefundStatus.DONE)], True),
        ([refund("398.52", RefundStatus.DONE, "9XYZ")], False),
    ],
)
def test_a_payment_is_back_when_all_of_it_has_arrived_and_not_while_a_part_is_under_way(
    refunds: list[Refund], back: bool
) -> None:
    assert is_given_back(PAYMENT, refunds) is back
