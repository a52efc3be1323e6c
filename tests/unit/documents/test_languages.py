"""Documents in every language: catalogues, labels in both tongues, pro formas in one, mirrored pages in Arabic."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from invoicing.documents.pdf.fonts import ARABIC
from invoicing.documents.pdf.invoice import laid_out, render
from invoicing.documents.pdf.layout import LEFT, PAGE_WIDTH, RIGHT, Page, Run
from invoicing.documents.pdf.script import runs_leftward, spoken, width
from invoicing.domain.invoices import CORRECTION_REASONS, Invoice
from invoicing.domain.tax import VatRate
from invoicing.locale.documents import DOCUMENT_LANGUAGES, document_texts
from tests.unit.documents.samples import GERMAN, PERSON, invoice, line, pages, read

OTHERS = [language for language in DOCUMENT_LANGUAGES if language != "pl"]


def proforma(language: str, **changes: object) -> Invoice:
    drawn = invoice([line()], kind="proforma", languages=(language,), due_on=date(2026, 12, 8), **changes)
    return drawn.model_copy(update={"amount_due": drawn.gross})


def said(page: Page) -> list[str]:
    return [spoken(run.text) for run in page.runs]


def run_of(page: Page, text: str) -> Run:
    return next(run for run in page.runs if spoken(run.text) == text)


@pytest.mark.parametrize("language", DOCUMENT_LANGUAGES)
def test_every_language_has_the_words_of_the_polish_document(language: str) -> None:
    polish, texts = document_texts("pl"), document_texts(language)
    assert texts.keys() == polish.keys()
    for key, template in texts.items():
        assert template.strip(), key
        assert sorted(re.findall(r"\{(\w+)\}", template)) == sorted(re.findall(r"\{(\w+)\}", polish[key])), key


@pytest.mark.parametrize("language", OTHERS)
def test_translations_are_not_the_polish_words(language: str) -> None:
    polish, texts = document_texts("pl"), document_texts(language)
    same = {key for key in texts if texts[key] == polish[key]}
    assert same <= {"line.vat_rate", "totals.vat", "document.running_head"}


def test_values_inside_arabic_words_are_islands() -> None:
    titles = {"document.subject", "document.running_head"}
    for key, template in document_texts("ar").items():
        bare = re.sub("[\u2066\u2068][^\u2069]*\u2069", "", template)
        assert set(re.findall(r"\{(\w+)\}", bare)) <= ({"title"} if key in titles else {"method"}), key


def test_every_rate_and_every_reason_has_words() -> None:
    texts = document_texts("pl")
    assert {f"rate.{rate}" for rate in VatRate if not rate.isdigit()} <= texts.keys()
    assert {f"reason.{key}" for key in CORRECTION_REASONS} - texts.keys() == {"reason.other"}


def test_an_unknown_language_is_an_error_and_not_a_module_path() -> None:
    with pytest.raises(KeyError):
        document_texts("pl.os")


@pytest.mark.parametrize("language", OTHERS)
def test_a_bilingual_invoice_has_every_label_in_both_languages(language: str) -> None:
    drawn = invoice([line(rate="np_eu")], buyer=GERMAN, languages=("pl", language), exemption_basis="art. 113")
    page = laid_out(drawn).sheet.pages[0]
    polish, other = document_texts("pl"), document_texts(language)
    for key in (
        "date.issued date.sold date.paid line.description line.quantity line.unit line.unit_price_net line.value_net "
        "totals.rate totals.net totals.gross totals.sum due.total due.paid due.left payment.words payment.reference "
        "payment.account note.title note.reverse_charge"
    ).split():
        assert polish[key] in said(page), key
        assert spoken(other[key]) in said(page), key
    for key in ("party.seller", "party.buyer", "title.invoice"):
        assert polish[key].upper() in said(page)
        assert spoken(other[key]) in said(page)


@pytest.mark.parametrize("language", OTHERS)
def test_the_second_language_is_smaller_and_lighter(language: str) -> None:
    page = laid_out(invoice(languages=("pl", language))).sheet.pages[0]
    first = run_of(page, document_texts("pl")["payment.words"])
    second = run_of(page, spoken(document_texts(language)["payment.words"]))
    assert second.style.size < first.style.size
    assert sum(second.style.colour) > sum(first.style.colour)
    assert abs(second.y - first.y) < 0.01


def test_figures_of_a_bilingual_invoice_are_printed_once_the_polish_way() -> None:
    text = " ".join(pages(render(invoice(languages=("pl", "en")))))
    assert text.count("324,00") == 3
    assert "324.00" not in text
    assert "three hundred and ninety-eight zlotys and fifty-two" in text


def test_arabic_labels_of_a_bilingual_invoice_are_flush_right_in_lines_of_their_own() -> None:
    page = laid_out(invoice(languages=("pl", "ar"))).sheet.pages[0]
    words, paid = (run_of(page, document_texts("ar")[key]) for key in ("payment.words", "payment.reference"))
    ends = [run.x + width(run.text, run.style.font, run.style.size) for run in (words, paid)]
    assert ends[0] == pytest.approx(ends[1])
    assert run_of(page, "SPRZEDAWCA").x == pytest.approx(LEFT)
    for run in page.runs:
        text = spoken(run.text)
        if runs_leftward(run.text):
            assert not re.search("[ąęółżźćńś]", text), "no line mixes Polish words into Arabic ones"


@pytest.mark.parametrize(
    ("language", "title", "tag"),
    [
        ("pl", "FAKTURA PRO FORMA", "pl-PL"),
        ("en", "PRO FORMA INVOICE", "en"),
        ("fr", "FACTURE PRO FORMA", "fr"),
        ("ru", "СЧЁТ-ПРОФОРМА", "ru"),
        ("ar", "فاتورة مبدئية", "ar"),
    ],
)
def test_a_pro_forma_speaks_one_language_alone(language: str, title: str, tag: str) -> None:
    drawn = proforma(language)
    page = laid_out(drawn).sheet.pages[0]
    assert title in said(page)
    if language != "pl":
        polish = set(document_texts("pl").values()) - set(document_texts(language).values())
        assert not polish & set(said(page)) - {"VAT", "NIP"}
    document = read(render(drawn))
    assert str(document.root_object["/Lang"]) == tag
    assert len(document.pages) == 1


def test_a_pro_forma_says_what_it_is_not_and_when_to_pay_and_no_date_of_sale() -> None:
    text = " ".join(pages(render(proforma("pl"))))
    assert "nie jest fakturą w rozumieniu ustawy o VAT" in text
    assert "Termin płatności 08.12.2026" in text
    assert "Pozostało do zapłaty 442,80 PLN" in text
    assert "Data sprzedaży" not in text
    assert "Data zapłaty" not in text


def test_an_arabic_page_is_the_mirror_image_with_figures_flush_right() -> None:
    english, arabic = (laid_out(proforma(language)).sheet.pages[0] for language in ("en", "ar"))
    seller = run_of(arabic, "Jan Przykładowy Doradztwo")
    assert seller.x + width(seller.text, seller.style.font, seller.style.size) == pytest.approx(RIGHT)
    assert run_of(english, "Jan Przykładowy Doradztwo").x == pytest.approx(LEFT)
    order = [run_of(arabic, document_texts("ar")[key]).x for key in ("line.description", "line.quantity", "line.unit")]
    assert order == sorted(order, reverse=True)
    columns: dict[float, set[str]] = {}
    for run in arabic.runs:
        if re.fullmatch(r"[\d,]+\.\d\d", run.text):
            end = round(run.x + width(run.text, run.style.font, run.style.size), 1)
            columns.setdefault(end, set()).add(run.text)
    assert {"82.80"} in columns.values()
    tints = [(bar.x, bar.width) for bar in english.bars if 80 < bar.height < 120]
    assert [(PAGE_WIDTH - x - wide, wide) for x, wide in tints] == [
        pytest.approx((bar.x, bar.width)) for bar in arabic.bars if 80 < bar.height < 120
    ]


def test_arabic_text_can_be_copied_as_it_was_written() -> None:
    name = "شركة المثال (ذ.م.م)"
    pdf = render(invoice(buyer=PERSON.model_copy(update={"name": name})))
    assert f"/ActualText <FEFF{name.encode('utf-16-be').hex().upper()}>".encode() in pdf


def test_a_polish_invoice_for_a_buyer_with_an_arabic_name_embeds_the_arabic_font_and_others_do_not() -> None:
    with_name = render(invoice(buyer=PERSON.model_copy(update={"name": "شركة"})))
    assert b"NotoSansArabic" in with_name
    assert b"NotoSansArabic" not in render(invoice())
    assert any(
        run.text == "شركة"
        for run in laid_out(invoice(buyer=PERSON.model_copy(update={"name": "شركة"}))).sheet.pages[0].runs
    )
    assert ARABIC.startswith("Paidcase")


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("count", [1, 5])
def test_an_ordinary_bilingual_invoice_is_one_page(language: str, count: int) -> None:
    drawn = invoice([line() for _ in range(count)], languages=("pl", language), amount_due=Decimal("10.00"))
    assert len(laid_out(drawn).sheet.pages) == 1


@pytest.mark.parametrize("language", DOCUMENT_LANGUAGES)
def test_nothing_leaves_the_page_in_any_language(language: str) -> None:
    amounts = [line(rate=rate, unit_price=Decimal("9999999.99")) for rate in VatRate]
    for drawn in (
        invoice(amounts, languages=tuple(dict.fromkeys(("pl", language))), exemption_basis="art. 113 ust. 1"),
        invoice(amounts, kind="proforma", languages=(language,), amount_due=Decimal(5), due_on=date(2026, 12, 1)),
    ):
        for page in laid_out(drawn, duplicate_on=date(2026, 12, 24)).sheet.pages:
            for run in page.runs:
                assert run.x >= LEFT - 0.01, run.text
                assert run.x + width(run.text, run.style.font, run.style.size) <= RIGHT + 0.01, run.text
