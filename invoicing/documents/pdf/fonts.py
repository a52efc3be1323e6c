"""The embedded fonts: read once per process, on first use.

Parsing a font costs several times what drawing an invoice costs, so nothing here may run per document; the Arabic pair
waits for the first Arabic letter. The files are Noto Sans and Noto Sans Arabic, unmodified; see `fonts/README.md`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR: Final = "PaidcaseSans"
BOLD: Final = "PaidcaseSans-Bold"
ARABIC: Final = "PaidcaseArabic"
ARABIC_BOLD: Final = "PaidcaseArabic-Bold"

FOLDER: Final = Path(__file__).with_name("fonts")
FILES: Final = {
    REGULAR: "NotoSans-Regular.ttf",
    BOLD: "NotoSans-Bold.ttf",
    ARABIC: "NotoSansArabic-Regular.ttf",
    ARABIC_BOLD: "NotoSansArabic-Bold.ttf",
}
ARABIC_OF: Final = {REGULAR: ARABIC, BOLD: ARABIC_BOLD}
"""The face that shows Arabic letters beside each of the others."""


@cache
def font(name: str) -> TTFont:
    """The registered font of that name. Call only under the drawing lock: registering twice would parse twice.

    `asciiReadable=False` puts only the glyphs that a document uses into its subset, and keeps a machine's ReportLab
    settings from changing the bytes.
    """
    loaded = TTFont(name, FOLDER / FILES[name], asciiReadable=False)
    pdfmetrics.registerFont(loaded)
    return loaded


@cache
def register() -> None:
    """Make the fonts of every document known to ReportLab and pin those of its settings that shape the bytes."""
    rl_config.pdfMultiLine = 0
    rl_config.pdfComments = 0
    font(REGULAR)
    font(BOLD)


def has_glyph(name: str, code: int) -> bool:
    """Whether the font can show a character."""
    return code in font(name).face.charToGlyph
