"""Writing in both directions. Expected orders were checked against GNU FriBidi, an implementation that is not ours."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.documents.pdf.fonts import ARABIC, BOLD, REGULAR
from invoicing.documents.pdf.layout import wrap
from invoicing.documents.pdf.look import Style
from invoicing.documents.pdf.script import MISSING, is_plain, isolated, marked, pieces, runs_leftward, spoken

STYLE = Style(REGULAR, 9, 12)
MIXED = st.text(
    alphabet=[*"محدشركة لا", *"abcł", *"0123", *" ()[]:/-%.,،«»", "\u2066", "\u2069"], min_size=1, max_size=60
)


def drawn(text: str) -> str:
    """The glyphs from left to right, joined forms told back as letters."""
    glyphs = "".join(part for _, part in pieces(text, REGULAR))
    return "".join(unicodedata.normalize("NFKC", char)[::-1] if char > "\ufb00" else char for char in glyphs)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        pytest.param("محمد", "دمحم", id="letters from right to left"),
        pytest.param("عقد 12", "12 دقع", id="a number after a word stands on its left"),
        pytest.param("رقم 45-2026 بين", "نيب 2026-45 مقر", id="numbers joined by a hyphen after Arabic turn round"),
        pytest.param(f"رقم {isolated('FV/1/11/2026')} بين", "نيب FV/1/11/2026 مقر", id="an isolate stays as it is"),
        pytest.param(f"رقم {isolated('45-2026')} بين", "نيب 45-2026 مقر", id="an isolated number too"),
        pytest.param("شركة (ذ.م.م)", "(م.م.ذ) ةكرش", id="brackets are mirrored"),
        pytest.param("«ا» <ب>", "<ب> «ا»", id="quotation marks are mirrored"),
        pytest.param("Firma محمد sp. z o.o.", "Firma دمحم sp. z o.o.", id="an Arabic name in a Latin line"),
        pytest.param("محمد sp. z o.o.", ".sp. z o.o دمحم", id="a Latin name in an Arabic line"),
        pytest.param("PL (محمد) 1,5", "PL (دمحم) 1,5", id="brackets of a Latin line are not"),
    ],
)
def test_a_line_is_drawn_in_the_order_of_the_unicode_algorithm(stored: str, shown: str) -> None:
    assert drawn(stored) == shown


def test_letters_take_their_joined_forms_in_the_arabic_face_of_the_weight() -> None:
    assert pieces("بب", REGULAR) == ((ARABIC, "\ufe90\ufe91"),)
    assert pieces("لا", REGULAR) == ((ARABIC, "\ufefb"),)
    assert pieces("ب", BOLD) == (("PaidcaseArabic-Bold", "\ufe8f"),)


def test_vowel_signs_are_kept() -> None:
    assert "\u064f" in "".join(part for _, part in pieces("مُحمد", REGULAR))


def test_spaces_digits_and_stops_come_from_the_face_around_them() -> None:
    assert pieces("ب 12.", REGULAR) == ((REGULAR, ".12 "), (ARABIC, "\ufe8f"))


@pytest.mark.parametrize("control", [chr(code) for code in range(0x202A, 0x202F)])
def test_overrides_and_embeddings_rearrange_nothing(control: str) -> None:
    assert drawn(f"kwota {control}100 PLN") == "kwota 100 PLN"
    assert drawn(f"{control}ب 12") == drawn("ب 12")


@pytest.mark.parametrize("missing", ["😀", "漢", "\x00", "\x1b", "\ud800", "\uffff"])
def test_a_character_that_no_font_has_is_shown_as_missing(missing: str) -> None:
    assert pieces(f"a{missing}b", REGULAR) == ((REGULAR, f"a{MISSING}b"),)


def test_characters_that_show_nothing_by_nature_leave_nothing() -> None:
    assert pieces("a\ufe0fb\U000e0001", REGULAR) == ((REGULAR, "ab"),)


def test_the_first_strong_letter_outside_isolates_gives_the_direction() -> None:
    assert runs_leftward("12 محمد abc")
    assert not runs_leftward("12 abc محمد")
    assert runs_leftward(f"{isolated('abc')} محمد")
    assert not runs_leftward("12,50")


def test_lines_of_a_paragraph_keep_its_direction() -> None:
    first, second = marked(["محمد شركة", "Przykład sp. z o.o."])
    assert drawn(first) == "ةكرش دمحم"
    assert runs_leftward(second)
    assert drawn(second) == ".Przykład sp. z o.o"


def test_digits_after_a_break_are_ordered_by_the_letters_before_it() -> None:
    arabic, latin = marked(["عقد", "45-2026 umowa"]), marked(["umowa", "45-2026 عقد"])
    assert drawn(arabic[1]) == "umowa 2026-45"
    assert drawn(latin[1]) == "45-2026 دقع"


def test_punctuation_at_a_break_follows_what_comes_after_it() -> None:
    within_latin = marked(["عقد Przykład,", "Example"])[0]
    before_arabic = marked(["عقد Przykład,", "محمد"])[0]
    assert drawn(within_latin) == "Przykład, دقع"
    assert drawn(before_arabic) == ",Przykład دقع"


def test_the_order_of_lines_is_the_order_of_reading() -> None:
    words = "استشارة قانونية بشأن عقد توريد مع تحليل شروط التسليم والدفع وفق القانون البولندي".split()
    lines = wrap(" ".join(words), STYLE, 120)
    assert len(lines) > 2
    assert " ".join(spoken(line) for line in lines).split() == words
    for line in lines:
        assert [word[::-1] for word in reversed(drawn(line).split())] == spoken(line).split()


@given(MIXED)
def test_reordering_loses_and_adds_no_letter(text: str) -> None:
    mirror = str.maketrans("()[]«»", ")(][»«")
    shown, said = drawn(text), spoken(text)
    assert sorted(shown.translate(mirror) + shown) == sorted(said.translate(mirror) + said)


@given(st.text(max_size=40))
def test_no_text_stops_the_shaping(text: str) -> None:
    assert all(part is not None for _, part in pieces(text, REGULAR))
    assert is_plain(text) <= (pieces(text, REGULAR) == ((REGULAR, text),))
