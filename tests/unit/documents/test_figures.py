"""Numbers, dates and words of the Polish document."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from invoicing.documents.pdf.figures import MARKS, Figures, account_number
from invoicing.documents.pdf.words import amount_in_words

AMOUNTS = st.decimals(min_value=-10, max_value=Decimal("99999999999999.99"), places=2)
QUANTITIES = st.decimals(min_value=0, max_value=999_999_999, places=6)


@given(AMOUNTS, st.sampled_from(sorted(MARKS)))
def test_amounts_equal_babels(value: Decimal, language: str) -> None:
    assert Figures(language).amount(value) == format_decimal(value, format="#,##0.00", locale=language)


@given(QUANTITIES, st.sampled_from(sorted(MARKS)))
def test_quantities_equal_babels(value: Decimal, language: str) -> None:
    assert Figures(language).number(value) == format_decimal(value, format="#,##0.######", locale=language)


@given(st.decimals(min_value=0, max_value=100, places=2))
def test_percents_equal_babels(value: Decimal) -> None:
    assert Figures("pl").percent(value) == format_percent(value / 100, format="#,##0.##%", locale="pl")


@given(st.dates(min_value=date(1000, 1, 1)))
def test_days_equal_babels(value: date) -> None:
    assert Figures("pl").day(value) == format_date(value, "dd.MM.yyyy", locale="pl")


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
