"""Numbers, dates and words in every language of documents, against babel and by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from invoicing.documents.pdf.figures import LOCALES, Figures, account_number
from invoicing.documents.pdf.words import amount_in_words

AMOUNTS = st.decimals(min_value=-10, max_value=Decimal("99999999999999.99"), places=2)
QUANTITIES = st.decimals(min_value=0, max_value=999_999_999, places=6)


PATTERNS = {
    "pl": "dd.MM.yyyy",
    "en": "d\u00a0MMM\u00a0yyyy",
    "fr": "dd/MM/yyyy",
    "ru": "dd.MM.yyyy",
    "ar": "dd/MM/yyyy",
}
LANGUAGES = st.sampled_from(sorted(LOCALES))
WESTERN: dict[str, Any] = {"numbering_system": "latn"}


def unmarked(text: str) -> str:
    """Without the marks that babel puts beside signs in Arabic; ours stand in islands that need none."""
    return text.replace("\u200e", "")


@given(AMOUNTS, LANGUAGES)
def test_amounts_equal_babels(value: Decimal, language: str) -> None:
    written = format_decimal(value, format="#,##0.00", locale=LOCALES[language], **WESTERN)
    assert Figures(language).amount(value) == unmarked(written)


@given(QUANTITIES, LANGUAGES)
def test_quantities_equal_babels(value: Decimal, language: str) -> None:
    written = format_decimal(value, format="#,##0.######", locale=LOCALES[language], **WESTERN)
    assert Figures(language).number(value) == unmarked(written)


@given(st.decimals(min_value=0, max_value=100, places=2), LANGUAGES)
def test_percents_equal_babels(value: Decimal, language: str) -> None:
    pattern = Locale.parse(LOCALES[language]).percent_formats[None].pattern.replace("#,##0", "#,##0.##")
    written = format_percent(value / 100, format=pattern, locale=LOCALES[language], **WESTERN)
    assert Figures(language).percent(value) == unmarked(written)


@given(st.dates(min_value=date(1000, 1, 1)), LANGUAGES)
def test_days_equal_babels(value: date, language: str) -> None:
    assert Figures(language).day(value) == format_date(value, PATTERNS[language], locale=LOCALES[language])


@pytest.mark.parametrize(
    ("value", "written"),
    [("100", "100"), ("1.50", "1,5"), ("1E+3", "1\u00a0000"), ("0.000001", "0,000001"), ("10.00", "10")],
)
def test_idle_noughts_go_and_others_stay(value: str, written: str) -> None:
    assert Figures("pl").number(Decimal(value)) == written


def test_accounts_stand_in_groups_of_four() -> None:
    assert account_number("PL61109010140000071219812874") == "PL61 1090 1014 0000 0712 1981 2874"
    assert account_number("PL61 1090 1014 0000 0712 1981 2874") == "PL61 1090 1014 0000 0712 1981 2874"


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("0.00", "PLN", "zero złotych, zero groszy"),
        ("1.01", "PLN", "jeden złoty, jeden grosz"),
        ("2.22", "PLN", "dwa złote, dwadzieścia dwa grosze"),
        ("5.00", "PLN", "pięć złotych, zero groszy"),
        ("12.12", "PLN", "dwanaście złotych, dwanaście groszy"),
        ("22.12", "PLN", "dwadzieścia dwa złote, dwanaście groszy"),
        ("112.14", "PLN", "sto dwanaście złotych, czternaście groszy"),
        ("398.52", "PLN", "trzysta dziewięćdziesiąt osiem złotych, pięćdziesiąt dwa grosze"),
        ("1000000.21", "PLN", "milion złotych, dwadzieścia jeden groszy"),
        ("1.01", "EUR", "jedno euro, jeden cent"),
        ("21.25", "EUR", "dwadzieścia jeden euro, dwadzieścia pięć centów"),
        ("3.03", "USD", "trzy dolary amerykańskie, trzy centy"),
        ("101.02", "GBP", "sto jeden funtów szterlingów, dwa pensy"),
        ("1.01", "GBP", "jeden funt szterling, jeden pens"),
        ("-2.05", "PLN", "minus dwa złote, pięć groszy"),
        ("7.05", "CHF", "siedem CHF 05/100"),
    ],
)
def test_amounts_in_words(amount: str, currency: str, words: str) -> None:
    assert amount_in_words(Decimal(amount), currency) == words


def test_the_largest_amount_has_words() -> None:
    words = amount_in_words(Decimal("99999999999999.99"), "PLN")
    assert words.startswith("dziewięćdziesiąt dziewięć bilionów")
    assert words.endswith("dziewięćdziesiąt dziewięć groszy")


@pytest.mark.parametrize(
    ("language", "amount", "currency", "words"),
    [
        ("en", "1.01", "PLN", "one zloty and one grosz"),
        ("en", "398.52", "PLN", "three hundred and ninety-eight zlotys and fifty-two groszy"),
        ("en", "1.01", "GBP", "one pound sterling and one penny"),
        ("en", "2.00", "USD", "two US dollars and zero cents"),
        ("fr", "0.00", "EUR", "zéro euro et zéro centime"),
        ("fr", "21.01", "GBP", "vingt et une livres sterling et un penny"),
        ("fr", "1000000.00", "EUR", "un million d'euros et zéro centime"),
        ("fr", "2000000.80", "PLN", "deux millions de zlotys et quatre-vingts groszy"),
        ("ru", "21.01", "PLN", "двадцать один злотый один грош"),
        ("ru", "3.04", "PLN", "три злотых четыре гроша"),
        ("ru", "11.12", "USD", "одиннадцать долларов США двенадцать центов"),
        ("ru", "102.23", "GBP", "сто два фунта стерлингов двадцать три пенса"),
        ("ar", "398.52", "PLN", "ثلاثمائة وثمانية وتسعون زلوتي بولندي و\u206652/100\u2069"),
        ("ar", "1.00", "EUR", "يورو واحد و\u206600/100\u2069"),
        ("ar", "200.05", "USD", "مئتا دولار أمريكي و\u206605/100\u2069"),
        ("ar", "7.05", "CHF", "سبعة \u2066CHF\u2069 و\u206605/100\u2069"),
        ("en", "-7.05", "CHF", "minus seven CHF 05/100"),
    ],
)
def test_amounts_in_words_of_other_languages(language: str, amount: str, currency: str, words: str) -> None:
    assert amount_in_words(Decimal(amount), currency, language) == words
