"""Every document of a case in one list: the invoice, its corrections, and what an expert has attached.

The invoice that the case's issuer made is number 1, what came after it is numbered by the archive. Numbers are never
given to another document, so an address that was handed out goes on leading to the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from invoicing.domain.invoices import Invoice
from invoicing.domain.labels import Role
from invoicing.domain.records import ArchivedDocument, StoredInvoice
from invoicing.domain.state import CaseState, InvoiceStatus

INVOICE, CORRECTION, ATTACHMENT = "invoice", "correction", "attachment"
FIRST = 1


@dataclass(frozen=True, slots=True)
class Paper:
    """One stored document. `fact` is what our own issuer knows of it; others only have the number, or nothing."""

    number: int
    kind: str
    sha256: str
    full_number: str | None = None
    issued_on: date | None = None
    fact: Invoice | None = None
    corrects: int | None = None
    corrected_by: tuple[int, ...] = ()


def papers_of(
    state: CaseState, issued: Sequence[StoredInvoice], archived: Sequence[ArchivedDocument], role: Role
) -> tuple[Paper, ...]:
    """The documents that a role may see, by number.

    An attachment that was replaced, or is not the invoice yet, may be somebody else's: only expert and ops see it.
    """
    facts = {stored.sha256: stored.invoice for stored in issued if stored.sha256}
    later = [_later(document, facts.get(document.sha256)) for document in archived if _shown(document, state, role)]
    corrections = tuple(paper.number for paper in later if paper.kind == CORRECTION)
    invoice = state.invoice
    if invoice.status is not InvoiceStatus.AVAILABLE or invoice.sha256 is None:
        return tuple(later)
    first = Paper(
        number=FIRST,
        kind=INVOICE,
        sha256=invoice.sha256,
        full_number=invoice.number,
        issued_on=invoice.issued_on,
        fact=facts.get(invoice.sha256),
        corrected_by=corrections,
    )
    return (first, *later)


def _shown(document: ArchivedDocument, state: CaseState, role: Role) -> bool:
    current = document.sha256 == state.invoice.sha256
    return document.kind == CORRECTION or current or role in {Role.EXPERT, Role.OPS}


def _later(document: ArchivedDocument, fact: Invoice | None) -> Paper:
    corrects = FIRST if document.kind == CORRECTION else None
    number = FIRST + document.number
    if fact is None:
        return Paper(number, document.kind, document.sha256, corrects=corrects)
    return Paper(number, document.kind, document.sha256, fact.number, fact.issued_on, fact, corrects)
