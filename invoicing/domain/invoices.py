"""The invoice as a frozen fact: everything that stands on the document, computed once and stored with its number.

Elements follow the VAT Act art. 106e ust. 1. A retry draws the document from the stored fact, never from the case, so
that number, date, words and sums are those of the first attempt and the bytes come out the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.exchange import ExchangeRate, in_pln, needs_rate
from invoicing.domain.numbering import WARSAW
from invoicing.domain.parties import compact_tax_id
from invoicing.domain.tax import PricedLine, Prices, Totals, VatRate
from invoicing.domain.validation import case_totals, priced_lines
from invoicing.errors import InternalFault


class Fact(BaseModel):
    """Base of stored facts: frozen, unknown fields ignored so that older code reads newer rows."""

    model_config = ConfigDict(frozen=True)


class Party(Fact):
    """Seller or buyer as printed."""

    name: str
    tax_id: str | None = None
    street: str
    postal_code: str | None = None
    city: str
    country: str
    email: str | None = None
    bank_account: str | None = None


class InvoiceLine(Fact):
    """One printed position; `value` is net or gross as `prices` of the invoice says."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount_percent: Decimal = Decimal(0)
    discount_amount: Decimal = Decimal(0)
    vat_rate: VatRate
    value: Decimal


class RateRow(Fact):
    """Totals of one rate."""

    rate: VatRate
    net: Decimal
    vat: Decimal
    gross: Decimal


CORRECTION_REASONS = ("data", "price", "quantity", "discount", "rate", "zero", "other")
"""Why an invoice may be corrected; `other` is told by the correction's own text."""


class Exchange(Fact):
    """The NBP rate of an invoice in a foreign currency, and its VAT in PLN (art. 31a ust. 1, art. 106e ust. 11)."""

    rate: Decimal
    table: str
    on: date
    vat_pln: Decimal
    rates_vat_pln: tuple[tuple[VatRate, Decimal], ...] = ()


class CorrectionOf(Fact):
    """What a correcting invoice corrects (art. 106j): the document, the reason, the state before, the difference.

    The invoice's own lines, totals and buyer are the state after. `reason_key` is one of `CORRECTION_REASONS`.
    """

    number: str
    issued_on: date
    reason_key: str
    reason_text: str | None = None
    before_lines: tuple[InvoiceLine, ...] = ()
    before_rates: tuple[RateRow, ...] = ()
    before_net: Decimal
    before_vat: Decimal
    before_gross: Decimal
    difference_rates: tuple[RateRow, ...] = ()
    difference_net: Decimal
    difference_vat: Decimal
    difference_gross: Decimal
    before_buyer: Party | None = None


