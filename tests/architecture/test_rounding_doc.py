"""The worked examples of docs/rounding.md are what the code computes."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from invoicing.domain.exchange import in_pln, rate_before
from invoicing.domain.money import amount_text, round_to_minor
from invoicing.domain.split_payment import demands_split_payment
from invoicing.domain.tax import PricedLine, Prices, RateTotal, Totals, VatRate, totals
from invoicing.gateways.nbp.table import TableRates
from tests.architecture.documents import Table, section, sections, tables, text

DOCUMENT = text("docs/rounding.md")
EXAMPLES = [
    (name, tables(body)) for name, body in sections(DOCUMENT) if name.startswith(("Net prices:", "Gross prices:"))
]


def line(row: Mapping[str, str]) -> PricedLine:
    return PricedLine(
        description="Konsultacja",
        quantity=Decimal(row["quantity"]),
        unit="szt.",
        unit_price=Decimal(row["unit price"]),
        vat_rate=VatRate(row.get("rate", "23")),
        discount_percent=Decimal(row["discount %"]),
        discount_amount=Decimal(row.get("discount", "0")),
    )


def shown(sums: Totals) -> Table:
    """Totals as the document writes them."""
    rows = [(row.rate.value, row.net, row.vat, row.gross) for row in sums.rates]
    return [
        {"rate": rate, "net": amount_text(net), "VAT": amount_text(vat), "gross": amount_text(gross)}
        for rate, net, vat, gross in [*rows, ("total", sums.net, sums.vat, sums.gross)]
    ]


def test_the_rounding_table() -> None:
    (table,) = tables(section(DOCUMENT, "The one rounding door"))
    assert len(table) >= 8
    assert [(row["value"], row["rounded"]) for row in table] == [
        (row["value"], amount_text(round_to_minor(Decimal(row["value"])))) for row in table
    ]


def test_the_table_of_line_values() -> None:
    (table,) = tables(section(DOCUMENT, "Value of a line"))
    assert len(table) >= 7
    assert [row["value"] for row in table] == [amount_text(line(row).value()) for row in table]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_a_worked_invoice(name: str, example: list[Table]) -> None:
    lines, sums = example
    prices = Prices.NET if name.startswith("Net") else Prices.GROSS
    assert shown(totals([line(row) for row in lines], prices)) == sums


def test_the_tables_of_tax_in_a_foreign_currency() -> None:
    taxes = tables(section(DOCUMENT, "Foreign currency"))[:2]
    for table in taxes:
        *rows, whole = table
        rate = Decimal(whole["NBP rate"])
        totals_of = [
            RateTotal(VatRate(row["rate"]), Decimal(0), Decimal(row["VAT"]), Decimal(row["VAT"])) for row in rows
        ]
        converted = in_pln(totals_of, rate)
        assert [row["VAT in PLN"] for row in rows] == [amount_text(vat) for _, vat in converted]
        assert whole["VAT in PLN"] == amount_text(sum((vat for _, vat in converted), Decimal(0)))
        assert whole["VAT"] == amount_text(sum((row.vat for row in totals_of), Decimal(0)))


async def test_the_table_of_days(tmp_path: Path) -> None:
    published = "date,currency,rate,table\n" + "".join(
        f"2026-11-{day:02},EUR,4.{day:02},{day}/A/NBP/2026\n" for day in (9, 10, 12, 13, 16, 17, 18, 19, 20, 23)
    )
    (tmp_path / "rates.csv").write_text(published)
    days = tables(section(DOCUMENT, "Foreign currency"))[2]
    assert len(days) >= 4
    for row in days:
        came, issued = (date.fromisoformat(row[name]) for name in ("money came", "issued"))
        found = await TableRates(tmp_path / "rates.csv").before("EUR", rate_before(came, issued))
        assert found.on.isoformat() == row["table of"], row


def test_the_table_of_split_payment() -> None:
    (table,) = tables(section(DOCUMENT, "Split payment"))
    assert {row["words"] for row in table} == {"yes", "no"}
    for row in table:
        sold = PricedLine("x", Decimal(1), "szt.", Decimal(1), VatRate(row["rate"]), annex_15=row["annex_15"] == "yes")
        rate = None if row["currency"] == "PLN" else Decimal(row["NBP rate"])
        business = row["buyer"] == "company"
        demanded = demands_split_payment([sold], Decimal(row["gross"]), row["currency"], rate, to_business=business)
        assert demanded is (row["words"] == "yes"), row


def test_both_kinds_of_prices_and_every_kind_of_rate_are_shown() -> None:
    rates = {row["rate"] for _, (lines, _) in EXAMPLES for row in lines}
    assert {"23", "8", "5", "zw", "np_eu", "oo"} <= rates
    assert len([name for name, _ in EXAMPLES if name.startswith("Net")]) >= 4
    assert len([name for name, _ in EXAMPLES if name.startswith("Gross")]) >= 4


def test_a_wrong_figure_is_found() -> None:
    name, (lines, sums) = EXAMPLES[0]
    wrong = [{**row, "VAT": "74.53"} for row in sums]
    assert shown(totals([line(row) for row in lines], Prices.NET)) != wrong, name
