"""Top of a document: logo, title, number, dates (VAT Act art. 106e ust. 1 pkt 1, 2 and 6).

A correction names the invoice it corrects, number and date (art. 106j ust. 2 pkt 2); a duplicate says that it is one
and of which day (art. 106l ust. 2).
"""

from __future__ import annotations

from datetime import date
from typing import Final

from invoicing.documents.pdf.draft import Draft
from invoicing.documents.pdf.labels import both, draw_stacked, stacked_width
from invoicing.documents.pdf.layout import (
    LEFT,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    RIGHT,
    RUNNING_HEAD,
    TOP,
    WIDTH,
    Align,
    fitted,
)
from invoicing.documents.pdf.logo import Picture, picture
from invoicing.documents.pdf.script import width

BAND: Final = 6.0
NARROWEST_DATE: Final = 80.0
LOGO_WIDTH: Final = 150.0
LOGO_HEIGHT: Final = 46.0
STAMP: Final = 7.0


def draw_heading(draft: Draft) -> None:
    """Logo, title, number and dates of the first page."""
    sheet, look, invoice = draft.sheet, draft.look, draft.invoice
    draw_band(draft)
    logo = picture(draft.assets.logo) if draft.assets.logo else None
    if logo:
        sheet.y -= _draw_logo(draft, logo)
    baseline = sheet.y - 22
    dates, column = _dates(draft)
    title = draft.title.upper()
    sheet.text(LEFT, baseline, title, fitted(title, look.title, WIDTH - column * len(dates) - 4))
    beside = baseline
    other = draft.other(f"title.{invoice.kind}")
    if other:
        baseline -= 17
        _draw_aside(draft, baseline, other)
    baseline -= 21
    number = draft.word("document.number", number=invoice.number)
    stamp = _stamp(draft)
    room = WIDTH - (stacked_width(draft, stamp, look.strong) + 3 * STAMP if stamp else 0)
    sheet.text(LEFT, baseline, number, fitted(number, look.number, room))
    if stamp:
        _draw_stamp(draft, baseline, stamp)
    if invoice.correction:
        corrected = invoice.correction
        baseline = _draw_said(draft, baseline, "correction.of", corrected.number, corrected.issued_on)
        if corrected.follows:
            follows = corrected.follows
            baseline = _draw_said(draft, baseline, "correction.follows", follows.number, follows.issued_on)
    _draw_dates(draft, beside, dates, column)
    sheet.y = baseline - 18


def _draw_said(draft: Draft, baseline: float, key: str, number: str, issued_on: date) -> float:
    """A document that this one is about, in every tongue; gives back the last baseline."""
    look = draft.look
    for place, text in enumerate(draft.said(key, number=number, issued_on=issued_on)):
        style = look.small if place else look.strong
        baseline -= style.leading + (0 if place else 3)
        leftward = bool(place and draft.second and draft.second.leftward)
        x = LEFT + width(text, style.font, style.size) if leftward else LEFT
        draft.sheet.text(x, baseline, text, style, Align.END if leftward else Align.START)
    return baseline


def _draw_logo(draft: Draft, logo: Picture) -> float:
    """The logo in its box, never enlarged beyond a dot a point; gives back the height it took."""
    scale = min(LOGO_WIDTH / logo.width, LOGO_HEIGHT / logo.height, 1.0)
    wide, high = logo.width * scale, logo.height * scale
    draft.sheet.picture(LEFT, draft.sheet.y - high + 8, wide, high, logo)
    return high + 10


def _draw_aside(draft: Draft, baseline: float, text: str) -> None:
    style = fitted(text, draft.look.second_title, WIDTH / 2)
    draft.sheet.text(LEFT, baseline, text, style)


def _dates(draft: Draft) -> tuple[list[tuple[str, date]], float]:
    """The dates that this document shows, and the width of a column of them."""
    invoice = draft.invoice
    paid = invoice.gross != invoice.amount_due or not invoice.gross
    shown = [("date.issued", invoice.issued_on)]
    if invoice.kind != "proforma":
        shown.append(("date.sold", invoice.sold_on))
    if invoice.kind == "invoice" and paid:
        shown.append(("date.paid", invoice.paid_on))
    if invoice.due_on and invoice.amount_due > 0:
        shown.append(("date.due", invoice.due_on))
    widest = max(stacked_width(draft, both(draft, key), draft.look.label) for key, _ in shown)
    return shown, max(NARROWEST_DATE, widest + 14)


def _draw_dates(draft: Draft, baseline: float, dates: list[tuple[str, date]], column: float) -> None:
    """Labels over dates against the far edge."""
    sheet, look = draft.sheet, draft.look
    above = 13 + (look.second.leading if draft.second else 0)
    for place, (key, day) in enumerate(dates):
        x = RIGHT - column * (len(dates) - 1 - place)
        draw_stacked(draft, x, baseline + above, both(draft, key), look.label, Align.END)
        sheet.text(x, baseline, draft.figures.day(day), look.strong, Align.END)


def _stamp(draft: Draft) -> tuple[str, str] | None:
    if draft.duplicate_on is None:
        return None
    return draft.word("duplicate.on", on=draft.duplicate_on), draft.other("duplicate.on", on=draft.duplicate_on)


def _draw_stamp(draft: Draft, baseline: float, words: tuple[str, str]) -> None:
    """The words of a duplicate in a tinted field against the far edge."""
    sheet, look = draft.sheet, draft.look
    style = look.strong._replace(colour=look.accent_text)
    wide = stacked_width(draft, words, style) + 2 * STAMP
    high = 18 + (look.second.leading if words[1] else 0)
    sheet.bar(RIGHT - wide, baseline + 12 - high, wide, high, look.tint)
    sheet.bar(RIGHT - 2, baseline + 12 - high, 2, high, look.accent)
    draw_stacked(draft, RIGHT - STAMP, baseline, words, style, Align.END)


def draw_running_head(draft: Draft) -> None:
    """Top of every further page: which document it belongs to."""
    sheet, look = draft.sheet, draft.look
    draw_band(draft)
    text = draft.word("document.running_head", title=draft.title, number=draft.invoice.number)
    sheet.text(LEFT, TOP - 8, text, fitted(text, look.heading, WIDTH))
    sheet.y = TOP - RUNNING_HEAD


def draw_band(draft: Draft) -> None:
    """The coloured edge of the page."""
    draft.sheet.bar(0, PAGE_HEIGHT - BAND, PAGE_WIDTH, BAND, draft.look.accent)
