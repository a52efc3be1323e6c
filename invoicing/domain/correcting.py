"""What a person may want corrected on an issued invoice, and everything that is wrong with the wish.

The wish states what is to be true afterwards: the buyer, every line, or that nothing was sold. A line that is left out
is taken away, one that is added was forgotten. It is judged by the rules of the invoice itself before it is decided, so
that what was decided can be carried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, TypeAdapter

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument, Line, Shape, Text, filled_lines
from invoicing.domain.corrections import Change, differs, reason_of, zeroed
from invoicing.domain.exchange import ExchangeRate
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.invoices import Invoice, InvoiceLine, Party
from invoicing.domain.issuing import buyer_party, printed_lines
from invoicing.domain.ksef import correction_demands_ksef, ksef_fault
from invoicing.domain.parties import text_faults
from invoicing.domain.printable import can_be_drawn
from invoicing.domain.records import CaseFacts
from invoicing.domain.tax import VatRate
from invoicing.domain.validation import ContentRules, content_faults, priced_lines
from invoicing.errors import Fault, InternalFault

LONGEST_REASON = 500


class CorrectionRequest(Shape):
    """A wish to correct an invoice: why, and what is true afterwards. Shape only."""

    reason: Text
    billing_data: BillingData | None = None
    lines: (
        Annotated[
            tuple[Line, ...],
            BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
            AfterValidator(filled_lines),
        ]
        | None
    ) = None
    to_zero: bool = False

    def body(self, revision: int | None) -> dict[str, str]:
        """The wish as a decision keeps it; the buyer's data stay where they are, under their revision."""
        body = {"reason": self.reason}
        if revision is not None:
            body["billing_revision"] = str(revision)
        if self.lines is not None:
            body["lines"] = _LINES.dump_json(self.lines).decode()
        if self.to_zero:
            body["to_zero"] = "true"
        return body


_LINES = TypeAdapter(tuple[Line, ...])


def recorded_request(body: Mapping[str, str], buyer: BillingData | None) -> CorrectionRequest:
    """The wish that a decision keeps, with the buyer's data of its revision."""
    return CorrectionRequest(
        reason=body["reason"],
        billing_data=buyer,
        lines=_LINES.validate_json(body["lines"]) if "lines" in body else None,
        to_zero="to_zero" in body,
    )


@dataclass(frozen=True, slots=True)
class StateAfter:
    """What the document says after the correction."""

    lines: tuple[InvoiceLine, ...]
    buyer: Party
    buyer_is_company: bool


def state_after(latest: Invoice, document: CaseDocument, wish: CorrectionRequest) -> StateAfter:
    """The state that a wish leads to from the latest document. Raises `InternalFault` for one that was not judged."""
    lines = latest.lines
    if wish.to_zero:
        lines = zeroed(lines)
    elif wish.lines is not None:
        priced = priced_lines(_with_lines(document, wish.lines))
        if priced is None:
            raise InternalFault("invoice_facts_incomplete", "the lines of a correction did not pass validation")
        lines = printed_lines(priced, latest.currency)
    if wish.billing_data is None:
        return StateAfter(lines, latest.buyer, latest.buyer_is_company)
    return StateAfter(lines, buyer_party(wish.billing_data), wish.billing_data.kind == "company")


def change_of(latest: Invoice, facts: CaseFacts, wish: CorrectionRequest, rate: ExchangeRate | None) -> Change:
    """The change that leads from the latest document to a wish.

    A correction to zero by a person says his own reason alone: the usual words tell of a refund, which need not be.
    """
    after = state_after(latest, facts.document, wish)
    moved = differs(latest, latest.lines, after.buyer)
    altered = after.lines != latest.lines
    key = "other" if wish.to_zero or (moved and altered) else reason_of(latest.lines, after.lines)
    return Change(
        reason_key=key,
        reason_text=wish.reason,
        lines=after.lines,
        buyer=after.buyer,
        buyer_is_company=after.buyer_is_company,
        exemption_basis=None if facts.expert is None else facts.expert.exemption_basis,
        rate=rate,
    )


