"""Which invoices may be issued only through KSeF (VAT Act art. 106ga): those of a seller with the duty for a business.

Natural persons outside business are excluded (art. 106ga ust. 2 pkt 4). A correction is an invoice of its own (art.
106j), so the duty of the day on which it is issued decides, whatever held for the invoice that it corrects.
"""

from __future__ import annotations

from invoicing.domain.cases import ExpertDocument
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.invoices import Invoice
from invoicing.errors import DataFault, Fault

KSEF_CORRECTION = "correction_ksef_required"


def demands_ksef(expert: ExpertDocument, country: str | None, *, to_business: bool) -> bool:
    """Whether an invoice for this buyer must go through KSeF."""
    return expert.ksef == "required" and to_business and country == "PL"


def correction_demands_ksef(expert: ExpertDocument, before: Invoice, country: str | None, *, to_business: bool) -> bool:
    """Whether a correction must: the buyer of the document before it, or the one it names, is such a business."""
    was = demands_ksef(expert, before.buyer.country, to_business=before.buyer_is_company)
    return was or demands_ksef(expert, country, to_business=to_business)


def ksef_fault() -> Fault:
    """What is told of a buyer whose invoice we cannot issue."""
    return fault("billing_data.tax_id", FaultCode.KSEF_REQUIRED)


def demand_outside_ksef(expert: ExpertDocument, country: str | None, *, to_business: bool) -> None:
    """Raises `DataFault("ksef_required")` for an invoice that we may not issue."""
    if demands_ksef(expert, country, to_business=to_business):
        raise DataFault("ksef_required", [ksef_fault()])


def demand_correction_outside_ksef(expert: ExpertDocument, before: Invoice, correction: Invoice) -> None:
    """Raises `DataFault("correction_ksef_required")` for a correction that we may not issue."""
    to_business = correction.buyer_is_company
    if correction_demands_ksef(expert, before, correction.buyer.country, to_business=to_business):
        raise DataFault(KSEF_CORRECTION, [ksef_fault()])
