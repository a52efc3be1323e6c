"""Invoices and their numbers.

A number is taken by moving its counter's row in the transaction that stores the invoice: the row stays locked until the
end of that transaction, so numbers follow the order of commits and a rollback leaves no gap (VAT Act art. 106e ust. 1
pkt 2). Nothing slow may happen between taking the number and the commit.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from invoicing.domain.invoices import Invoice
from invoicing.domain.records import StoredInvoice
from invoicing.errors import InternalFault, NotFound
from invoicing.storage.faults import DUPLICATE
from invoicing.storage.tables import invoices, number_counters
from invoicing.storage.work import Statements, Work

_INVOICE = select(invoices.c.invoice, invoices.c.sha256).where(
    invoices.c.case_id == bindparam("case"), invoices.c.sequence == bindparam("sequence")
)
_INVOICES = (
    select(invoices.c.invoice, invoices.c.sha256)
    .where(invoices.c.case_id == bindparam("case"))
    .order_by(invoices.c.sequence)
)
_ADD_INVOICE = insert(invoices).inline()
_SET_DOCUMENT = (
    update(invoices)
    .where(invoices.c.case_id == bindparam("case"), invoices.c.sequence == bindparam("nth"))
    .values(sha256=bindparam("hash"))
)


def _take_number() -> Statements:
    following = {"last": number_counters.c.last + 1}
    key = ["series", "period"]
    return {
        "sqlite": sqlite.insert(number_counters)
        .on_conflict_do_update(index_elements=key, set_=following)
        .returning(number_counters.c.last),
        "postgresql": postgresql.insert(number_counters)
        .on_conflict_do_update(index_elements=key, set_=following)
        .returning(number_counters.c.last),
    }


_TAKE_NUMBER = _take_number()


def _stored(row: Row[Any]) -> StoredInvoice:
    return StoredInvoice(invoice=Invoice.model_validate_json(row.invoice), sha256=row.sha256)


class InvoiceRows(Work):
    """Issued invoices as stored facts."""

    async def invoice(self, case_id: str, sequence: int = 1) -> StoredInvoice | None:
        """The issued invoice of a case, or None."""
        rows = await self._read(_INVOICE, {"case": case_id, "sequence": sequence})
        return _stored(rows[0]) if rows else None

    async def invoices(self, case_id: str) -> tuple[StoredInvoice, ...]:
        """The invoice and its corrections, by sequence."""
        return tuple(_stored(row) for row in await self._read(_INVOICES, {"case": case_id}))

    async def take_number(self, series: str, period: str) -> int:
        """One statement: the first number of a period is 1, each other one more than the last."""
        result = await self._write(_TAKE_NUMBER[self._dialect], {"series": series, "period": period, "last": 1})
        return int(result.scalar_one())

    async def add_invoice(self, invoice: Invoice, series: str, period: str, ordinal: int) -> None:
        """The database refuses a second invoice of the case and a number that the seller has used."""
        row = {
            "case_id": invoice.case_id,
            "sequence": invoice.sequence,
            "seller_tax_id": invoice.seller.tax_id or "",
            "full_number": invoice.number,
            "series": series,
            "period": period,
            "ordinal": ordinal,
            "issued_on": invoice.issued_on,
            "invoice": invoice.model_dump_json(),
        }
        try:
            await self._write(_ADD_INVOICE, row)
        except InternalFault as fault:
            if fault.code != DUPLICATE:
                raise
            raise InternalFault("invoice_exists", "the case or the seller's number has an invoice already") from None

    async def set_invoice_document(self, case_id: str, sequence: int, sha256: str) -> None:
        """Note the address of the stored PDF."""
        result = await self._write(_SET_DOCUMENT, {"case": case_id, "nth": sequence, "hash": sha256})
        if result.rowcount != 1:
            raise NotFound("no_invoice", "the case has no such invoice")
