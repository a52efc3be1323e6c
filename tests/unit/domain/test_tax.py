"""Worked examples of VAT: figures of the law and of a recorded provider answer, not those of our code."""

from decimal import Decimal

import pytest

from invoicing.domain.tax import PricedLine, Prices, RateTotal, VatRate, totals
from invoicing.domain.validation import case_totals
from tests.unit.domain.samples import case


def line(
    quantity: str,
    price: str,
    rate: str = "23",
    *,
    percent: str = "0",
    amount: str = "0",
) -> PricedLine:
    return PricedLine(
        description="Konsultacja",
        quantity=Decimal(quantity),
        unit="szt.",
        unit_price=Decimal(price),
        vat_rate=VatRate(rate),
        discount_percent=Decimal(percent),
        discount_amount=Decimal(amount),
    )


def written(lines: list[PricedLine], prices: Prices) -> tuple[str, str, str]:
    sums = totals(lines, prices)
    return str(sums.net), str(sums.vat), str(sums.gross)


@pytest.mark.parametrize(
    ("lines", "net", "vat", "gross"),
    [
        pytest.param([line("1.5", "240.00", percent="10")], "324.00", "74.52", "398.52", id="the specified case"),
        pytest.param([line("1", "0.33")] * 3, "0.99", "0.23", "1.22", id="rounded once from the sum, not per line"),
        pytest.param(
            [line("4", "657.95"), line("1", "892.05")], "3523.85", "810.49", "4334.34", id="recorded at a provider"
        ),
        pytest.param([line("1", "0.01")], "0.01", "0.00", "0.01", id="a grosz"),
        pytest.param([line("1", "0.02")], "0.02", "0.00", "0.02", id="0.46 of a grosz is dropped"),
        pytest.param([line("1", "0.03")], "0.03", "0.01", "0.04", id="0.69 of a grosz is a grosz"),
        pytest.param([line("1", "0.50", "5")], "0.50", "0.03", "0.53", id="half a grosz goes up: 2.5"),
        pytest.param([line("1", "1.50", "23")], "1.50", "0.35", "1.85", id="half a grosz goes up: 34.5"),
        pytest.param([line("1", "100.00", "8")], "100.00", "8.00", "108.00", id="eight percent"),
        pytest.param([line("1", "100.00", "0")], "100.00", "0.00", "100.00", id="nought percent"),
        pytest.param([line("1", "100.00", "zw")], "100.00", "0.00", "100.00", id="exempt"),
        pytest.param([line("1", "100.00", "np")], "100.00", "0.00", "100.00", id="outside Poland"),
        pytest.param([line("1", "100.00", "np_eu")], "100.00", "0.00", "100.00", id="service within the EU"),
        pytest.param([line("1", "100.00", "oo")], "100.00", "0.00", "100.00", id="reverse charge"),
    ],
)
def test_net_prices_are_taxed_from_the_summed_net(lines: list[PricedLine], net: str, vat: str, gross: str) -> None:
    assert written(lines, Prices.NET) == (net, vat, gross)


@pytest.mark.parametrize(
    ("lines", "net", "vat", "gross"),
    [
        pytest.param([line("1", "249.00")], "202.44", "46.56", "249.00", id="249.00"),
        pytest.param([line("1", "100.00")], "81.30", "18.70", "100.00", id="100.00"),
        pytest.param([line("1", "0.01")], "0.01", "0.00", "0.01", id="a grosz"),
        pytest.param([line("1", "0.03")], "0.02", "0.01", "0.03", id="three grosze"),
        pytest.param([line("3", "0.33")], "0.80", "0.19", "0.99", id="three times 0.33"),
        pytest.param([line("1", "1.08", "8")], "1.00", "0.08", "1.08", id="eight percent"),
        pytest.param([line("1", "0.21", "5")], "0.20", "0.01", "0.21", id="five percent"),
        pytest.param([line("1", "49.90", "zw")], "49.90", "0.00", "49.90", id="exempt"),
    ],
)
def test_gross_prices_are_taxed_out_of_the_summed_gross(
    lines: list[PricedLine], net: str, vat: str, gross: str
) -> None:
    assert written(lines, Prices.GROSS) == (net, vat, gross)


def test_the_specified_case_document_comes_to_its_specified_totals() -> None:
    sums = case_totals(case())
    assert sums is not None
    assert (str(sums.net), str(sums.vat), str(sums.gross)) == ("324.00", "74.52", "398.52")


def test_each_rate_is_summed_and_rounded_by_itself_in_the_order_of_the_rates() -> None:
    lines = [
        line("1", "0.33", "8"),
        line("1", "10.00", "zw"),
        line("1", "0.33", "23"),
        line("2", "0.33", "23"),
        line("1", "0.35", "5"),
        line("3", "0.33", "8"),
    ]
    sums = totals(lines, Prices.NET)
    assert sums.rates == (
        RateTotal(VatRate.STANDARD, Decimal("0.99"), Decimal("0.23"), Decimal("1.22")),
        RateTotal(VatRate.REDUCED_8, Decimal("1.32"), Decimal("0.11"), Decimal("1.43")),
        RateTotal(VatRate.REDUCED_5, Decimal("0.35"), Decimal("0.02"), Decimal("0.37")),
        RateTotal(VatRate.EXEMPT, Decimal("10.00"), Decimal("0.00"), Decimal("10.00")),
    )
    assert (sums.net, sums.vat, sums.gross) == (Decimal("12.66"), Decimal("0.36"), Decimal("13.02"))


def test_rates_without_tax_stay_apart_because_the_invoice_names_each() -> None:
    sums = totals([line("1", "1.00", rate) for rate in ("0", "zw", "np", "np_eu", "oo")], Prices.NET)
    assert [row.rate.value for row in sums.rates] == ["0", "zw", "np", "np_eu", "oo"]
    assert sums.gross == Decimal("5.00")


@pytest.mark.parametrize(
    ("priced", "value"),
    [
        pytest.param(line("1.5", "240.00", percent="10"), "324.00", id="percent"),
        pytest.param(line("1", "100.00", percent="33.33"), "66.67", id="percent with decimals"),
        pytest.param(line("1", "0.05", percent="50"), "0.03", id="half a grosz left goes up"),
        pytest.param(line("3", "100.00", amount="0.01"), "299.99", id="amount off the line, not off the unit"),
        pytest.param(line("2", "100.00", percent="10", amount="5.00"), "175.00", id="both, percent first"),
        pytest.param(line("1", "100.00", percent="100"), "0.00", id="all of it"),
        pytest.param(line("0.333333", "100.00"), "33.33", id="six decimals of a quantity"),
        pytest.param(line("0.000001", "0.01"), "0.00", id="next to nothing"),
        pytest.param(line("1", "10.00", amount="10.01"), "-0.01", id="more than the line is worth"),
    ],
)
def test_the_value_of_a_line_is_rounded_once_after_its_discount(priced: PricedLine, value: str) -> None:
    assert str(priced.value()) == value


@pytest.mark.parametrize(
    ("rate", "percent"),
    [("23", 23), ("8", 8), ("5", 5), ("0", 0), ("zw", 0), ("np", 0), ("np_eu", 0), ("oo", 0)],
)
def test_only_numbered_rates_carry_tax(rate: str, percent: int) -> None:
    assert VatRate(rate).percent == percent


def test_the_rates_are_those_of_the_contract() -> None:
    assert [rate.value for rate in VatRate] == "23 8 5 0 zw np np_eu oo".split()
