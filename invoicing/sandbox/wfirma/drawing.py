"""The PDF of a document: one page with parties, lines, sums of each rate, number and total, embedded fonts."""

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from invoicing.sandbox.wfirma.arithmetic import VAT_CODES

FONT = "SandboxSans"
TITLES = {"normal": "Faktura VAT", "bill": "Faktura", "correction": "Faktura korygująca", "proforma": "Pro forma"}
LEFT, RIGHT, TOP, STEP = 50, 545, 790, 16
LABELS = {code.id: code.label for code in VAT_CODES}


@cache
def _font() -> TTFont:
    face = TTFont(FONT, "Vera.ttf")
    pdfmetrics.registerFont(face)
    return face


def draw(record: Mapping[str, Any], parent_number: str = "", off: Decimal = Decimal(0)) -> bytes:
    """The file; ``off`` is added to every gross amount that it prints."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    pen = _Pen(canvas)
    pen.line(f"{TITLES.get(record['type'], record['type'])} nr {record['fullnumber']}", size=15)
    if parent_number:
        pen.line(f"do dokumentu nr {parent_number}")
    pen.line(f"Data wystawienia: {record['date']}   Data sprzedaży: {record['disposaldate']}")
    for title, party in (("Sprzedawca", record["company_detail"]), ("Nabywca", record["contractor_detail"])):
        pen.line("")
        pen.line(f"{title}: {party['name']}")
        pen.line(" ".join(party.get(name, "") for name in ("street", "zip", "city")).strip())
        if party.get("nip"):
            pen.line(f"NIP: {party['nip']}")
    pen.line("")
    for number, content in enumerate(record["invoicecontents"], 1):
        count, price = content["count"].rstrip("0").rstrip("."), _amount(content["price"])
        rate, value = LABELS[content["vat_code"]["id"]], _amount(content["brutto"], off)
        pen.line(f"{number}. {content['name']}")
        pen.line(f"    {count or '0'} {content['unit']} x {price}, VAT {rate}, wartość brutto {value}")
    pen.line("")
    for row in record["vat_contents"]:
        sums = f"netto {_amount(row['netto'])}, VAT {_amount(row['tax'])}, brutto {_amount(row['brutto'], off)}"
        pen.line(f"{LABELS[row['vat_code']['id']]}: {sums}")
    pen.line(f"Razem: {_amount(record['total'], off)} {record['currency']}", size=13)
    pen.line(f"Zapłacono: {_amount(record['alreadypaid'], off)} {record['currency']}")
    for said in record["description"].splitlines():
        pen.line(said)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class _Pen:
    """Writes one line below the other, on as many pages as it takes."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._glyphs = _font().face.charToGlyph
        self._at = TOP

    def line(self, said: str, size: int = 10) -> None:
        if self._at < 60:
            self._canvas.showPage()
            self._at = TOP
        self._canvas.setFont(FONT, size)
        self._canvas.drawString(LEFT, self._at, self._printable(said)[: 2 * (RIGHT - LEFT) // size])
        self._at -= STEP + (size - 10)

    def _printable(self, said: str) -> str:
        """The font lacks some Polish letters: those are printed without their marks."""
        return "".join(sign if ord(sign) in self._glyphs else _plain(sign) for sign in said)


def _plain(sign: str) -> str:
    bare = unicodedata.normalize("NFKD", sign)[0]
    return bare if bare.isascii() and bare.isprintable() else "?"


def _amount(written: str, off: Decimal = Decimal(0)) -> str:
    """Polish spelling, thousands set apart: ``1 234,56``."""
    return f"{Decimal(written) + off:,.2f}".replace(",", " ").replace(".", ",")
