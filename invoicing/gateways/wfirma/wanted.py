"""The document that wFirma is to issue, as decided from the facts, and its spelling as a request.

wFirma computes by itself; what it cannot compute as we do is spelled so that it must: counts have four decimals and a
line takes one discount in percent, so a line beyond that becomes one piece of its value whose name tells quantity,
price and discount. Source: wFirma API v2, "invoices"; VAT Act art. 106e ust. 1 pkt 18 and 19 for the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from invoicing.domain.cases import ExpertDocument, offered_language
from invoicing.domain.money import amount_text, round_to_minor
from invoicing.domain.numbering import WARSAW, issue_date
from invoicing.domain.records import CaseFacts
from invoicing.domain.split_payment import demands_split_payment
from invoicing.domain.tax import HUNDRED, PricedLine, Prices, Totals, VatRate
from invoicing.domain.validation import case_totals, priced_lines
from invoicing.errors import DataFault, Fault, SettingsFault
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.buyers import Buyer, buyer_of
from invoicing.gateways.wfirma.client import WfirmaAccount
from invoicing.ports import IssueOrder

NORMAL = "normal"
WITHOUT_VAT = "bill"
CORRECTION = "correction"
COUNT_STEP = Decimal("0.0001")
PERCENT_STEP = Decimal("0.01")
PIECE = "usł."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be true of the document, however it came into being."""

    account: WfirmaAccount
    case_id: str
    sequence: int
    kind: str
    currency: str
    totals: frozenset[Decimal]
    buyer: Buyer | None
    parent_id: str = ""

    @property
    def id_external(self) -> str:
        """Our name of the document; the last dash parts case and sequence, so two cases never share one."""
        return f"{self.case_id}-{self.sequence}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A first invoice: what must be true of it, and what it is made of."""

    wanted: Wanted
    buyer: Buyer
    lines: tuple[PricedLine, ...]
    sums: Totals
    prices: Prices
    issued_on: date
    paid_on: date
    language: str
    series: str
    description: str
    splits: bool = False

    @property
    def rates(self) -> tuple[VatRate, ...]:
        """Rates that must be looked up; a seller without VAT has none."""
        return () if self.wanted.kind == WITHOUT_VAT else tuple(row.rate for row in self.sums.rates)

    @property
    def price_type(self) -> str:
        """What wFirma calls our kind of prices."""
        return "brutto" if self.prices is Prices.GROSS else "netto"


def account_of(facts: CaseFacts) -> WfirmaAccount:
    """The expert's keys. Raises `SettingsFault` without any, and where none of our keys opens them."""
    if facts.keys_unopened:
        raise SettingsFault("secrets_keys_missing", "the expert's wFirma keys are sealed with a key that is not there")
    keys = facts.expert.wfirma if facts.expert else None
    if keys is None:
        raise SettingsFault("issuer_settings", "the expert has no wFirma keys")
    return WfirmaAccount(keys.access_key, keys.secret_key, keys.company_id)


def kind_of_seller(expert: ExpertDocument) -> str:
    """Sellers exempt from VAT issue another kind of document."""
    return WITHOUT_VAT if expert.vat_status == "exempt" else NORMAL


def plan(order: IssueOrder, now: datetime) -> Plan:
    """The invoice of a paid case. Raises `DataFault` when facts are missing, `SettingsFault` without keys."""
    facts = order.facts
    document, expert, paid_at = facts.document, facts.expert, facts.state.payment.paid_at
    lines, sums = priced_lines(document), case_totals(document)
    account = account_of(facts)
    if expert is None or facts.billing is None or paid_at is None or lines is None or sums is None:
        raise DataFault("invoice_facts_incomplete", [Fault("billing_data", "missing")])
    buyer = buyer_of(facts.billing)
    # in another currency the amount in PLN is known to wFirma alone, which takes the rate by itself
    splits = demands_split_payment(
        lines, sums.gross, document.currency, None, to_business=facts.billing.kind == "company"
    )
    wanted = Wanted(
        account=account,
        case_id=document.case_id,
        sequence=order.sequence,
        kind=kind_of_seller(expert),
        currency=document.currency,
        totals=frozenset({sums.gross}),
        buyer=buyer,
    )
    return Plan(
        wanted=wanted,
        buyer=buyer,
        lines=lines,
        sums=sums,
        prices=document.prices,
        issued_on=issue_date(now),
        paid_on=paid_at.astimezone(WARSAW).date(),
        language=offered_language(document.client.language),
        series=(expert.invoice_series or "").strip(),
        description=_description(lines, expert.exemption_basis, splits=splits),
        splits=splits,
    )


