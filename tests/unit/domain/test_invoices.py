"""The invoice as a fact: everything that stands on it comes from the checked documents, with dates of Warsaw."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.invoices import Invoice
from invoicing.domain.issuing import plan_invoice, plan_pro_forma
from invoicing.domain.tax import VatRate
from invoicing.errors import InternalFault
from tests.unit.domain.samples import EXTERNAL, NOW, buyer, case, case_with_line, expert, line_fields, person


def planned(
    document: CaseDocument | None = None,
    who: BillingData | None = None,
    seller: ExpertDocument | None = None,
    paid_at: datetime = NOW,
) -> Invoice:
    return plan_invoice(
        document or case(),
        who or buyer(),
        seller or expert(),
        number="FV/1/11/2026",
        issued_on=date(2026, 11, 23),
        paid_at=paid_at,
        payment_reference="9ABC",
        language="pl",
    )


def test_the_specified_case_becomes_its_specified_invoice() -> None:
    invoice = planned()
    assert (invoice.net, invoice.vat, invoice.gross) == (Decimal("324.00"), Decimal("74.52"), Decimal("398.52"))
    assert (invoice.number, invoice.issued_on, invoice.sequence) == ("FV/1/11/2026", date(2026, 11, 23), 1)
    assert (invoice.seller.name, invoice.seller.tax_id) == ("Jan Przykładowy Doradztwo", "1234563218")
    assert (invoice.buyer.name, invoice.buyer.tax_id) == ("Przykład sp. z o.o.", "5260250274")
    assert invoice.buyer_is_company
    line = invoice.lines[0]
    assert (line.quantity, line.unit, line.unit_price) == (Decimal("1.5"), "godz.", Decimal(240))
    assert (line.discount_percent, line.value, line.vat_rate) == (Decimal(10), Decimal("324.00"), VatRate.STANDARD)


def test_the_rows_of_the_rates_make_the_totals() -> None:
    lines = [line_fields(), line_fields(vat_rate="8"), line_fields(vat_rate="zw")]
    invoice = planned(case(lines=lines))
    assert [row.rate.value for row in invoice.rates] == ["23", "8", "zw"]
    assert sum(row.net for row in invoice.rates) == invoice.net
    assert sum(row.vat for row in invoice.rates) == invoice.vat
    assert sum(row.gross for row in invoice.rates) == invoice.gross


@pytest.mark.parametrize(
    ("paid_at", "day"),
    [
        (datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 23, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 7, 31, 22, tzinfo=UTC), date(2026, 8, 1)),
    ],
)
def test_payment_and_sale_fall_on_the_day_in_warsaw_on_which_the_money_came(paid_at: datetime, day: date) -> None:
    invoice = planned(paid_at=paid_at)
    assert (invoice.paid_on, invoice.sold_on) == (day, day)
    assert invoice.issued_on == date(2026, 11, 23)


def test_a_private_person_is_printed_without_a_tax_number() -> None:
    invoice = planned(who=person())
    assert (invoice.buyer.tax_id, invoice.buyer_is_company) == (None, False)


def test_the_way_of_payment_stands_on_the_invoice() -> None:
    assert planned().payment_method == "autopay"
    assert planned(case(payment=EXTERNAL)).payment_method == "external"


def test_nothing_is_due_on_an_invoice_and_everything_on_a_pro_forma_without_a_date() -> None:
    invoice = planned()
    assert (invoice.amount_due, invoice.due_on) == (Decimal(0), None)
    pro_forma = plan_pro_forma(case(), buyer(), expert(), issued_on=date(2026, 11, 20), language="en")
    assert (pro_forma.kind, pro_forma.number) == ("proforma", "PF/2026-000123")
    assert (pro_forma.amount_due, pro_forma.due_on) == (invoice.gross, None)
    assert (pro_forma.issued_on, pro_forma.languages) == (date(2026, 11, 20), ("pl", "en"))
    assert (pro_forma.lines, pro_forma.rates, pro_forma.buyer) == (invoice.lines, invoice.rates, invoice.buyer)


@pytest.mark.parametrize(
    ("line", "who", "demanded"),
    [
        ({"annex_15": True}, buyer(), True),
        ({"annex_15": False}, buyer(), False),
        ({"annex_15": True}, person(), False),
        ({"annex_15": True, "quantity": "1"}, buyer(), False),
        ({"annex_15": True, "vat_rate": "zw"}, buyer(), False),
    ],
)
def test_split_payment_is_demanded_by_amount_buyer_and_annex(
    line: dict[str, Any], who: BillingData, demanded: bool
) -> None:
    invoice = planned(case_with_line(**{"quantity": "100", **line}), who)
    assert invoice.split_payment is demanded
    assert Invoice.model_validate_json(invoice.model_dump_json()) == invoice


@pytest.mark.parametrize(
    "unchecked",
    [
        {"document": case_with_line(vat_rate="22")},
        {"who": buyer(name=None)},
        {"who": buyer(street=None)},
        {"who": buyer(city=None)},
        {"who": buyer(country=None)},
        {"seller": expert(tax_id=None)},
        {"seller": expert(street=None)},
        {"seller": expert(city=None)},
    ],
)
def test_facts_that_did_not_pass_validation_never_become_an_invoice(unchecked: dict[str, Any]) -> None:
    with pytest.raises(InternalFault) as raised:
        planned(**unchecked)
    assert raised.value.code == "invoice_facts_incomplete"


def test_a_stored_invoice_is_read_back_to_the_same_amounts_and_decimals() -> None:
    invoice = planned()
    again = Invoice.model_validate_json(invoice.model_dump_json())
    assert again == invoice
    assert again.model_dump_json() == invoice.model_dump_json()