def changes_nothing(latest: Invoice, document: CaseDocument, wish: CorrectionRequest) -> bool:
    """Whether the latest document says already what is wished for."""
    after = state_after(latest, document, wish)
    return not differs(latest, after.lines, after.buyer)


_OF_THE_INVOICE = frozenset({FaultCode.EXPERT_INCOMPLETE, FaultCode.ISSUER_NOT_READY, FaultCode.KSEF_REQUIRED})
"""Faults of a first invoice alone; what KSeF means for a correction is judged by the buyers that it names."""


def correction_faults(
    wish: CorrectionRequest,
    latest: Invoice,
    document: CaseDocument,
    buyer: BillingData | None,
    expert: ExpertDocument | None,
    rules: ContentRules,
) -> tuple[Fault, ...]:
    """All faults of a wish, by paths of its own document; `buyer` are the newest billing data of the case.

    A line may count nothing and the total may sink to nought; a rate that the invoice has was allowed when it was
    issued. The seller is the one who stands on the invoice, so nothing that he has not filled in since is missing.
    """
    return tuple(
        {(item.field, item.code): item for item in _all(wish, latest, document, buyer, expert, rules)}.values()
    )


def _all(
    wish: CorrectionRequest,
    latest: Invoice,
    document: CaseDocument,
    buyer: BillingData | None,
    expert: ExpertDocument | None,
    rules: ContentRules,
) -> Iterator[Fault]:
    yield from text_faults("reason", wish.reason, LONGEST_REASON)
    if not can_be_drawn(wish.reason):
        yield fault("reason", FaultCode.BAD_CHARACTERS)
    if wish.to_zero and wish.lines is not None:
        yield fault("to_zero", FaultCode.BAD_FORMAT)
    elif not wish.to_zero and wish.lines is None and wish.billing_data is None:
        yield fault("lines", FaultCode.MISSING)
    judged = _with_lines(document, wish.lines or _as_priced(latest))
    calm = replace(rules, minimum_amount=Decimal(0), autopay_currencies=frozenset({document.currency}))
    after = latest.buyer if wish.billing_data is None else wish.billing_data
    company = latest.buyer_is_company if wish.billing_data is None else wish.billing_data.kind == "company"
    if expert is not None and correction_demands_ksef(expert, latest, after.country, to_business=company):
        yield ksef_fault()
    known = {row.rate.value for row in latest.rates}
    for item in content_faults(judged, wish.billing_data or buyer, _as_then(expert, latest), calm):
        if item.code in _OF_THE_INVOICE:
            continue
        place = item.field.removeprefix("lines[").partition("]")[0]
        if item.field.startswith("lines[") and wish.lines is None and item.code != FaultCode.VAT_RATE_NOT_ALLOWED:
            continue
        if item.field.endswith("].quantity") and item.code == FaultCode.AMOUNT_TOO_SMALL:
            continue
        was_there = place.isdecimal() and judged.lines[int(place)].vat_rate in known
        if item.code == FaultCode.VAT_RATE_NOT_ALLOWED and was_there and wish.billing_data is None:
            continue
        yield item


def _with_lines(document: CaseDocument, lines: tuple[Line, ...]) -> CaseDocument:
    return document.model_copy(update={"lines": lines})


def _as_priced(latest: Invoice) -> tuple[Line, ...]:
    """The lines of the latest document as a case document has them."""
    names = (
        "description",
        "quantity",
        "unit",
        "unit_price",
        "discount_percent",
        "discount_amount",
        "vat_rate",
        "annex_15",
    )
    return tuple(Line.model_construct(**{name: getattr(line, name) for name in names}) for line in latest.lines)


def _as_then(expert: ExpertDocument | None, latest: Invoice) -> ExpertDocument | None:
    """The seller of an invoice of ours: what he became since does not decide about what he sold then."""
    if expert is None:
        return None
    taxed = any(row.rate is not VatRate.EXEMPT for row in latest.rates)
    return expert.model_copy(
        update={
            "issuer": "builtin",
            "vat_status": "active" if taxed else expert.vat_status,
            "exemption_basis": latest.exemption_basis or expert.exemption_basis,
        }
    )
