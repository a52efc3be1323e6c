"""What an explanation says, calculated again with exact fractions from its own formulas."""

import re
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.cases import LANGUAGES
from invoicing.domain.explaining import Explanation, explain, explain_case
from invoicing.domain.tax import PricedLine, Prices, VatRate, totals
from invoicing.explained import explanation
from tests.unit.domain.samples import case, case_with_line, line_fields
from tests.unit.domain.test_tax_properties import EXACT, HALF_A_GROSZ, LINES


def calculated(formula: str) -> Fraction:
    """The value of the left side: a sum of products, written with × / + − and brackets."""
    tokens = re.findall(r"[0-9]+(?:\.[0-9]+)?|[×/+−()]", formula)
    assert "".join(tokens) == formula.replace(" ", "")
    value, rest = _added(tokens)
    assert rest == []
    return value


def _added(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, rest = _multiplied(tokens)
    while rest and rest[0] in "+−":
        sign, (term, rest) = rest[0], _multiplied(rest[1:])
        value = value + term if sign == "+" else value - term
    return value, rest


def _multiplied(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, rest = _single(tokens)
    while rest and rest[0] in "×/":
        sign, (factor, rest) = rest[0], _single(rest[1:])
        value = value * factor if sign == "×" else value / factor
    return value, rest


def _single(tokens: list[str]) -> tuple[Fraction, list[str]]:
    if tokens[0] == "(":
        value, rest = _added(tokens[1:])
        assert rest[0] == ")"
        return value, rest[1:]
    return Fraction(tokens[0]), tokens[1:]


def formulas(found: Explanation) -> list[str]:
    said = [line.said for line in found.lines]
    said += [sentence for rate in found.rates for sentence in rate.said]
    return [sentence.formula for sentence in (*said, *found.said)]


@EXACT
@given(LINES, st.sampled_from(Prices))
def test_the_sums_of_an_explanation_are_the_totals(lines: list[PricedLine], prices: Prices) -> None:
    found, sums = explain(lines, prices), totals(lines, prices)
    assert found.totals == sums
    assert [rate.total for rate in found.rates] == list(sums.rates)
    values = sum((line.value for line in found.lines), Decimal(0))
    assert values == (sums.net if prices is Prices.NET else sums.gross)
    for rate in found.rates:
        base = sum((found.lines[position - 1].value for position in rate.positions), Decimal(0))
        assert base == (rate.total.net if prices is Prices.NET else rate.total.gross)
    assert sorted(position for rate in found.rates for position in rate.positions) == list(range(1, len(lines) + 1))


@EXACT
@given(LINES, st.sampled_from(Prices))
def test_price_discount_and_rounding_of_a_line_make_its_value(lines: list[PricedLine], prices: Prices) -> None:
    for line in explain(lines, prices).lines:
        assert Fraction(line.before_discount) - Fraction(line.discount) + Fraction(line.rounding) == line.value
        assert abs(Fraction(line.rounding)) <= HALF_A_GROSZ


@EXACT
@given(LINES, st.sampled_from(Prices))
def test_every_formula_leads_to_its_result_and_marks_each_rounding(lines: list[PricedLine], prices: Prices) -> None:
    for formula in formulas(explain(lines, prices)):
        if "-" in formula:  # a discount above the value, which is refused before it is invoiced
            continue
        if "=" not in formula and "≈" not in formula:
            continue
        exact, _, rounded = (part.strip() for part in formula.partition("≈"))
        left, _, result = (part.strip() for part in exact.partition("="))
        if result:
            assert calculated(left) == Fraction(result), formula
        if rounded:
            difference = abs(calculated(left) - Fraction(rounded))
            assert 0 < difference <= HALF_A_GROSZ, formula


def test_the_example_of_the_specification_is_told_step_by_step() -> None:
    found = explain_case(case())
    assert found is not None
    assert formulas(found) == [
        "1.5 × 240.00 × (100 − 10) / 100 = 324.00",
        "324.00",
        "324.00 × 23 / 100 = 74.52",
        "324.00 + 74.52 = 398.52",
        "324.00",
        "74.52",
        "398.52",
    ]


def test_a_rounding_is_shown_with_what_was_rounded() -> None:
    found = explain_case(case_with_line(quantity="0.333333", unit_price="100.00", discount_percent="0"))
    assert found is not None
    assert found.lines[0].said.formula == "0.333333 × 100.00 = 33.3333 ≈ 33.33"
    assert (found.lines[0].said.key, found.lines[0].rounding) == ("explain.line_rounded", Decimal("-0.0033"))


def test_gross_prices_are_explained_out_of_the_sum() -> None:
    lines = [line_fields(quantity="1", unit_price="249.00", discount_percent="0"), line_fields(vat_rate="np")]
    found = explain_case(case(prices="gross", lines=lines))
    assert found is not None
    assert [s.formula for s in found.rates[0].said] == [
        "249.00",
        "249.00 × 23 / 123 ≈ 46.56",
        "249.00 − 46.56 = 202.44",
    ]
    assert found.rates[1].total.rate is VatRate.OUTSIDE_POLAND
    assert found.rates[1].said[1].key == "explain.vat_none"


def test_a_case_with_an_unknown_rate_has_no_explanation() -> None:
    assert explain_case(case_with_line(vat_rate="22")) is None
    assert explanation(case_with_line(vat_rate="22"), "pl") is None


def test_each_language_tells_the_same_formulas_in_its_own_words() -> None:
    told = [explanation(case(), language) for language in LANGUAGES]
    texts = {one["lines"][0]["steps"][0]["text"] for one in told if one is not None}
    assert len(texts) == len(LANGUAGES)
    assert all("1.5 × 240.00 × (100 − 10) / 100 = 324.00" in text for text in texts)
