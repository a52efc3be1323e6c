"""Which characters our own documents can show: those that the embedded fonts have.

A name or a description with any other one (emoji, Chinese, Hebrew) would be printed with holes, so it is refused with
its field before money moves. The table is that of the font files; `tests/unit/documents/test_fonts.py` compares them.
"""

from __future__ import annotations

import re
from typing import Final

_RANGES: Final = """
    20-3e1 3f0-52f 600-61c 61e-6ff 750-77f 8a0-8b4 8b6-8be 8d3-8ff 1ab0-1ac0 1c80-1c88 1d00-1df9 1dfb-20bf 20f0-215f
    2184 2189 25cc 2c60-2c7f 2de0-2e52 a640-a69f a700-a7bf a7c2-a7ca a7f5-a7ff a92e ab30-ab6b fb00-fb06 fb50-fbc1
    fbd3-fd3f fd50-fdc7 fdf0-fdfd fe00-fe0f fe20-fe2f fe70-feff fffc-fffd
"""
"""Code points in hexadecimal, both ends included; what is unassigned between them is a bad character anyway. From fe00
to fe0f stand marks that choose the look of the character before them and are not drawn themselves."""


def _class() -> str:
    ends = (part.partition("-") for part in _RANGES.split())
    return "".join(f"{chr(int(first, 16))}-{chr(int(last or first, 16))}" for first, _, last in ends)


_UNDRAWABLE: Final = re.compile(f"[^{_class()}]")


def can_be_drawn(text: str) -> bool:
    """Whether every character of a text has its glyph. Line breaks have none."""
    return _UNDRAWABLE.search(text) is None