class Invoice(Fact):
    """An issued invoice, sequence 1 of its case. Amounts are in `currency`, dates in the calendar of Warsaw.

    `languages` are printed beside each other; an invoice always begins with Polish, a pro forma may do without. `logo`
    is the address of the picture among the stored documents, so that a retry draws the one of the first attempt.
    `decision` is the number of the decision that a correction carries out: each has one document at most.
    """

    case_id: str
    sequence: int = 1
    kind: Literal["invoice", "correction", "proforma"] = "invoice"
    number: str
    issued_on: date
    sold_on: date
    paid_on: date
    payment_reference: str
    payment_method: Literal["autopay", "external"]
    language: str = "pl"
    currency: str
    prices: Prices
    seller: Party
    buyer: Party
    buyer_is_company: bool
    exemption_basis: str | None = None
    lines: tuple[InvoiceLine, ...]
    rates: tuple[RateRow, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal
    colour: str | None = None
    languages: tuple[str, ...] = ("pl",)
    due_on: date | None = None
    amount_due: Decimal = Decimal(0)
    exchange: Exchange | None = None
    split_payment: bool = False
    logo: str | None = None
    correction: CorrectionOf | None = None
    decision: int | None = None


def plan_invoice(
    document: CaseDocument,
    buyer: BillingData,
    expert: ExpertDocument,
    *,
    number: str,
    issued_on: date,
    paid_at: datetime,
    payment_reference: str,
    language: str,
    rate: ExchangeRate | None = None,
    logo: str | None = None,
) -> Invoice:
    """The invoice of a paid case: in Polish, beside which stands the client's language.

    The facts must have passed `content_faults`, and tax in a foreign currency needs its `rate` to PLN; `InternalFault`
    when they have not.

    Sale date: the money is a prepayment for the consultation, so the tax point and the sale date are the day on
    which it arrived (art. 19a ust. 8), by the calendar of Warsaw.
    """
    lines, sums = priced_lines(document), case_totals(document)
    if lines is None or sums is None:
        raise InternalFault("invoice_facts_incomplete", "the facts of the invoice did not pass validation")
    if needs_rate(document.currency, sums.vat) and rate is None:
        raise InternalFault("invoice_facts_incomplete", "tax in a foreign currency has no rate to PLN")
    paid_on = sale_date(paid_at)
    rows = _rate_rows(sums)
    return Invoice(
        case_id=document.case_id,
        number=number,
        issued_on=issued_on,
        sold_on=paid_on,
        paid_on=paid_on,
        payment_reference=payment_reference,
        payment_method=document.payment.method,
        language=language,
        languages=("pl",) if language == "pl" else ("pl", language),
        currency=document.currency,
        prices=document.prices,
        seller=_seller(expert),
        buyer=buyer_party(buyer),
        buyer_is_company=buyer.kind == "company",
        exemption_basis=expert.exemption_basis,
        lines=printed_lines(lines, document.currency),
        rates=rows,
        net=sums.net,
        vat=sums.vat,
        gross=sums.gross,
        colour=expert.colour,
        logo=logo,
        exchange=exchanged(rows, rate) if rate is not None and needs_rate(document.currency, sums.vat) else None,
    )


def buyer_party(buyer: BillingData) -> Party:
    """The buyer as printed. Raises `InternalFault` for data that did not pass validation."""
    if not (buyer.name and buyer.street and buyer.city and buyer.country):
        raise InternalFault("invoice_facts_incomplete", "the buyer's data did not pass validation")
    return Party(
        name=buyer.name,
        tax_id=buyer.tax_id,
        street=buyer.street,
        postal_code=buyer.postal_code,
        city=buyer.city,
        country=buyer.country,
        email=buyer.email,
    )


def printed_lines(lines: Sequence[PricedLine], currency: str) -> tuple[InvoiceLine, ...]:
    """Priced lines as printed, each with its rounded value."""
    return tuple(
        InvoiceLine(
            description=line.description,
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            discount_percent=line.discount_percent,
            discount_amount=line.discount_amount,
            vat_rate=line.vat_rate,
            value=line.value(currency),
        )
        for line in lines
    )


def sale_date(paid_at: datetime) -> date:
    """The tax point and sale date of a prepaid case: the day on which the money came."""
    return paid_at.astimezone(WARSAW).date()


def exchanged(rows: Sequence[RateRow], rate: ExchangeRate | Exchange) -> Exchange:
    """The tax of these rows in PLN."""
    taxes = in_pln(rows, rate.rate)
    return Exchange(
        rate=rate.rate,
        table=rate.table,
        on=rate.on,
        vat_pln=sum((vat for _, vat in taxes), Decimal(0)),
        rates_vat_pln=taxes,
    )


def _rate_rows(sums: Totals) -> tuple[RateRow, ...]:
    return tuple(RateRow(rate=row.rate, net=row.net, vat=row.vat, gross=row.gross) for row in sums.rates)


def _seller(expert: ExpertDocument) -> Party:
    if not (expert.tax_id and expert.street and expert.city):
        raise InternalFault("invoice_facts_incomplete", "the seller's data did not pass validation")
    return Party(
        name=expert.name,
        tax_id=compact_tax_id(expert.tax_id),
        street=expert.street,
        postal_code=expert.postal_code,
        city=expert.city,
        country=expert.country,
        email=expert.email,
        bank_account=expert.bank_account,
    )
