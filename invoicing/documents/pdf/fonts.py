"""The embedded fonts: read once per process, on first use.

Parsing a font costs several times what drawing an invoice costs, so nothing here may run per document. The files are
Noto Sans, unmodified; see `fonts/README.md`.
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

FOLDER: Final = Path(__file__).with_name("fonts")
FILES: Final = {REGULAR: "NotoSans-Regular.ttf", BOLD: "NotoSans-Bold.ttf"}


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
    """Make every font known to ReportLab and pin those of its settings that shape the bytes of a file."""
    rl_config.pdfMultiLine = 0
    rl_config.pdfComments = 0
    for name in FILES:
        font(name)


def width(text: str, name: str, size: float) -> float:
    """Width of one line of text in points."""
    return float(font(name).stringWidth(text, size))
