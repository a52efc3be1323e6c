"""Drawing a stored fact, with the seller's logo fetched from the documents."""

from __future__ import annotations

import asyncio
from datetime import date

from invoicing.documents.pdf.assets import Assets, Renderer
from invoicing.domain.invoices import Invoice
from invoicing.errors import InternalFault, NotFound
from invoicing.ports import DocumentStore


class Draughtsman:
    """Draws in a thread, so that nothing else in the process waits for a page."""

    def __init__(self, documents: DocumentStore, render: Renderer) -> None:
        self._documents = documents
        self._render = render

    async def __call__(self, invoice: Invoice, duplicate_on: date | None = None) -> bytes:
        """The PDF of a fact."""
        assets = Assets(await self._logo(invoice))
        return await asyncio.to_thread(self._render, invoice, assets, duplicate_on)

    async def _logo(self, invoice: Invoice) -> bytes | None:
        """The picture, or None when it cannot be had any more: no paid case waits for a picture."""
        if invoice.logo is None:
            return None
        try:
            return await self._documents.get(invoice.logo)
        except (NotFound, InternalFault):
            return None
