"""What every part of a document needs at hand: the facts, the look, the words and the sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from invoicing.documents.pdf.assets import Assets
from invoicing.documents.pdf.figures import Figures
from invoicing.documents.pdf.layout import Sheet
from invoicing.documents.pdf.look import Look
from invoicing.domain.invoices import Invoice
from invoicing.domain.tax import VatRate
from invoicing.locale import RIGHT_TO_LEFT
from invoicing.locale.documents import document_texts


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language of a document: its words and its formats."""

    language: str
    texts: Mapping[str, str]
    figures: Figures

    @classmethod
    def of(cls, language: str) -> Tongue:
        """The tongue of an offered language."""
        return cls(language, document_texts(language), Figures(language))

    @property
    def leftward(self) -> bool:
        """Whether it is written from right to left."""
        return self.language in RIGHT_TO_LEFT

    def word(self, key: str, **values: str | date) -> str:
        """A text with its values put in literally, dates as the language writes them; braces in them mean nothing."""
        template = self.texts[key]
        if not values:
            return template
        shown = {name: self.figures.day(value) if isinstance(value, date) else value for name, value in values.items()}
        return template.format(**shown)


@dataclass(frozen=True, slots=True)
class Draft:
    """A document while it is being drawn. The first tongue sets direction and formats, the second stands beside it."""

    invoice: Invoice
    look: Look
    first: Tongue
    second: Tongue | None
    sheet: Sheet
    assets: Assets
    duplicate_on: date | None

    @property
    def figures(self) -> Figures:
        """The formats of the first tongue, in which every figure is printed once."""
        return self.first.figures

    def word(self, key: str, **values: str | date) -> str:
        """A text in the first tongue."""
        return self.first.word(key, **values)

    def other(self, key: str, **values: str | date) -> str:
        """The same text in the second tongue; empty in a document of one tongue."""
        return self.second.word(key, **values) if self.second else ""

    def said(self, key: str, **values: str | date) -> list[str]:
        """The text in every tongue of the document, one paragraph each."""
        return [text for text in (self.word(key, **values), self.other(key, **values)) if text]

    def rate(self, rate: VatRate) -> str:
        """A rate as printed: `23%`, or the marking of an untaxed one."""
        if rate.value.isdigit():
            return self.figures.percent(rate.percent)
        return self.first.texts[f"rate.{rate.value}"]

    @property
    def title(self) -> str:
        """What the document is, in the first tongue."""
        return self.word(f"title.{self.invoice.kind}")
