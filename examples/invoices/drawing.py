"""From the JSON of an example to its PDF, and from a PDF to pictures of its pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from invoicing.documents.pdf.assets import Assets
from invoicing.documents.pdf.invoice import render
from invoicing.domain.invoices import Invoice

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER: Final = Path(__file__).parent
PICTURES: Final = FOLDER.parents[1] / "tests" / "golden"
DOTS_PER_INCH: Final = 48
PAGES_SHOWN: Final = 2
"""A long document shows its first page and its last."""


def examples() -> list[Path]:
    """The facts, in order."""
    return sorted(FOLDER.glob("*.json"))


def fact(path: Path) -> Invoice:
    """The invoice of an example."""
    return Invoice.model_validate(json.loads(path.read_text(encoding="utf-8"))["invoice"])


def drawn(path: Path) -> bytes:
    """The PDF of an example."""
    told = json.loads(path.read_text(encoding="utf-8"))
    logo = (FOLDER / told["logo"]).read_bytes() if "logo" in told else None
    duplicate_on = date.fromisoformat(told["duplicate_on"]) if "duplicate_on" in told else None
    return render(fact(path), Assets(logo=logo), duplicate_on)


def pictured(pdf: bytes, dots_per_inch: float = DOTS_PER_INCH) -> Iterator[Image]:
    """First and last page in shades of grey, as PDFium shows them."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        for number in sorted({0, len(document) - 1})[:PAGES_SHOWN]:
            yield document[number].render(scale=dots_per_inch / 72).to_pil().convert("L")
    finally:
        document.close()


def picture_path(path: Path, number: int) -> Path:
    """Where the golden picture of an example's nth shown page is kept."""
    return PICTURES / f"{path.stem}-{number}.png"
