"""Writing in both directions: what is stored in reading order becomes glyphs in drawing order.

Arabic letters take their joined forms and a line is put into the order in which a pen moving right would meet its
letters (Unicode bidirectional algorithm, UAX 9). This happens to one finished line at a time: a paragraph is wrapped in
reading order first (`layout.wrap`), because reordering before wrapping would turn the order of the lines round.

A line that is cut out of a paragraph keeps three facts of it as invisible marks: the direction of the paragraph (rules
P2 and P3), the last strong letter before the line, on which the order of its digits depends (rule W2), and the side to
which what follows draws the punctuation at its end (rule N1).
Embeddings and overrides (U+202A to U+202E) are dropped: text of people must not rearrange what stands beside it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, Final
from unicodedata import bidirectional, category

from invoicing.documents.pdf.fonts import ARABIC_OF, font, has_glyph

Piece = tuple[str, str]
"""A font and the glyphs shown in it."""

_LETTERS: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_LEFTWARD: Final = re.compile(f"[{_LETTERS}\u200f]")
_PLAIN: Final = re.compile("[ -~\u00a0-\u024f\u0400-\u045f\u2013\u2014\u2018-\u201e\u2026\u202f\u20ac\u2116]*")
"""Texts of Latin and Cyrillic letters, which our fonts have (a test says so) and which run as they are stored."""
LRM: Final = "\u200e"
RLM: Final = "\u200f"
ALM: Final = "\u061c"
MISSING: Final = "\ufffd"
KEPT: Final = 120
"""The longest text whose measures are kept, so that no customer can fill a worker's memory with long ones."""
_TAMED: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0xFE00, 0xFE10))) | dict.fromkeys(
    range(0xD800, 0xE000), MISSING
)
_MIRRORED: Final = dict(zip("()[]{}<>«»‹›≤≥", ")(][}{><»«›‹≥≤", strict=True))
_TAIL: Final = (
    "\ufe00"  # sticks to the character before it (rule W1), so its side tells in which direction that one ran
)
_DROPPED: Final = dict.fromkeys((0x200E, 0x200F, 0x061C, 0x2066, 0x2067, 0x2068, 0x2069))
_STRONG: Final = {"L": LRM, "R": RLM, "AL": ALM}


def is_plain(text: str) -> bool:
    """Whether the text can be drawn as it is stored: left to right, in one font, every letter there."""
    return _PLAIN.fullmatch(text) is not None


def runs_leftward(text: str) -> bool:
    """Whether the paragraph runs from right to left: its first strong letter outside isolates decides."""
    if not _LEFTWARD.search(text):
        return False
    depth = 0
    for char in text:
        if "\u2066" <= char <= "\u2068":
            depth += 1
        elif char == "\u2069":
            depth = max(0, depth - 1)
        elif depth == 0 and (kind := bidirectional(char)) in _STRONG:
            return kind != "L"
    return False


def isolated(text: str) -> str:
    """The text as an island that runs left to right: numbers, accounts and codes inside Arabic words."""
    return f"\u2066{text}\u2069"


def marked(lines: list[str]) -> list[str]:
    """Lines cut out of one paragraph, each between marks that say what stood around it there."""
    if not any(_LEFTWARD.search(line) for line in lines):
        return lines
    base = RLM if runs_leftward(" ".join(lines)) else LRM
    before = ""
    told: list[str] = []
    for place, line in enumerate(lines):
        last = next((_STRONG[kind] for char in reversed(line) if (kind := bidirectional(char)) in _STRONG), before)
        told.append(f"{base}{before}{line}{_following(lines[place + 1 :], last or base)}")
        before = last
    return told


def _following(lines: list[str], before: str) -> str:
    """The side to which the rest of the paragraph draws a comma at the end of a line; nothing where it ends.

    A number sides with the last strong letter before it (rules W7 and N1).
    """
    for line in lines:
        for char in line:
            kind = bidirectional(char)
            if kind in _STRONG:
                return LRM if kind == "L" else RLM
            if kind in ("EN", "AN"):
                return LRM if before == LRM else RLM
    return ""


def pieces(text: str, name: str) -> tuple[Piece, ...]:
    """One line as it is drawn from left to right, cut where the font changes."""
    if is_plain(text):
        return ((name, text),)
    return _shaped(text, name) if len(text) <= KEPT else _shaped.__wrapped__(text, name)


def spoken(text: str) -> str:
    """The line as it is read, without marks that only steer the drawing."""
    return text.translate(_TAMED | _DROPPED)


def width(text: str, name: str, size: float) -> float:
    """Width of one line of text in points, as drawn; kept, because every document measures the same labels."""
    return _width(text, name, size) if len(text) <= KEPT else _width.__wrapped__(text, name, size)


@lru_cache(maxsize=8192)
def _width(text: str, name: str, size: float) -> float:
    if is_plain(text):
        return float(font(name).stringWidth(text, size))
    return sum(float(font(face).stringWidth(glyphs, size)) for face, glyphs in pieces(text, name))


@lru_cache(maxsize=2048)
def _shaped(text: str, name: str) -> tuple[Piece, ...]:
    drawn = _reordered(text.translate(_TAMED)) if _LEFTWARD.search(text) else text.translate(_TAMED)
    drawn = drawn.translate(_DROPPED)
    cut: list[Piece] = []
    for char in drawn:
        face, char = _shown(char, name)
        if cut and cut[-1][0] == face:
            cut[-1] = (face, cut[-1][1] + char)
        else:
            cut.append((face, char))
    return tuple(cut)


def _reordered(text: str) -> str:
    """Letters joined, then in the order of drawing."""
    from bidi import get_display  # most documents have no such letter, and the tables take a while to read

    joined = _reshaper().reshape(text)
    tailed = "".join(char + _TAIL if char in _MIRRORED else char for char in joined)
    return _mirrored(str(get_display(tailed, base_dir="R" if runs_leftward(text) else "L")).translate(_DROPPED))


def _mirrored(drawn: str) -> str:
    """Brackets that ran from right to left are drawn as their mirror image (rule L4); the tails go."""
    if _TAIL not in drawn:
        return drawn
    seen: list[str] = []
    chars = iter(drawn)
    for char in chars:
        if char == _TAIL:
            seen.append(_MIRRORED[next(chars)])
        else:
            seen.append(char)
            if char in _MIRRORED:
                next(chars)
    return "".join(seen)


def _shown(char: str, name: str) -> Piece:
    """The font that has the character; one that none has is shown as the replacement character."""
    kind = category(char)
    if kind in ("Cc", "Cn", "Co", "Cs"):
        return (
            name,
            MISSING,
        )  # some fonts have an empty glyph for these, and a reader should see that something is there
    for face in (name, ARABIC_OF.get(name, name)):
        if has_glyph(face, ord(char)):
            return face, char
    return name, "" if kind in ("Cf", "Mn") else MISSING


@cache
def _reshaper() -> Any:
    """The table of joined forms. Every option is given: the package would take them from a file of the machine."""
    from arabic_reshaper import ArabicReshaper
    from arabic_reshaper.reshaper_config import default_config

    return ArabicReshaper({**default_config, "delete_harakat": False, "shift_harakat_position": False})
