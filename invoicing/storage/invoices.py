"""Invoices and their numbers.

A number is taken by moving its counter's row in the transaction that stores the invoice: the row stays locked until the
end of that transaction, so numbers follow the order of commits and a rollback leaves no gap (VAT Act art. 106e ust. 1
pkt 2). Nothing slow may happen between taking the number and the commit.

Where another makes the invoice, a note of each request that left stands here instead, at most one a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from invoicing.domain.invoices import Invoice
from invoicing.domain.records import StoredInvoice
from invoicing.errors import InternalFault
from invoicing.storage.faults import DUPLICATE
from invoicing.storage.tables import invoices, issue_notes, number_counters
from invoicing.storage.types import Instant
from invoicing.storage.work import Statements, Work

_STORED = select(invoices.c.invoice, invoices.c.series, invoices.c.sha256)
_INVOICE = _STORED.where(invoices.c.case_id == bindparam("case"), invoices.c.sequence == bindparam("sequence"))
_INVOICES = _STORED.where(invoices.c.case_id == bindparam("case")).order_by(invoices.c.sequence)
_USED = select(invoices.c.full_number).where(
    invoices.c.seller_tax_id == bindparam("seller"),
    invoices.c.full_number.in_(bindparam("numbers", expanding=True)),
)
_QUEUE = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("seller"), 2)))
_ADD_INVOICE = insert(invoices).inline()
_SET_DOCUMENT = (
    update(invoices)
    .where(invoices.c.case_id == bindparam("case"), invoices.c.sequence == bindparam("nth"))
    .values(sha256=bindparam("hash"))
)


def _take_number() -> Statements:
    key, following = ["series", "period"], number_counters.c.last + 1
    lite, full = sqlite.insert(number_counters), postgresql.insert(number_counters)
    return {
        "sqlite": lite.on_conflict_do_update(
            index_elements=key, set_={"last": func.max(following, lite.excluded.last)}
        ).returning(number_counters.c.last),
        "postgresql": full.on_conflict_do_update(
            index_elements=key, set_={"last": func.greatest(following, full.excluded.last)}
        ).returning(number_counters.c.last),
    }


_TAKE_NUMBER = _take_number()

_NOTED = select(issue_notes.c.sent_at).where(
    issue_notes.c.case_id == bindparam("case"), issue_notes.c.sequence == bindparam("nth")
)
_RELEASE_ISSUE = delete(issue_notes).where(
    issue_notes.c.case_id == bindparam("case"),
    issue_notes.c.sequence == bindparam("nth"),
    issue_notes.c.sent_at == bindparam("claimed_at", type_=Instant),
)


def _claim(added: sqlite.Insert | postgresql.Insert) -> Executable:
    return added.on_conflict_do_update(
        index_elements=["case_id", "sequence"],
        set_={"sent_at": added.excluded.sent_at},
        where=issue_notes.c.sent_at <= bindparam("unless_after", type_=Instant),
    ).returning(issue_notes.c.sent_at)


_CLAIM_ISSUE: Statements = {
    "sqlite": _claim(sqlite.insert(issue_notes)),
    "postgresql": _claim(postgresql.insert(issue_notes)),
}


def _stored(row: Row[Any]) -> StoredInvoice:
    return StoredInvoice(invoice=Invoice.model_validate_json(row.invoice), series=row.series, sha256=row.sha256)


class InvoiceRows(Work):
    """Issued invoices as stored facts."""

    async def invoice(self, case_id: str, sequence: int = 1) -> StoredInvoice | None:
        """The issued invoice of a case, or None."""
        rows = await self._read(_INVOICE, {"case": case_id, "sequence": sequence})
        return _stored(rows[0]) if rows else None

    async def invoices(self, case_id: str) -> tuple[StoredInvoice, ...]:
        """The invoice and its corrections, by sequence."""
        return tuple(_stored(row) for row in await self._read(_INVOICES, {"case": case_id}))

    async def take_number(self, series: str, period: str, at_least: int = 1) -> int:
        """One statement: the first number of a period is 1, each other one more than the last, or `at_least`."""
        row = {"series": series, "period": period, "last": at_least}
        return int((await self._write(_TAKE_NUMBER[self._dialect], row)).scalar_one())

    async def used_numbers(self, seller_tax_id: str, numbers: Sequence[str]) -> frozenset[str]:
        """By the index that keeps a seller's numbers unique; writers of one seller queue, as all do on SQLite."""
        if self._writable and self._dialect == "postgresql":
            await self._read(_QUEUE, {"seller": seller_tax_id})
        rows = await self._read(_USED, {"seller": seller_tax_id, "numbers": list(numbers)})
        return frozenset(row.full_number for row in rows)

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
            raise InternalFault("internal", "the case has no such invoice")

    async def issue_sent(self, case_id: str, sequence: int) -> datetime | None:
        """When a request to issue this document last left, as far as it was not called off."""
        rows = await self._read(_NOTED, {"case": case_id, "nth": sequence})
        return rows[0].sent_at if rows else None

    async def claim_issue(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        """One statement: who claims at the same time waits for this transaction and then meets its note."""
        row = {"case_id": case_id, "sequence": sequence, "sent_at": now, "unless_after": unless_after}
        result = await self._write(_CLAIM_ISSUE[self._dialect], row)
        return result.first() is not None

    async def release_issue(self, case_id: str, sequence: int, claimed_at: datetime) -> None:
        """Take back the note of that time; a later one stays."""
        await self._write(_RELEASE_ISSUE, {"case": case_id, "nth": sequence, "claimed_at": claimed_at})
