"""One invoice PDF against a bare ReportLab canvas that writes the same text at the same places with the same fonts.

The bare canvas gets every string with its position ready and draws each with `drawString`: no layout, no formatting, no
measuring. What an archive asks for (colour profile, XMP, bookmarks) is in ours alone. Both render in turn in one
process; the ratio is the median of the ratios of neighbours, on CPU time. Two more figures stand beside it: an invoice
of 200 positions, and one in Polish and Arabic with a transfer code, the dearest kind of page that there is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO
from statistics import median
from time import process_time

from reportlab.pdfgen.canvas import Canvas

from invoicing.documents.pdf.fonts import REGULAR
from invoicing.documents.pdf.invoice import laid_out, render
from invoicing.documents.pdf.layout import PAGE_HEIGHT, PAGE_WIDTH, Page
from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.invoices import Invoice
from invoicing.domain.issuing import plan_invoice

SERVICES = ("Konsultacja prawna", "Opinia podatkowa", "Analiza umowy", "Udział w negocjacjach", "Pismo procesowe")


def sample(positions: int = 1) -> Invoice:
    """The invoice of the specification's case document, with as many positions as asked for."""
    document = CaseDocument.model_validate(
        {
            "case_id": "2026-000123",
            "expert_id": "exp-1",
            "client": {"id": "cli-7", "email": "anna@example.com", "language": "pl"},
            "currency": "PLN",
            "prices": "net",
            "lines": [
                {
                    "description": SERVICES[n % len(SERVICES)],
                    "quantity": "1.5",
                    "unit": "godz.",
                    "unit_price": "240.00",
                    "discount_percent": "10",
                    "vat_rate": "23",
                }
                for n in range(positions)
            ],
            "payment": {"method": "autopay"},
        }
    )
    buyer = BillingData(
        kind="company",
        name="Przykład sp. z o.o.",
        tax_id="5260250274",
        street="Jasna 6/3",
        postal_code="00-013",
        city="Warszawa",
        country="PL",
    )
    expert = ExpertDocument(
        name="Jan Przykładowy Doradztwo",
        tax_id="1234563218",
        street="Prosta 1",
        postal_code="00-001",
        city="Warszawa",
        bank_account="PL61109010140000071219812874",
        issuer="builtin",
    )
    return plan_invoice(
        document,
        buyer,
        expert,
        number="FV/1/11/2026",
        issued_on=date(2026, 11, 22),
        paid_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
        payment_reference="9ABC12DEF3",
        language="pl",
    )


def bare(pages: list[Page], *, compressed: bool) -> bytes:
    """What somebody with ReportLab and no layout of their own would write."""
    target = BytesIO()
    canvas = Canvas(
        target,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        pageCompression=int(compressed),
        invariant=1,
        initialFontName=REGULAR,  # type: ignore[arg-type]  # the stubs say number, the canvas wants a name
    )
    for page in pages:
        colour, font = None, None
        for x, y, text, style in page.runs:
            if style.colour != colour:
                colour = style.colour
                canvas.setFillColorRGB(*colour)
            if (style.font, style.size) != font:
                font = (style.font, style.size)
                canvas.setFont(style.font, style.size)
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def measure(rounds: int = 40, batch: int = 5) -> dict[str, float]:
    """CPU of ours and of the bare canvas, rendered in turn, and the CPU of an invoice with 200 positions."""
    invoice = sample(5)
    pages = laid_out(invoice).sheet.pages
    rivals: dict[str, Callable[[], bytes]] = {
        "ours": lambda: render(invoice),
        "bare": lambda: bare(pages, compressed=False),
        "bare_compressed": lambda: bare(pages, compressed=True),
    }
    spent: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(rounds + 2):
        for name, draw in rivals.items():
            cost = _cpu(draw, batch)
            if turn >= 2:  # the first turns fill caches
                spent[name].append(cost)
    long = sample(200)
    bilingual = invoice.model_copy(update={"languages": ("pl", "ar"), "amount_due": invoice.gross})
    return {
        "ours_ms": 1000 * median(spent["ours"]),
        "bare_ms": 1000 * median(spent["bare"]),
        "ratio": _ratio(spent["ours"], spent["bare"]),
        "ratio_to_compressed": _ratio(spent["ours"], spent["bare_compressed"]),
        "two_hundred_lines_ms": 1000 * median(_cpu(lambda: render(long), 1) for _ in range(5)),
        "polish_arabic_with_code_ms": 1000 * median(_cpu(lambda: render(bilingual), 1) for _ in range(5)),
        "bytes": len(rivals["ours"]()),
        "bare_bytes": len(rivals["bare"]()),
    }


def _cpu(draw: Callable[[], bytes], times: int) -> float:
    started = process_time()
    for _ in range(times):
        draw()
    return (process_time() - started) / times


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return median(a / b for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
