"""From a checked case to its invoice: who stands on it, its dates, its lines and its totals.

Each date has one rule, by the calendar of Warsaw: issued on the day on which the number is taken, sold and paid on the
day on which the money came; nothing is due on an invoice, because the money came before it. A pro forma has its day of
issue alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.exchange import ExchangeRate, needs_rate
from invoicing.domain.invoices import Exchange, Invoice, InvoiceLine, Party, RateRow, exchanged
from invoicing.domain.numbering import WARSAW
from invoicing.domain.parties import compact_tax_id
from invoicing.domain.split_payment import demands_split_payment
from invoicing.domain.tax import PricedLine, Totals
from invoicing.domain.validation import case_totals, priced_lines
from invoicing.errors import InternalFault


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
    sums = case_totals(document)
    if sums is None or (needs_rate(document.currency, sums.vat) and rate is None):
        raise InternalFault("invoice_facts_incomplete", "a rate of VAT or of an exchange is not known")
    paid_on = sale_date(paid_at)
    rows = _rate_rows(sums)
    exchange = exchanged(rows, rate) if rate is not None and needs_rate(document.currency, sums.vat) else None
    stated = _stated(document, buyer, expert, issued_on, language, logo, exchange)
    return stated.model_copy(
        update={
            "number": number,
            "sold_on": paid_on,
            "paid_on": paid_on,
            "payment_reference": payment_reference,
        }
    )


PRO_FORMA_PREFIX = "PF/"


def plan_pro_forma(
    document: CaseDocument,
    buyer: BillingData,
    expert: ExpertDocument,
    *,
    issued_on: date,
    language: str,
    logo: str | None = None,
) -> Invoice:
    """What the invoice of a case that nobody has paid will say, in its languages, with all of it due.

    It is no invoice: it has no place in a series, no sale date and no tax in PLN, and its number is the case's.
    """
    stated = _stated(document, buyer, expert, issued_on, language, logo, None)
    return stated.model_copy(update={"kind": "proforma", "amount_due": stated.gross})


def _stated(
    document: CaseDocument,
    buyer: BillingData,
    expert: ExpertDocument,
    issued_on: date,
    language: str,
    logo: str | None,
    exchange: Exchange | None,
) -> Invoice:
    """What every document of a case states: who, what and how much. Raises `InternalFault` for unchecked facts."""
    lines, sums = priced_lines(document), case_totals(document)
    if lines is None or sums is None:
        raise InternalFault("invoice_facts_incomplete", "the facts of the invoice did not pass validation")
    business = buyer.kind == "company"
    return Invoice(
        case_id=document.case_id,
        number=f"{PRO_FORMA_PREFIX}{document.case_id}",
        issued_on=issued_on,
        sold_on=issued_on,
        paid_on=issued_on,
        payment_reference="",
        payment_method=document.payment.method,
        language=language,
        languages=("pl",) if language == "pl" else ("pl", language),
        currency=document.currency,
        prices=document.prices,
        seller=_seller(expert),
        buyer=buyer_party(buyer),
        buyer_is_company=business,
        exemption_basis=expert.exemption_basis,
        lines=printed_lines(lines, document.currency),
        rates=_rate_rows(sums),
        net=sums.net,
        vat=sums.vat,
        gross=sums.gross,
        colour=expert.colour,
        logo=logo,
        exchange=exchange,
        split_payment=demands_split_payment(
            lines, sums.gross, document.currency, None if exchange is None else exchange.rate, to_business=business
        ),
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
            annex_15=line.annex_15,
        )
        for line in lines
    )


def sale_date(paid_at: datetime) -> date:
    """The tax point and sale date of a prepaid case: the day on which the money came."""
    return paid_at.astimezone(WARSAW).date()


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
