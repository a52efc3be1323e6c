"""What the answers about the documents of a case look like, for the OpenAPI document."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from invoicing.web.described import Described, TotalsPart


class DocumentItem(Described):
    """One document; what is null its author alone knows. `corrects` and `corrected_by` are numbers of the list."""

    number: int
    kind: Annotated[str, Field(description="`invoice`, `correction` or `attachment`")]
    label: str
    full_number: str | None
    issued_on: date | None
    currency: str | None
    totals: Annotated[TotalsPart | None, Field(description="after a correction")]
    difference: Annotated[TotalsPart | None, Field(description="by how much a correction changes them")]
    reason: str | None
    corrects: int | None
    corrected_by: list[int]
    sha256: str
    href: str


class DocumentList(Described):
    """The documents of a case: the invoice first, then what came after it."""

    items: list[DocumentItem]
    next_cursor: None
