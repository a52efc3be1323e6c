"""What a document shows besides its facts: the seller's logo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from invoicing.domain.invoices import Invoice


@dataclass(frozen=True, slots=True)
class Assets:
    """Pictures of the seller, given to `render` beside the invoice because the stored fact has their addresses only."""

    logo: bytes | None = None


class Renderer(Protocol):
    """Draws an invoice as PDF; the same invoice with the same pictures gives the same bytes."""

    def __call__(self, invoice: Invoice, assets: Assets, duplicate_on: date | None = None, /) -> bytes: ...
