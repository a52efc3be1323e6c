"""Tax of an invoice in a foreign currency, in PLN."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.corrections import Change, plan_correction, zeroed
from invoicing.domain.exchange import ExchangeRate, in_pln, needs_rate, rate_before
from invoicing.domain.invoices import Invoice
from invoicing.domain.issuing import plan_invoice
from invoicing.domain.tax import PricedLine, Prices, VatRate, totals
from invoicing.errors import InternalFault
from tests.unit.domain.samples import buyer, case, expert, line_fields
from tests.unit.domain.test_tax_properties import EXACT, LINES

RATE = ExchangeRate("EUR", Decimal("4.2518"), "225/A/NBP/2026", date(2026, 11, 20))


def planned(rate: ExchangeRate | None = RATE, **changes: object) -> Invoice:
    return plan_invoice(
        case(**changes),
        buyer(),
        expert(),
        number="FV/1/11/2026",
        issued_on=date(2026, 11, 23),
        paid_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        payment_reference="9ABC",
        language="pl",
        rate=rate,
    )


def test_rate_table_and_day_are_kept_on_the_invoice_with_the_tax_of_each_rate() -> None:
    lines = [line_fields(), line_fields(vat_rate="8"), line_fields(vat_rate="np_eu")]
    invoice = planned(currency="EUR", lines=lines)
    assert invoice.exchange is not None
    assert (invoice.exchange.rate, invoice.exchange.table, invoice.exchange.on) == (RATE.rate, RATE.table, RATE.on)
    assert invoice.exchange.rates_vat_pln == (
        (VatRate.STANDARD, Decimal("316.84")),
        (VatRate.REDUCED_8, Decimal("110.21")),
    )
    assert invoice.exchange.vat_pln == Decimal("427.05")
    assert invoice.vat == Decimal("100.44")


def test_an_invoice_in_zloty_or_without_tax_has_no_exchange() -> None:
    assert planned().exchange is None
    assert planned(None).exchange is None
    assert planned(None, currency="EUR", lines=[line_fields(vat_rate="np")]).exchange is None


def test_tax_in_a_foreign_currency_is_never_invoiced_without_its_rate() -> None:
    with pytest.raises(InternalFault):
        planned(None, currency="EUR")


def test_a_correction_to_zero_states_no_tax_at_the_rate_of_the_original() -> None:
    invoice = planned(currency="EUR")
    correction = plan_correction(
        invoice,
        invoice,
        sequence=2,
        number="KFV/1/12/2026",
        issued_on=date(2026, 12, 1),
        change=Change("zero", lines=zeroed(invoice.lines)),
    )
    assert correction.exchange is not None
    assert (correction.exchange.vat_pln, correction.exchange.rate) == (Decimal("0.00"), RATE.rate)
    assert correction.exchange.on == RATE.on


def test_the_earlier_of_tax_point_and_issue_counts() -> None:
    early, late = date(2026, 11, 20), date(2026, 11, 23)
    assert rate_before(early, late) == rate_before(late, early) == early


@EXACT
@given(LINES, st.sampled_from(Prices), st.decimals("0.0001", "99", places=4))
def test_each_rate_is_within_half_a_grosz_and_only_taxed_rates_are_stated(
    lines: list[PricedLine], prices: Prices, rate: Decimal
) -> None:
    sums = totals(lines, prices, "EUR")
    converted = in_pln(sums.rates, rate)
    taxed = [row for row in sums.rates if row.rate.percent]
    assert [name for name, _ in converted] == [row.rate for row in taxed]
    for row, (_, vat) in zip(taxed, converted, strict=True):
        assert abs(vat - row.vat * rate) <= Decimal("0.005")
    assert needs_rate("EUR", sums.vat) is (sums.vat != 0)
    assert not needs_rate("PLN", sums.vat)
