"""The examples: regenerated they are the same files, and they look as they did when somebody looked at them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from examples.invoices.drawing import DOTS_PER_INCH, drawn, examples, fact, picture_path, pictured
from invoicing.documents.pdf import script
from invoicing.domain.invoices import Invoice
from invoicing.domain.tax import PricedLine, totals
from tests.unit.documents.samples import pages, read

TOLERANCE = 40
"""Shades of 256 by which the mean of four by four dots may differ: rasterisers smooth edges in their own ways."""


def difference(shown: Image.Image, golden: Image.Image) -> int:
    """The largest difference between patches of four by four dots."""
    assert shown.size == golden.size
    small = ImageChops.difference(shown, golden.convert("L")).reduce(4)
    return int(max(small.tobytes()))


def test_there_are_fifteen() -> None:
    assert [int(path.name[:2]) for path in examples()] == list(range(1, 16))


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_regenerating_gives_the_same_bytes(path: Path) -> None:
    assert drawn(path) == path.with_suffix(".pdf").read_bytes(), (
        "run `python -m examples.invoices` and look at the pages"
    )


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_the_pages_look_as_they_did(path: Path) -> None:
    for number, shown in enumerate(pictured(path.with_suffix(".pdf").read_bytes()), 1):
        with Image.open(picture_path(path, number)) as golden:
            assert difference(shown, golden) <= TOLERANCE
        assert picture_path(path, number).stat().st_size < 16_000


@pytest.mark.parametrize("stem", ["07-outside-poland-polish-arabic", "11-pro-forma-arabic"])
def test_letters_that_are_not_joined_or_run_the_wrong_way_would_be_noticed(
    stem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = (path for path in examples() if path.stem == stem)
    monkeypatch.setattr(script, "_reordered", lambda text: text)
    script._shaped.cache_clear()
    script._width.cache_clear()
    try:
        (spoilt,) = pictured(drawn(path), DOTS_PER_INCH)
    finally:
        script._shaped.cache_clear()
        script._width.cache_clear()
    with Image.open(picture_path(path, 1)) as golden:
        assert difference(spoilt, golden) > 2 * TOLERANCE


def test_what_the_law_asks_of_the_newer_ones_is_on_them() -> None:
    told = {
        path.name[:2]: " ".join(" ".join(pages(path.with_suffix(".pdf").read_bytes())).split()) for path in examples()
    }
    assert "mechanizm podzielonej płatności" in told["13"]
    for reference in ("do faktury nr FV/1/11/2026 z dnia 24.11.2026", "korektę nr KFV/3/12/2026 z dnia 02.12.2026"):
        assert reference in told["14"]
    assert "DUPLIKAT z dnia 01.02.2027" in told["15"]


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_the_sums_of_an_example_are_those_of_its_lines(path: Path) -> None:
    invoice = fact(path)
    sums = totals([priced(invoice, n) for n in range(len(invoice.lines))], invoice.prices, invoice.currency)
    assert (sums.net, sums.vat, sums.gross) == (invoice.net, invoice.vat, invoice.gross)
    assert [(row.rate, row.net, row.vat) for row in sums.rates] == [(r.rate, r.net, r.vat) for r in invoice.rates]


def priced(invoice: Invoice, place: int) -> PricedLine:
    line = invoice.lines[place]
    found = PricedLine(
        description=line.description,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        vat_rate=line.vat_rate,
        discount_percent=line.discount_percent,
        discount_amount=line.discount_amount,
    )
    assert found.value(invoice.currency) == line.value
    return found


LONG = ("12-", "14-")


@pytest.mark.parametrize("path", [each for each in examples() if not each.name.startswith(LONG)], ids=lambda p: p.stem)
def test_an_ordinary_example_is_one_page(path: Path) -> None:
    assert len(read(path.with_suffix(".pdf").read_bytes()).pages) == 1
