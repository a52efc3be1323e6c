"""Page breaks: long invoices, long names, large sums; nothing is cut and nothing leaves the page."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.documents.pdf.fonts import REGULAR, font
from invoicing.documents.pdf.invoice import laid_out, render
from invoicing.documents.pdf.layout import BOTTOM, LEFT, RIGHT, TOP
from invoicing.documents.pdf.script import width
from invoicing.domain.invoices import Invoice
from invoicing.domain.tax import Prices
from tests.unit.documents.samples import COMPANY, SELLER, invoice, line, pages, squeezed

LONG_NAME = (
    "Międzynarodowe Towarzystwo Usług Konsultingowych i Doradczych Przykład i Wspólnicy spółka z o.o. w Warszawie"
)
DESCRIPTION = ("Konsultacja w sprawie umowy o współpracy, z analizą orzecznictwa i listą zaleceń. " * 7)[:512]


def stays_on_the_page(drawn: Invoice) -> None:
    for page in laid_out(drawn).sheet.pages:
        for run in page.runs:
            assert run.x >= LEFT - 0.01
            assert run.x + width(run.text, run.style.font, run.style.size) <= RIGHT + 0.01
            assert 30 < run.y < TOP
        numbers = [run for run in page.runs if run.y < BOTTOM]
        assert len(numbers) == 2, "only the foot stands under the text"


def test_two_hundred_lines_repeat_the_head_and_number_their_pages() -> None:
    texts = pages(render(invoice([line(f"Usługa {n:03}") for n in range(1, 201)])))
    assert len(texts) > 5
    for place, text in enumerate(texts, 1):
        assert f"Strona {place}/{len(texts)}" in text
        assert ("Lp. Nazwa usługi Ilość" in text) is ("Usługa " in text)
        assert "FV/1/11/2026" in text
    whole = " ".join(texts)
    assert [whole.count(f"Usługa {n:03} 1,5") for n in range(1, 201)] == [1] * 200
    assert whole.count("Razem") == 1


@pytest.mark.parametrize("count", range(14, 34))
def test_the_summary_is_never_torn_wherever_the_lines_end(count: int) -> None:
    drawn = invoice([line() for _ in range(count)])
    stays_on_the_page(drawn)
    holders = [text for text in pages(render(drawn)) if "Stawka VAT" in text or "Pozostało" in text]
    assert len(holders) == 1
    assert "Słownie" in holders[0]


def test_long_names_and_descriptions_are_wrapped_and_complete() -> None:
    drawn = invoice(
        [line(DESCRIPTION), line("x" * 512), line()],
        buyer=COMPANY.model_copy(update={"name": LONG_NAME, "street": "Bardzodługaulica" * 12}),
        seller=SELLER.model_copy(update={"name": "W" * 256}),
    )
    stays_on_the_page(drawn)
    whole = squeezed(" ".join(pages(render(drawn))))
    for text in (LONG_NAME, "Bardzodługaulica" * 12, "W" * 256, "x" * 512):
        assert squeezed(text) in whole


def test_five_hundred_long_descriptions_fit() -> None:
    stays_on_the_page(invoice([line(DESCRIPTION) for _ in range(500)]))


def test_a_description_taller_than_a_page_goes_on_on_the_next() -> None:
    drawn = invoice([line("słowo " * 2000), line()])
    stays_on_the_page(drawn)
    assert " ".join(pages(render(drawn))).count("słowo") == 2000


def test_the_largest_sums_fit_and_keep_room_for_the_name() -> None:
    drawn = invoice(
        [
            line(
                rate=rate,
                quantity=Decimal("3.123456"),
                unit_price=Decimal("9999999999999.99"),
                discount_percent=Decimal("12.25"),
                unit="strona rozliczeniowa",
            )
            for rate in ("23", "8")
        ],
        prices=Prices.GROSS,
    )
    stays_on_the_page(drawn)
    assert "Konsultacja prawna" in pages(render(drawn))[0]
    sums = next(run for run in laid_out(drawn).sheet.pages[0].runs if run.text == "Stawka VAT")
    assert sums.x - LEFT > 170, "the payment details keep their column"


def test_a_long_number_is_set_smaller() -> None:
    stays_on_the_page(invoice(number="FV/" + "9" * 100 + "/2026"))


INVISIBLE = "\u200e\u200f\u061c" + "".join(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFE00, 0xFE10)))
)
PRINTED = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")).filter(
    lambda char: ord(char) in font(REGULAR).face.charToGlyph and char not in INVISIBLE
)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=12), st.text(max_size=30))
def test_no_text_breaks_the_drawing(name: str, description: str, unit: str, number: str) -> None:
    changed = COMPANY.model_copy(update={"name": name, "street": number, "city": unit, "tax_id": description})
    drawn = invoice([line(description, unit=unit)], buyer=changed, number=number, seller=changed)
    assert render(drawn).startswith(b"%PDF")


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=PRINTED, min_size=1, max_size=60))
def test_every_character_that_the_font_has_can_be_read_back(name: str) -> None:
    text = pages(render(invoice(buyer=COMPANY.model_copy(update={"name": name}))))[0]
    assert squeezed(name) in squeezed(text)
