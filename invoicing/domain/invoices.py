"""The invoice as a frozen fact: everything that stands on the document, computed once and stored with its number.

Elements follow the VAT Act art. 106e ust. 1. A retry draws the document from the stored fact, never from the case, so
that number, date, words and sums are those of the first attempt and the bytes come out the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from invoicing.domain.exchange import ExchangeRate, in_pln
from invoicing.domain.tax import Prices, VatRate


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
    annex_15: bool = False


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


class Reference(Fact):
    """Another document of the same case."""

    number: str
    issued_on: date


class CorrectionOf(Fact):
    """What a correcting invoice corrects (art. 106j): the document, the reason, the state before, the difference.

    The invoice's own lines, totals and buyer are the state after. `reason_key` is one of `CORRECTION_REASONS`. The
    state before is that of the correction which it `follows`, of the invoice where it follows none.
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
    follows: Reference | None = None


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
