"""What holds for every invoice, checked against exact fractions."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.domain.tax import PricedLine, Prices, VatRate, totals

EXACT = settings(deadline=None, database=None)
HALF_A_GROSZ = Fraction(1, 200)


def decimals(lowest: str, highest: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=Decimal(lowest), max_value=Decimal(highest), places=places)


LINES = st.lists(
    st.builds(
        PricedLine,
        description=st.just("Konsultacja"),
        quantity=decimals("0.000001", "9999", 6),
        unit=st.just("szt."),
        unit_price=decimals("0", "999999", 2),
        vat_rate=st.sampled_from(VatRate),
        discount_percent=decimals("0", "100", 2),
        discount_amount=decimals("0", "99", 2),
    ),
    min_size=1,
    max_size=12,
)


def percent(rate: VatRate) -> Fraction:
    return Fraction(int(rate.value)) if rate.value in {"23", "8", "5", "0"} else Fraction(0)


@EXACT
@given(LINES, st.sampled_from(Prices))
def test_net_and_vat_make_gross_for_each_rate_and_for_the_whole(lines: list[PricedLine], prices: Prices) -> None:
    sums = totals(lines, prices)
    assert all(row.net + row.vat == row.gross for row in sums.rates)
    assert sums.net + sums.vat == sums.gross
    assert sums.net == sum(row.net for row in sums.rates)
    assert sums.vat == sum(row.vat for row in sums.rates)
    assert sums.gross == sum(row.gross for row in sums.rates)


@EXACT
@given(st.data(), LINES, st.sampled_from(Prices))
def test_the_order_of_the_lines_changes_nothing(data: st.DataObject, lines: list[PricedLine], prices: Prices) -> None:
    assert totals(data.draw(st.permutations(lines)), prices) == totals(lines, prices)


@EXACT
@given(LINES)
def test_the_value_of_a_line_is_within_half_a_grosz_of_the_exact_one(lines: list[PricedLine]) -> None:
    for line in lines:
        exact = Fraction(line.quantity) * Fraction(line.unit_price) * (100 - Fraction(line.discount_percent)) / 100
        assert abs(Fraction(line.value()) - (exact - Fraction(line.discount_amount))) <= HALF_A_GROSZ


@EXACT
@given(LINES)
def test_with_net_prices_the_lines_make_the_net_and_the_tax_of_a_rate_is_rounded_once(lines: list[PricedLine]) -> None:
    sums = totals(lines, Prices.NET)
    assert sums.net == sum(line.value() for line in lines)
    for row in sums.rates:
        assert abs(Fraction(row.vat) - Fraction(row.net) * percent(row.rate) / 100) <= HALF_A_GROSZ


@EXACT
@given(LINES)
def test_with_gross_prices_the_client_pays_the_sum_of_the_lines(lines: list[PricedLine]) -> None:
    sums = totals(lines, Prices.GROSS)
    assert sums.gross == sum(line.value() for line in lines)
    for row in sums.rates:
        exact = Fraction(row.gross) * percent(row.rate) / (100 + percent(row.rate))
        assert abs(Fraction(row.vat) - exact) <= HALF_A_GROSZ


@EXACT
@given(LINES, st.sampled_from(Prices))
def test_every_sum_has_two_decimals(lines: list[PricedLine], prices: Prices) -> None:
    sums = totals(lines, prices)
    amounts = [sums.net, sums.vat, sums.gross]
    for row in sums.rates:
        amounts += [row.net, row.vat, row.gross]
    assert {amount.as_tuple().exponent for amount in amounts} == {-2}


@EXACT
@given(LINES, st.sampled_from(Prices))
def test_each_rate_of_the_lines_stands_once_and_no_other(lines: list[PricedLine], prices: Prices) -> None:
    rates = [row.rate for row in totals(lines, prices).rates]
    assert rates == [rate for rate in VatRate if rate in {line.vat_rate for line in lines}]
