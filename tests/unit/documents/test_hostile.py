"""Texts that nobody means well with: printed literally, or shown as missing, never obeyed and never a crash."""

from __future__ import annotations

import pytest

from invoicing.documents.pdf.invoice import laid_out, render
from invoicing.documents.pdf.script import pieces, spoken
from invoicing.domain.invoices import Invoice
from tests.unit.documents.samples import COMPANY, SELLER, invoice, line, pages, read

OVERRIDE = "faktura \u202etxet.fdp\u202c koniec"


def everywhere(text: str, **changes: object) -> Invoice:
    return invoice(
        [line(text, rate="zw", unit=text[:20])],
        buyer=COMPANY.model_copy(update={"name": text, "street": text, "city": text, "tax_id": text}),
        seller=SELLER.model_copy(update={"name": text, "bank_account": text[:34]}),
        exemption_basis=text,
        number=text[:80] or "1",
        payment_reference=text,
        **changes,
    )


@pytest.mark.parametrize("languages", [("pl",), ("pl", "ar"), ("pl", "ru")])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<b>gruby</b> <para> &amp; ]]> <font size=99>", id="markup"),
        pytest.param("a\x00b\x07c\x1b[31md\x7f\x85", id="control characters"),
        pytest.param(OVERRIDE, id="right-to-left override"),
        pytest.param("\u2066\u2067\u2068" * 40 + "x" + "\u2069" * 3, id="isolates without end"),
        pytest.param("😀👩‍👩‍👧🇵🇱 ☃️ 漢字", id="emoji"),
        pytest.param("e" + "\u0301" * 500, id="a tower of accents"),
        pytest.param("\u064b" * 200, id="vowel signs alone"),
        pytest.param("א" * 50 + " עברית", id="a script without a font"),
        pytest.param("\ud800 \udfff \uffff \U0010ffff", id="no characters at all"),
        pytest.param("لا إله إلا " * 60, id="ligatures"),
        pytest.param("", id="nothing"),
        pytest.param(" \u00a0\u3000\u200b ", id="spaces"),
    ],
)
def test_the_document_is_drawn(text: str, languages: tuple[str, ...]) -> None:
    document = read(render(everywhere(text, languages=languages)))
    assert document.pages
    assert not any("/Annots" in page for page in document.pages)


def test_an_override_turns_no_letter_round() -> None:
    text = " ".join(pages(render(everywhere(OVERRIDE))))
    assert "faktura txet.fdp koniec" in text
    assert "pdf.text" not in text


@pytest.mark.parametrize("word", ["słowo ", "كلمة ", "a" * 10])
def test_ten_thousand_characters_are_all_printed(word: str) -> None:
    text = (word * 10_000)[:10_000].strip()
    drawn = laid_out(invoice([line(text), line()]))
    printed = "".join(spoken(run.text) for page in drawn.sheet.pages for run in page.runs)
    assert printed.replace(" ", "").count(word.strip()) >= 10_000 // len(word) - 1
    assert len(drawn.sheet.pages) < 12


def test_ten_thousand_characters_in_a_name_do_not_stop_the_document() -> None:
    assert len(read(render(invoice(buyer=COMPANY.model_copy(update={"name": "Nazwa " * 1_666})))).pages) >= 1


def test_missing_characters_leave_a_visible_mark() -> None:
    page = laid_out(invoice([line("A 😀 B")])).sheet.pages[0]
    run = next(run for run in page.runs if run.text == "A 😀 B")
    assert [part for _, part in pieces(run.text, run.style.font)] == ["A \ufffd B"]
