"""Wrapping, fitting and colour."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from invoicing.documents.pdf.fonts import REGULAR
from invoicing.documents.pdf.layout import fitted, wrap
from invoicing.documents.pdf.look import DEFAULT_ACCENT, READABLE, Style, contrast_with_white, look
from invoicing.documents.pdf.script import spoken, width

STYLE = Style(REGULAR, 9, 12)


@given(st.text(max_size=300), st.floats(min_value=20, max_value=400))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces_at_breaks(text: str, limit: float) -> None:
    lines = wrap(text, STYLE, limit)
    assert "".join("".join(spoken(line) for line in lines).split()) == "".join(spoken(text).split())
    assert all(width(each, REGULAR, 9) <= limit + 0.001 or len(spoken(each)) <= 1 for each in lines)


@given(st.lists(st.text(alphabet="abcdef", min_size=1, max_size=8), min_size=1, max_size=30))
def test_words_that_fit_are_never_cut_and_lines_are_filled(words: list[str]) -> None:
    lines = wrap(" ".join(words), STYLE, 120)
    assert " ".join(lines).split() == words
    for line, following in pairwise(lines):
        assert width(f"{line} {following.split()[0]}", REGULAR, 9) > 120


def test_no_break_spaces_hold_and_line_ends_break() -> None:
    assert wrap("razem 1\u00a0234,56", STYLE, width("razem 1\u00a0234", REGULAR, 9)) == ["razem", "1\u00a0234,56"]
    assert wrap("a\nb", STYLE, 500) == ["a", "b"]


@given(st.text(alphabet="mi ", min_size=1, max_size=200))
def test_a_fitted_line_is_never_wider_than_its_place(text: str) -> None:
    style = fitted(text, STYLE, 100)
    assert width(text, REGULAR, style.size) <= 100.001
    assert style.size <= STYLE.size


@given(st.from_regex(re.compile(r"#[0-9A-Fa-f]{6}"), fullmatch=True))
def test_text_in_any_accent_is_readable_and_the_accent_stays_as_chosen(colour: str) -> None:
    chosen = look(colour)
    assert contrast_with_white(chosen.accent_text) >= READABLE
    assert [round(part * 255) for part in chosen.accent] == [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_without_a_colour_the_accent_is_ours_and_readable_as_it_is() -> None:
    assert look(None) == look(DEFAULT_ACCENT)
    assert look(None).accent_text == look(None).accent
