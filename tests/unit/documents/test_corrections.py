"""Corrections, duplicates and invoices that are not paid yet: what the law and the reader ask of each."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from invoicing.documents.pdf.invoice import render
from invoicing.domain.invoices import Exchange, Invoice, Party, Reference
from invoicing.domain.tax import VatRate
from tests.unit.documents.samples import COMPANY, correction, invoice, line, pages, read

BEFORE = [line(discount_percent=Decimal(10)), line("Opinia prawna", "8", quantity=Decimal(1), unit_price=Decimal(500))]
CHEAPER = [line(discount_percent=Decimal(25)), BEFORE[1]]
DEARER = [BEFORE[0], line("Opinia prawna", "8", quantity=Decimal(2), unit_price=Decimal(500))]


def text_of(drawn: Invoice, duplicate_on: date | None = None) -> str:
    return " ".join(pages(render(drawn, duplicate_on=duplicate_on)))


@pytest.mark.parametrize(
    "element",
    [
        pytest.param("FAKTURA KORYGUJĄCA nr FK/1/12/2026", id="art-106j-2-1-title"),
        pytest.param("do faktury nr FV/1/11/2026 z dnia 24.11.2026", id="art-106j-2-2-corrected-invoice"),
        pytest.param("Data wystawienia 02.12.2026", id="date"),
        pytest.param("PRZYCZYNA KOREKTY zmiana ceny po reklamacji", id="art-106j-2-4-reason"),
        pytest.param("PRZED KOREKTĄ Lp.", id="before"),
        pytest.param("1 Konsultacja prawna 1,5 godz. 240,00 36,00 23% 324,00 10%", id="line-before"),
        pytest.param("PO KOREKCIE Lp.", id="after"),
        pytest.param("1 Konsultacja prawna 1,5 godz. 240,00 90,00 23% 270,00 25%", id="line-after"),
        pytest.param("Przed korektą 824,00 114,52 938,52", id="sum-before"),
        pytest.param("Po korekcie 770,00 102,10 872,10", id="sum-after"),
        pytest.param("Różnica -54,00 -12,42 -66,42 23% -54,00 -12,42 -66,42", id="art-106j-2-5-difference-per-rate"),
        pytest.param("Do zwrotu 66,42 PLN", id="to-return"),
        pytest.param("sześćdziesiąt sześć złotych, czterdzieści dwa grosze", id="words-of-what-changes-hands"),
    ],
)
def test_a_correction_carries(element: str) -> None:
    assert element in text_of(correction(BEFORE, CHEAPER, reason_key="price", reason_text="po reklamacji"))


def test_a_correction_upwards_says_what_is_to_be_paid_and_how() -> None:
    drawn = correction(BEFORE, DEARER, reason_key="quantity")
    drawn = drawn.model_copy(update={"amount_due": Decimal("540.00"), "due_on": date(2026, 12, 16)})
    text = text_of(drawn)
    assert "Do dopłaty 540,00 PLN" in text
    assert "Termin płatności 16.12.2026" in text
    assert "Zapłać przelewem" in text


def test_a_correction_to_zero_returns_everything() -> None:
    text = text_of(correction(BEFORE, [line(quantity=Decimal(0))], reason_key="zero"))
    assert "wycofanie sprzedaży" in text
    assert "Do zwrotu 938,52 PLN" in text
    assert "Po korekcie 0,00 0,00 0,00" in text


def test_a_correction_that_leaves_no_line_still_has_both_tables() -> None:
    text = text_of(correction(BEFORE, [], reason_key="zero"))
    assert "PO KOREKCIE Lp. Nazwa usługi" in text


def test_a_correction_of_data_shows_the_buyer_before_and_after_and_the_lines_once() -> None:
    wrong = Party(
        name="Pzykład sp. z o.o.",
        tax_id="5265877635",
        street="Jasna 5",
        postal_code="00-013",
        city="Warszawa",
        country="PL",
    )
    text = text_of(correction(BEFORE, BEFORE, reason_key="data", before_buyer=wrong))
    assert "NABYWCA Przykład sp. z o.o. Jasna 6/3" in text
    assert "NABYWCA PRZED KOREKTĄ Pzykład sp. z o.o. Jasna 5 00-013 Warszawa NIP 5265877635" in text
    assert text.count("Opinia prawna") == 1
    assert "Zmiana należności 0,00 PLN" in text
    assert "Słownie" not in text


def test_reasons_of_ones_own_are_printed_alone() -> None:
    text = text_of(correction(BEFORE, CHEAPER, reason_key="other", reason_text="inna przyczyna {x} <b>"))
    assert "PRZYCZYNA KOREKTY inna przyczyna {x} <b> PRZED KOREKTĄ" in text


def test_a_correction_in_two_languages_gives_its_reason_in_both() -> None:
    drawn = correction(BEFORE, CHEAPER, reason_key="price", reason_text="po reklamacji", languages=("pl", "en"))
    assert "zmiana ceny po reklamacji change of price" in text_of(drawn)
    assert "to invoice No. FV/1/11/2026 of 24 Nov 2026" in text_of(drawn).replace("\u00a0", " ")


def test_a_correction_of_a_correction_names_both_documents_in_both_languages() -> None:
    follows = Reference(number="FK/1/12/2026", issued_on=date(2026, 12, 2))
    drawn = correction(BEFORE, CHEAPER, reason_key="price", languages=("pl", "en"), follows=follows)
    text = text_of(drawn).replace("\u00a0", " ")
    assert "do faktury nr FV/1/11/2026 z dnia 24.11.2026" in text
    assert "uwzględnia korektę nr FK/1/12/2026 z dnia 02.12.2026" in text
    assert "taking into account correction No. FK/1/12/2026 of 2 Dec 2026" in text


def test_a_long_correction_repeats_its_heads_and_keeps_each_section_title_with_its_table() -> None:
    drawn = correction(
        [line(f"Usługa {n}") for n in range(60)], [line(f"Usługa {n}", "8") for n in range(60)], reason_key="rate"
    )
    texts = pages(render(drawn))
    assert len(texts) > 4
    for text in texts:
        assert "KOREKTĄ" not in text or "KOREKTĄ Lp." in text
        assert "PO KOREKCIE" not in text or "PO KOREKCIE Lp." in text
    assert sum("Usługa" in text for text in texts) == sum("Lp." in text for text in texts)


def test_a_duplicate_says_so_with_its_day_and_is_otherwise_the_same() -> None:
    original, duplicate = text_of(invoice()), text_of(invoice(), duplicate_on=date(2026, 12, 15))
    assert "DUPLIKAT z dnia 15.12.2026" in duplicate
    assert duplicate.replace("DUPLIKAT z dnia 15.12.2026", "").split() == original.split()


@pytest.mark.parametrize(
    ("languages", "words"), [(("pl", "fr"), "DUPLICATA du 15/12/2026"), (("pl", "ru"), "ДУБЛИКАТ от 15.12.2026")]
)
def test_a_bilingual_duplicate_says_so_in_both(languages: tuple[str, str], words: str) -> None:
    text = text_of(invoice(languages=languages), duplicate_on=date(2026, 12, 15))
    assert "DUPLIKAT z dnia 15.12.2026" in text
    assert words in text


def test_what_is_partly_paid_shows_both_parts_and_both_dates() -> None:
    text = text_of(invoice(amount_due=Decimal("98.52"), due_on=date(2026, 12, 8)))
    assert "Data zapłaty 23.11.2026 Termin płatności 08.12.2026" in text
    assert "Zapłacono 300,00 PLN Pozostało do zapłaty 98,52 PLN" in text


def test_what_is_not_paid_has_no_date_of_payment_and_no_payment() -> None:
    text = text_of(invoice(amount_due=Decimal("398.52"), due_on=date(2026, 12, 8)))
    assert "Data zapłaty" not in text
    assert "9ABC12DEF3" not in text
    assert "Tytuł przelewu FV/1/11/2026" in text


def test_split_payment_prints_the_words_of_the_law() -> None:
    assert "mechanizm podzielonej płatności" in text_of(invoice(split_payment=True))
    assert "mechanizm podzielonej płatności" in text_of(
        correction(BEFORE, CHEAPER, reason_key="price").model_copy(update={"split_payment": True})
    )
    assert "mechanizm podzielonej płatności" not in text_of(invoice())


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "split payment mechanism"), ("fr", "paiement scindé"), ("ru", "механизм раздельного платежа")],
)
def test_split_payment_is_said_in_the_second_language_too(language: str, words: str) -> None:
    text = text_of(invoice(split_payment=True, languages=("pl", language)))
    assert "mechanizm podzielonej płatności" in text
    assert words in text


def test_another_currency_shows_its_vat_in_zlotys_per_rate_with_rate_table_and_day() -> None:
    exchange = Exchange(
        rate=Decimal("4.2518"),
        table="225/A/NBP/2026",
        on=date(2026, 11, 20),
        vat_pln=Decimal("316.85"),
        rates_vat_pln=((VatRate.STANDARD, Decimal("300.00")), (VatRate.REDUCED_8, Decimal("16.85"))),
    )
    text = text_of(invoice(currency="EUR", exchange=exchange, buyer=COMPANY))
    assert "VAT W ZŁOTYCH 23% 300,00 PLN 8% 16,85 PLN VAT razem 316,85 PLN" in text
    assert "1 EUR = 4,2518 PLN, tabela NBP nr 225/A/NBP/2026 z dnia 20.11.2026" in text


def outlined(pdf: bytes) -> list[tuple[str, int | None]]:
    document = read(pdf)
    entries = [entry for entry in document.outline if not isinstance(entry, list)]
    return [(str(entry.title), document.get_destination_page_number(entry)) for entry in entries]


def test_the_outline_leads_to_the_parts_of_the_document() -> None:
    assert outlined(render(correction(BEFORE, CHEAPER, reason_key="price"))) == [
        ("Sprzedawca i nabywca", 0),
        ("Przed korektą", 0),
        ("Po korekcie", 0),
        ("Podsumowanie", 0),
    ]
    long = render(invoice([line(f"Usługa {n}") for n in range(100)]))
    assert [page for _, page in outlined(long)] == [0, 0, len(read(long).pages) - 1]
