"""The correction to zero of an invoice at wFirma: every line afterwards counts nothing.

A line cannot be removed, only corrected; name and unit stay. Whether wFirma shows the difference or the state
afterwards as the total of a correction is not documented, so both mean zero left. The buyer is the one of the corrected
invoice, whatever billing data came later. Source: wFirma API v2, "corrections"; VAT Act art. 106j.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from decimal import Decimal
from typing import Any

from invoicing.domain.numbering import issue_date
from invoicing.errors import DataFault, Fault, InternalFault
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.proof import DIFFERS
from invoicing.gateways.wfirma.wanted import CORRECTION, Wanted
from invoicing.gateways.wfirma.wire import Record, listed, text

REASON = "Anulowanie sprzedaży i zwrot całości zapłaty"


def issued_before(planned: Wanted) -> Wanted:
    """The invoice to be corrected: billing data may have changed since, so its buyer is not asked about."""
    return dataclasses.replace(planned, buyer=None)


def wanted_correction(original: Wanted, invoice: Record, sequence: int) -> Wanted:
    """What must be true of the correction: its parent, and nothing left to pay."""
    if sequence <= original.sequence:
        raise InternalFault("internal", "a correction has a sequence of its own")
    left = frozenset({Decimal(0)}) | {-total for total in original.totals}
    return dataclasses.replace(original, sequence=sequence, kind=CORRECTION, totals=left, parent_id=text(invoice, "id"))


def correction_request(wanted: Wanted, invoice: Record, now: datetime) -> dict[str, Any]:
    """The body of invoices/add; currency and buyer are inherited from the corrected invoice."""
    contents = list(listed(invoice.get("invoicecontents"), "invoicecontent"))
    if not contents or not all(text(content, "id") for content in contents):
        raise DataFault(DIFFERS, [Fault("wfirma.invoicecontents", "missing")])
    today = issue_date(now).isoformat()
    lines = [
        {
            "parent_id": text(content, "id"),
            "name": text(content, "name"),
            "unit": text(content, "unit"),
            "count": "0",
            "price": text(content, "price"),
        }
        for content in contents
    ]
    record = {
        "type": CORRECTION,
        "id_external": wanted.id_external,
        "parent_id": wanted.parent_id,
        "date": today,
        "disposaldate": today,
        "paymentdate": today,
        "paymentmethod": "transfer",
        "price_type": text(invoice, "price_type") or "netto",
        "auto_send": "0",
        "description": REASON,
        "invoicecontents": wire.numbered("invoicecontent", *lines),
    }
    return wire.request("invoices", "invoice", record)
