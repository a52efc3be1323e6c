"""Labels of a document of two languages: Polish first, the other smaller and lighter beside or under it.

A label in Arabic keeps its own line of writing: beside a Polish one it stands flush right at the far edge of the
block, under one it is flush right with it, so that no line mixes two directions.
"""

from __future__ import annotations

from typing import Final

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.layout import Align, fitted
from invoicing.documents.pdf.look import Style
from invoicing.documents.pdf.script import width

BESIDE: Final = 5.0


def draw_beside(
    draft: Draft, x: float, baseline: float, wide: float, words: tuple[str, str], style: Style, *, far: bool = True
) -> float:
    """The second label after the first, or under it where the line is too short. Gives back the depth that took.

    `far=False` keeps an Arabic label close to the first, for lines whose far edge is taken.
    """
    first, second = words
    sheet, pale = draft.sheet, draft.look.second
    sheet.text(x, baseline, first, style)
    if not second:
        return 0.0
    taken = width(first, style.font, style.size) + BESIDE
    below = taken + width(second, pale.font, pale.size) > wide
    depth = pale.leading if below else 0.0
    if below:
        pale = fitted(second, pale, wide)
    if draft.second is not None and draft.second.leftward and (far or below):
        sheet.text(x + wide, baseline - depth, second, pale, Align.END)
    else:
        sheet.text(x if below else x + taken, baseline - depth, second, pale)
    return depth


def draw_stacked(
    draft: Draft, x: float, baseline: float, words: tuple[str, str], style: Style, align: Align = Align.START
) -> float:
    """The second label under the first. Gives back the depth that took."""
    first, second = words
    sheet, pale = draft.sheet, draft.look.second
    sheet.text(x, baseline, first, style, align)
    if not second:
        return 0.0
    if align is Align.START and draft.second is not None and draft.second.leftward:
        x += stacked_width(draft, words, style)
        align = Align.END
    sheet.text(x, baseline - pale.leading, second, pale, align)
    return pale.leading


def stacked_width(draft: Draft, words: tuple[str, str], style: Style) -> float:
    """Width of two labels one under the other."""
    first, second = words
    pale = draft.look.second
    wide = width(first, style.font, style.size)
    return max(wide, width(second, pale.font, pale.size)) if second else wide


def both(draft: Draft, key: str) -> tuple[str, str]:
    """A label in both tongues; the second is empty in a document of one."""
    return draft.word(key), draft.other(key)
