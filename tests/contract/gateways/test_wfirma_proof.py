"""What is demanded of a document, and that every line is spelled so that wFirma computes our value."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from reportlab.pdfgen.canvas import Canvas

from invoicing.domain.tax import PricedLine, VatRate
from invoicing.errors import ConnectivityFault, DataFault
from invoicing.gateways.wfirma.proof import demand_document, holds_amount
from invoicing.gateways.wfirma.wanted import spelled

GROSZ = Decimal("0.01")


def pdf(*lines: str) -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer)
    for at, line in enumerate(lines):
        canvas.drawString(50, 700 - 20 * at, line)
    canvas.save()
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("Razem:398,52PLN", "398.52"), ("398.52", "398.52"), ("1234,50", "1234.50"), ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"), ("1'234,50", "1234.50"), ("1234567,89", "1234567.89"), ("0,10", "0.10"),
        ("-398,52", "-398.52"), ("1\u00a0234,50", "1234.50"), ("324,00 74,52 398,52", "398.52"), ("398 ,52", "398.52"),
        ("FV 1/11/2026\n398,52\n1", "398.52"),
    ],
)  # fmt: skip
def test_an_amount_is_recognised_in_every_usual_spelling(written: str, value: str) -> None:
    assert holds_amount(written, Decimal(value), "PLN")


@pytest.mark.parametrize("written", ["1398,52", "1.398,52", "398,520", "398", "398,53", "39852", "3.98,52", ""])
def test_another_amount_is_not_taken_for_it(written: str) -> None:
    assert not holds_amount(written, Decimal("398.52"), "PLN")


def test_a_document_with_number_and_total_passes_however_they_are_spaced() -> None:
    demand_document(pdf("Faktura FV 1/11/2026", "Razem 1 398,52 PLN"), ["fv 1/11/ 2026"], Decimal("1398.52"), "PLN")


@pytest.mark.parametrize(
    ("numbers", "total", "missing"),
    [
        (["FV 2/11/2026"], "398.52", ["wfirma.pdf.number"]),
        (["FV 1/11/2026"], "398.53", ["wfirma.pdf.total"]),
        (["FV 1/11/2026", "FV 9/11/2026"], "1.00", ["wfirma.pdf.number", "wfirma.pdf.total"]),
    ],
)
def test_a_document_that_says_something_else_is_refused(numbers: list[str], total: str, missing: list[str]) -> None:
    with pytest.raises(DataFault) as refused:
        demand_document(pdf("FV 1/11/2026", "398,52"), numbers, Decimal(total), "PLN")
    assert refused.value.code == "issuer_document_differs"
    assert [fault.field for fault in refused.value.faults] == missing


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[:300],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-40],
        lambda whole: b"%PDF-1.4\n" + b"x" * 1000 + b"\n%%EOF",
        lambda whole: whole.replace(b"/Pages", b"/Pugs!"),
    ],
    ids=["tiny", "half", "no end", "nonsense", "no pages"],
)
def test_a_broken_file_may_be_fetched_again(spoil: Any) -> None:
    whole = pdf("FV 1/11/2026", "398,52")
    with pytest.raises(ConnectivityFault) as broken:
        demand_document(spoil(whole), ["FV 1/11/2026"], Decimal("398.52"), "PLN")
    assert broken.value.code == "issuer_unreachable"


@given(
    quantity=some.decimals("0.000001", "999.999999", places=6) | some.decimals("0.01", "99", places=2),
    price=some.decimals("0", "99999.99", places=2),
    percent=some.decimals("0", "100", places=2) | some.just(Decimal(0)),
    share=some.decimals("0", "1", places=2) | some.just(Decimal(0)),
)
def test_wfirmas_arithmetic_gives_our_value_of_every_line(
    quantity: Decimal, price: Decimal, percent: Decimal, share: Decimal
) -> None:
    before = quantity * price * (100 - percent) / 100
    amount = (before * share).quantize(GROSZ, "ROUND_DOWN")
    line = PricedLine("Konsultacja", quantity, "godz.", price, VatRate.STANDARD, percent, amount)
    told = spelled(line, "PLN")

    count, discount = Decimal(told["count"]), Decimal(told["discount_percent"])
    assert count == count.quantize(Decimal("0.0001"))
    assert discount == discount.quantize(GROSZ)
    assert (told["discount"] == "1") is (discount > 0)
    value = count * Decimal(told["price"]) * (100 - discount) / 100
    assert value.quantize(GROSZ, ROUND_HALF_UP) == line.value()
    assert told["name"].startswith("Konsultacja")