def _description(lines: tuple[PricedLine, ...], basis: str | None, *, splits: bool) -> str:
    """Words that the law demands and for which wFirma has no field of their own."""
    rates, said = {line.vat_rate for line in lines}, []
    if VatRate.EXEMPT in rates and basis:
        said.append(f"Podstawa zwolnienia z VAT (zw): {basis}")
    if VatRate.REVERSE_CHARGE in rates:
        said.append("odwrotne obciążenie")
    if splits:
        said.append("mechanizm podzielonej płatności")
    return "\n".join(said)


def add_request(
    planned: Plan, contractor: str, rates: Mapping[VatRate, str], series: str, language: str
) -> dict[str, Any]:
    """The body of invoices/add: paid in full, not sent by wFirma, nothing left to the account's defaults."""
    wanted, gross = planned.wanted, amount_text(planned.sums.gross, planned.wanted.currency)
    record: dict[str, Any] = {
        "type": wanted.kind,
        "id_external": wanted.id_external,
        "contractor": {"id": contractor},
        "date": planned.issued_on.isoformat(),
        "disposaldate": planned.paid_on.isoformat(),
        "paymentdate": planned.issued_on.isoformat(),
        "paymentmethod": "transfer",
        "alreadypaid_initial": gross,
        "currency": wanted.currency,
        "price_type": planned.price_type,
        "auto_send": "0",
        "description": planned.description,
        "invoicecontents": wire.numbered(
            "invoicecontent", *(_content(line, wanted, rates.get(line.vat_rate)) for line in planned.lines)
        ),
    }
    if wanted.currency != "PLN":
        record["payment"] = {"date": planned.paid_on.isoformat(), "account": "currency"}
    if planned.splits:
        record["schema"] = "split_payment"
    if series:
        record["series"] = {"id": series}
    if language:
        record["translation_language"] = {"id": language}
    return wire.request("invoices", "invoice", record)


def _content(line: PricedLine, wanted: Wanted, rate: str | None) -> dict[str, Any]:
    return {**spelled(line, wanted.currency), **({"vat_code": {"id": rate}} if rate else {})}


def spelled(line: PricedLine, currency: str) -> dict[str, str]:
    """A line in words that make wFirma compute our value."""
    percent = _percent(line, currency)
    if percent is None:
        told = f"{_plain(line.quantity)} {line.unit} × {_plain(line.unit_price)} {currency}"
        if line.discount_percent:
            told += f" - {_plain(line.discount_percent)}%"
        if line.discount_amount:
            told += f" - {_plain(line.discount_amount)} {currency}"
        value = amount_text(line.value(currency), currency)
        described = {"name": f"{line.description} ({told})", "unit": PIECE, "count": "1", "price": value}
        return {**described, "discount": "0", "discount_percent": "0"}
    return {
        "name": line.description,
        "unit": line.unit,
        "count": _plain(line.quantity),
        "price": amount_text(line.unit_price, currency),
        "discount": "1" if percent else "0",
        "discount_percent": _plain(percent),
    }


def _percent(line: PricedLine, currency: str) -> Decimal | None:
    """The one discount in percent that gives the value of the line; None when there is none."""
    before = line.quantity * line.unit_price
    if line.quantity != line.quantity.quantize(COUNT_STEP):
        return None
    if not line.discount_amount:
        return line.discount_percent
    if not before:
        return None
    value = line.value(currency)
    percent = ((before - value) * HUNDRED / before).quantize(PERCENT_STEP)
    fits = 0 <= percent <= HUNDRED and round_to_minor(before * (HUNDRED - percent) / HUNDRED, currency) == value
    return percent if fits else None


def _plain(value: Decimal) -> str:
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
