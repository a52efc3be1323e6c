"""The transfer code: what it says, when it is there, and that a scanner reads it off the page."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pypdfium2
import pytest
import zxingcpp

from invoicing.documents.pdf.invoice import laid_out, render
from invoicing.documents.pdf.transfer import transfer_text
from invoicing.domain.invoices import Invoice
from tests.unit.documents.samples import SELLER, invoice, line


def owing(amount: str = "398.52", **changes: object) -> Invoice:
    return invoice(
        [line(discount_percent=Decimal(10))], amount_due=Decimal(amount), due_on=date(2026, 12, 8), **changes
    )


def scanned(pdf: bytes) -> list[str]:
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=150 / 72).to_pil()
    return [found.text for found in zxingcpp.read_barcodes(page)]


def test_a_scanner_reads_the_transfer_off_the_page() -> None:
    said = "|PL|61109010140000071219812874|039852|Jan Przykładowy Dora|FV/1/11/2026|||"
    assert scanned(render(owing())) == [said]


@pytest.mark.parametrize("language", ["pl", "ar"])
def test_the_code_of_a_pro_forma_is_read_in_either_direction_of_the_page(language: str) -> None:
    drawn = owing(kind="proforma", languages=(language,))
    assert scanned(render(drawn)) == [transfer_text(drawn)]


@pytest.mark.parametrize(("amount", "grosze"), [("0.01", "000001"), ("9999.99", "999999"), ("120", "012000")])
def test_the_amount_is_six_digits_of_grosze(amount: str, grosze: str) -> None:
    assert (transfer_text(owing(amount)) or "").split("|")[3] == grosze


def test_a_part_that_is_due_is_what_the_code_asks_for() -> None:
    assert "|009852|" in scanned(render(owing("98.52")))[0]


@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param(owing("0"), id="nothing due"),
        pytest.param(owing(currency="EUR"), id="another currency"),
        pytest.param(owing("10000.00"), id="more than six digits say"),
        pytest.param(owing(split_payment=True), id="split payment has no field"),
        pytest.param(owing(seller=SELLER.model_copy(update={"bank_account": None})), id="no account"),
        pytest.param(owing(seller=SELLER.model_copy(update={"bank_account": "DE89370400440532013000"})), id="abroad"),
    ],
)
def test_there_is_no_code_where_it_could_not_be_paid(drawn: Invoice) -> None:
    assert transfer_text(drawn) is None
    assert "Zapłać przelewem" not in {run.text for run in laid_out(drawn).sheet.pages[0].runs}


def test_texts_in_the_code_are_cut_and_cannot_add_fields() -> None:
    seller = SELLER.model_copy(update={"name": "A|B\n" + "ż" * 40})
    said = transfer_text(owing(seller=seller, number="FV/" + "9" * 60)) or ""
    fields = said.split("|")
    assert len(fields) == 9
    assert fields[4] == "A B " + "ż" * 16
    assert fields[5] == "FV/" + "9" * 29
