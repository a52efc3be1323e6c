"""Everything that could make the invoice impossible, found before any money moves.

`content_faults` is the one judge: `/payment` answers with it and `validate_billing_data` parks a case by it. It reports
all faults at once, each with its field path and code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from invoicing.domain.cases import AutopayPayment, BillingData, CaseDocument, ExpertDocument
from invoicing.domain.exchange import needs_rate
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.ksef import demands_ksef, ksef_fault
from invoicing.domain.money import HIGHEST, MINOR_DIGITS
from invoicing.domain.numbering import SeriesTemplate, TemplateFault
from invoicing.domain.parties import (
    EU,
    buyer_faults,
    email_faults,
    has_bad_characters,
    is_eu_vat_number,
    seller_faults,
    undrawable_faults,
)
from invoicing.domain.printable import can_be_drawn
from invoicing.domain.tax import PricedLine, Totals, VatRate, totals
from invoicing.errors import Fault

LONGEST_DESCRIPTION = 512
"""FA(3) field P_7; longer descriptions could not follow the invoice into KSeF."""


@dataclass(frozen=True, slots=True)
class ContentRules:
    """What this installation demands: lowest total, currencies that can be paid, issuers that are set up.

    `knows_rates` says whether there is a source of exchange rates; without one our own issuer cannot state VAT in PLN.
    """

    minimum_amount: Decimal = Decimal("0.10")
    autopay_currencies: frozenset[str] = frozenset({"PLN"})
    ready_issuers: frozenset[str] = field(default_factory=lambda: frozenset({"none", "builtin"}))
    knows_rates: bool = False


def content_faults(
    document: CaseDocument, buyer: BillingData | None, expert: ExpertDocument | None, rules: ContentRules
) -> tuple[Fault, ...]:
    """All faults of a case with this buyer and this expert; empty when the invoice can be issued."""
    found: dict[tuple[str, str], Fault] = {}
    for item in _all(document, buyer, expert, rules):
        found[item.field, item.code] = item
    return tuple(found.values())


def priced_lines(document: CaseDocument) -> tuple[PricedLine, ...] | None:
    """The lines with their rates resolved; None while a rate is not one we know."""
    known = set(VatRate)
    if any(line.vat_rate not in known for line in document.lines):
        return None
    return tuple(
        PricedLine(
            description=line.description,
            quantity=Decimal(line.quantity),
            unit=line.unit,
            unit_price=Decimal(line.unit_price),
            vat_rate=VatRate(line.vat_rate),
            discount_percent=Decimal(line.discount_percent),
            discount_amount=Decimal(line.discount_amount),
            annex_15=line.annex_15,
        )
        for line in document.lines
    )


def case_totals(document: CaseDocument) -> Totals | None:
    """Totals of the case; None while a rate is not one we know."""
    lines = priced_lines(document)
    return None if lines is None else totals(lines, document.prices, document.currency)


def _all(
    document: CaseDocument, buyer: BillingData | None, expert: ExpertDocument | None, rules: ContentRules
) -> Iterator[Fault]:
    if buyer is None:
        yield fault("billing_data", FaultCode.MISSING)
    else:
        yield from buyer_faults(buyer)
    yield from email_faults("client.email", document.client.email, required=buyer is None or not buyer.email)
    yield from _line_faults(document, buyer, expert)
    yield from _amount_faults(document, expert, rules)
    if expert is not None and expert.issuer == "builtin":
        yield from _drawing_faults(document, buyer)
    if expert is None:
        yield fault("expert_id", FaultCode.EXPERT_UNKNOWN)
    else:
        yield from _expert_faults(expert, buyer, rules)


def _line_faults(document: CaseDocument, buyer: BillingData | None, expert: ExpertDocument | None) -> Iterator[Fault]:
    for index, line in enumerate(document.lines):
        path = f"lines[{index}]"
        for name, text, limit in (
            ("description", line.description, LONGEST_DESCRIPTION),
            ("unit", line.unit, 20),
        ):
            if not text.strip():
                yield fault(f"{path}.{name}", FaultCode.MISSING)
            elif len(text) > limit:
                yield fault(f"{path}.{name}", FaultCode.TOO_LONG)
            elif has_bad_characters(text):
                yield fault(f"{path}.{name}", FaultCode.BAD_CHARACTERS)
        if Decimal(line.quantity) == 0:
            yield fault(f"{path}.quantity", FaultCode.AMOUNT_TOO_SMALL)
        if line.vat_rate not in set(VatRate):
            yield fault(f"{path}.vat_rate", FaultCode.UNKNOWN_VAT_RATE)
        elif not _rate_allowed(VatRate(line.vat_rate), buyer, expert):
            yield fault(f"{path}.vat_rate", FaultCode.VAT_RATE_NOT_ALLOWED)


def _drawing_faults(document: CaseDocument, buyer: BillingData | None) -> Iterator[Fault]:
    """What our own documents have no letters for; another issuer may have them."""
    if buyer is not None:
        yield from undrawable_faults(buyer)
    for index, line in enumerate(document.lines):
        for name in ("description", "unit"):
            if not can_be_drawn(getattr(line, name)):
                yield fault(f"lines[{index}].{name}", FaultCode.BAD_CHARACTERS)


def _rate_allowed(rate: VatRate, buyer: BillingData | None, expert: ExpertDocument | None) -> bool:
    """Whether seller and buyer allow a rate.

    A seller exempt from VAT charges none; an exemption needs its basis; `np_eu` needs an EU business abroad, `oo` a
    business with a tax number, `np` a buyer outside Poland.
    """
    if expert is not None and expert.issuer != "none":
        if expert.vat_status == "exempt" and rate is not VatRate.EXEMPT:
            return False
        if rate is VatRate.EXEMPT and not expert.exemption_basis:
            return False
    if buyer is None or rate not in {VatRate.EU_SERVICE, VatRate.REVERSE_CHARGE, VatRate.OUTSIDE_POLAND}:
        return True
    country = buyer.country or ""
    if rate is VatRate.EU_SERVICE:
        abroad = country in EU and country != "PL"
        return buyer.kind == "company" and abroad and is_eu_vat_number(buyer.tax_id or "", country)
    if rate is VatRate.REVERSE_CHARGE:
        return buyer.kind == "company" and bool(buyer.tax_id)
    return country != "PL"


def _amount_faults(document: CaseDocument, expert: ExpertDocument | None, rules: ContentRules) -> Iterator[Fault]:
    if document.currency not in MINOR_DIGITS:
        yield fault("currency", FaultCode.CURRENCY_NOT_SUPPORTED)
    elif isinstance(document.payment, AutopayPayment) and document.currency not in rules.autopay_currencies:
        yield fault("currency", FaultCode.CURRENCY_NOT_SUPPORTED)
    sums = case_totals(document)
    if sums is None:
        return
    own = expert is not None and expert.issuer == "builtin"
    if own and not rules.knows_rates and needs_rate(document.currency, sums.vat):
        yield fault("currency", FaultCode.CURRENCY_NOT_SUPPORTED)
    for index, line in enumerate(priced_lines(document) or ()):
        if line.value(document.currency) < 0:
            yield fault(f"lines[{index}].discount_amount", FaultCode.AMOUNT_TOO_LARGE)
    if sums.gross < rules.minimum_amount:
        yield fault("lines", FaultCode.AMOUNT_TOO_SMALL)
    elif sums.gross > HIGHEST:
        yield fault("lines", FaultCode.AMOUNT_TOO_LARGE)


def _expert_faults(expert: ExpertDocument, buyer: BillingData | None, rules: ContentRules) -> Iterator[Fault]:
    if expert.issuer == "none":
        return
    if any(seller_faults(expert)):
        yield fault("expert_id", FaultCode.EXPERT_INCOMPLETE)
    if expert.issuer not in rules.ready_issuers or (expert.issuer == "wfirma" and expert.wfirma is None):
        yield fault("expert_id", FaultCode.ISSUER_NOT_READY)
    if expert.issuer != "builtin":
        return
    if _missing(expert, ("tax_id", "street", "postal_code", "city", "invoice_series")):
        yield fault("expert_id", FaultCode.EXPERT_INCOMPLETE)
    elif expert.invoice_series and not template_is_sound(expert.invoice_series):
        yield fault("expert_id", FaultCode.EXPERT_INCOMPLETE)
    if buyer is not None and demands_ksef(expert, buyer.country, to_business=buyer.kind == "company"):
        yield ksef_fault()


def _missing(expert: ExpertDocument, names: Iterable[str]) -> bool:
    return any(not (getattr(expert, name) or "").strip() for name in names)


def template_is_sound(template: str) -> bool:
    """Whether a series template gives unique consecutive numbers."""
    try:
        SeriesTemplate.parse(template)
    except TemplateFault:
        return False
    return True
