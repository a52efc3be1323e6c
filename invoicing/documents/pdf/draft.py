"""What every part of a document needs at hand: the facts, the look, the words and the sheet."""

from __future__ import annotations

from dataclasses import dataclass

from invoicing.documents.pdf.figures import Figures
from invoicing.documents.pdf.layout import Sheet
from invoicing.documents.pdf.look import Look
from invoicing.domain.invoices import Invoice
from invoicing.domain.tax import VatRate


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice while it is being drawn."""

    invoice: Invoice
    look: Look
    figures: Figures
    sheet: Sheet
    texts: dict[str, str]

    def word(self, key: str, **values: str) -> str:
        """A text of the document's language. Values are put in literally, braces in them mean nothing."""
        template = self.texts[key]
        return template.format(**values) if values else template

    def rate(self, rate: VatRate) -> str:
        """A rate as printed: `23%`, or the marking of an untaxed one."""
        return f"{rate.value}%" if rate.value.isdigit() else self.texts[f"rate.{rate.value}"]
