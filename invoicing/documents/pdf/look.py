"""The look of a document: one accent colour, five greys and a handful of text styles on one scale.

Text in the accent colour must be readable, so a pale accent is darkened for text until its contrast with white reaches
4.5 : 1 (WCAG 2.2, success criterion 1.4.3); surfaces keep the colour as chosen.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from invoicing.documents.pdf.fonts import BOLD, REGULAR

Colour = tuple[float, float, float]

DEFAULT_ACCENT: Final = "#1F3A5F"
READABLE: Final = 4.5

INK: Final[Colour] = (0.11, 0.13, 0.16)
MUTED: Final[Colour] = (0.38, 0.41, 0.46)
PALE: Final[Colour] = (0.45, 0.48, 0.53)
HAIRLINE: Final[Colour] = (0.84, 0.86, 0.88)


class Style(NamedTuple):
    """One way to set text; `leading` is the distance between baselines."""

    font: str
    size: float
    leading: float
    colour: Colour = INK

    def sized(self, size: float) -> Style:
        """The same style at another size, leading in proportion."""
        return self._replace(size=size, leading=self.leading * size / self.size)


class Look(NamedTuple):
    """Everything that gives a document its face."""

    accent: Colour
    accent_text: Colour
    tint: Colour
    title: Style
    number: Style
    label: Style
    heading: Style
    name: Style
    body: Style
    strong: Style
    small: Style
    grand: Style
    second: Style
    second_title: Style


@lru_cache(maxsize=256)
def look(colour: str | None) -> Look:
    """The look for an accent given as `#RRGGBB`."""
    accent = _parsed(colour or DEFAULT_ACCENT)
    text = _readable(accent)
    return Look(
        accent=accent,
        accent_text=text,
        tint=_mixed(accent, 0.07),
        title=Style(BOLD, 25, 29, text),
        number=Style(REGULAR, 11.5, 15, INK),
        label=Style(REGULAR, 7.5, 10, MUTED),
        heading=Style(BOLD, 7.5, 10, text),
        name=Style(BOLD, 10.5, 14, INK),
        body=Style(REGULAR, 8.8, 12.4, INK),
        strong=Style(BOLD, 8.8, 12.4, INK),
        small=Style(REGULAR, 7.5, 10.2, MUTED),
        grand=Style(BOLD, 16, 20, text),
        second=Style(REGULAR, 7, 9, PALE),
        second_title=Style(REGULAR, 12.5, 16, PALE),
    )


def _parsed(colour: str) -> Colour:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (red, green, blue)


def _mixed(colour: Colour, share: float) -> Colour:
    """The colour thinned with white, `share` of it left."""
    red, green, blue = (1 - share * (1 - part) for part in colour)
    return (red, green, blue)


def _luminance(colour: Colour) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_with_white(colour: Colour) -> float:
    """Contrast ratio of WCAG 2.2 against a white page."""
    return 1.05 / (_luminance(colour) + 0.05)


def _readable(colour: Colour) -> Colour:
    while contrast_with_white(colour) < READABLE:
        red, green, blue = (part * 0.94 for part in colour)
        colour = (red, green, blue)
    return colour
