"""One type of money, one rounding door."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.domain.money import HIGHEST, MINOR_DIGITS, Money, amount_text, minor_digits, round_to_minor

EXACT = settings(deadline=None, database=None)
VALUES = st.decimals(min_value=Decimal("-1e14"), max_value=Decimal("1e14"), places=8)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0", "0.00"),
        ("0.004", "0.00"),
        ("0.0049999999", "0.00"),
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("1.005", "1.01"),
        ("2.675", "2.68"),
        ("0.994999", "0.99"),
        ("0.995", "1.00"),
        ("-0.005", "-0.01"),
        ("-0.0049", "-0.00"),
        ("240", "240.00"),
        ("1E+2", "100.00"),
        ("99999999999999.99", "99999999999999.99"),
    ],
)
def test_half_a_grosz_is_rounded_up_and_less_is_dropped(value: str, rounded: str) -> None:
    result = round_to_minor(Decimal(value))
    assert str(result) == rounded


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_never_becomes_an_amount(value: str) -> None:
    with pytest.raises(InvalidOperation):
        round_to_minor(Decimal(value))
    with pytest.raises(InvalidOperation):
        Money(Decimal(value), "PLN")
    with pytest.raises(InvalidOperation):
        amount_text(Decimal(value))


@EXACT
@given(VALUES)
def test_rounding_moves_a_value_by_half_a_grosz_at_most(value: Decimal) -> None:
    assert abs(Fraction(round_to_minor(value)) - Fraction(value)) <= Fraction(1, 200)


@EXACT
@given(VALUES)
def test_rounding_a_second_time_changes_nothing(value: Decimal) -> None:
    once = round_to_minor(value)
    assert str(round_to_minor(once)) == str(once)


@EXACT
@given(VALUES, VALUES)
def test_rounding_keeps_the_order_of_values(one: Decimal, other: Decimal) -> None:
    low, high = sorted([one, other])
    assert round_to_minor(low) <= round_to_minor(high)


@pytest.mark.parametrize("currency", sorted(MINOR_DIGITS))
def test_the_supported_currencies_have_two_decimals(currency: str) -> None:
    assert minor_digits(currency) == 2
    assert str(round_to_minor(Decimal("1.005"), currency)) == "1.01"


def test_sums_and_differences_keep_the_currency() -> None:
    one, other = Money(Decimal("0.10"), "PLN"), Money(Decimal("0.20"), "PLN")
    assert one + other == Money(Decimal("0.30"), "PLN")
    assert one - other == Money(Decimal("-0.10"), "PLN")
    assert -one == Money(Decimal("-0.10"), "PLN")


def test_two_currencies_are_neither_added_nor_subtracted() -> None:
    zloty, euro = Money(Decimal("1.00"), "PLN"), Money(Decimal("1.00"), "EUR")
    with pytest.raises(ValueError, match="two currencies"):
        zloty + euro  # the refusal is what is tested
    with pytest.raises(ValueError, match="two currencies"):
        zloty - euro  # likewise


def test_the_same_figure_in_two_currencies_is_not_the_same_money() -> None:
    assert Money(Decimal("1.00"), "PLN") != Money(Decimal("1.00"), "EUR")


@pytest.mark.parametrize("amount", ["0.001", "1.999", "19.9900001"])
def test_an_amount_with_more_decimals_than_its_currency_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="no more decimals"):
        Money(Decimal(amount), "PLN")


def test_money_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Money(Decimal("1.00"), "PLN").amount = Decimal("2.00")  # type: ignore[misc]  # the refusal is what is tested


@pytest.mark.parametrize(("amount", "written"), [("398.52", "398.52"), ("5", "5.00"), ("1E+3", "1000.00")])
def test_the_wire_form_has_a_dot_and_two_decimals_and_never_an_exponent(amount: str, written: str) -> None:
    assert Money(Decimal(amount), "PLN").text() == written
    assert amount_text(Decimal(amount)) == written


def test_the_highest_amount_has_fourteen_digits_before_the_dot() -> None:
    assert amount_text(HIGHEST) == "9" * 14 + ".99"
