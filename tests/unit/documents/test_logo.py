"""The logo: what is taken, what is refused, and that a bad one never costs an invoice."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from invoicing.documents.pdf.assets import Assets
from invoicing.documents.pdf.heading import LOGO_HEIGHT, LOGO_WIDTH
from invoicing.documents.pdf.invoice import laid_out, render
from invoicing.documents.pdf.logo import LARGEST, logo_fault, packed, picture
from tests.unit.documents.samples import invoice, pages, read


def saved(mode: str, size: tuple[int, int], kind: str, colour: object = 0, **options: object) -> bytes:
    target = BytesIO()
    Image.new(mode, size, colour).save(target, kind, **options)  # type: ignore[arg-type]  # a colour of the mode
    return target.getvalue()


PNG = saved("RGBA", (400, 100), "PNG", (180, 83, 9, 128))
JPEG = saved("RGB", (90, 120), "JPEG", (10, 200, 30))


def unpacked(data: bytes) -> bytes:
    out, place = bytearray(), 0
    while data[place] != 128:
        length = data[place]
        if length < 128:
            out += data[place + 1 : place + 2 + length]
            place += 2 + length
        else:
            out += data[place + 1 : place + 2] * (257 - length)
            place += 2
    return bytes(out)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 300))))
def test_packing_by_run_lengths_loses_nothing(runs: list[tuple[int, int]]) -> None:
    data = b"".join(bytes([value]) * count for value, count in runs)
    assert unpacked(packed(data)) == data


@pytest.mark.parametrize(("logo", "colour"), [(PNG, (217, 169, 132)), (JPEG, (10, 200, 30))])
def test_the_logo_is_on_the_page_in_its_colours_on_white(logo: bytes, colour: tuple[int, int, int]) -> None:
    document = read(render(invoice(), Assets(logo)))
    (image,) = document.pages[0].images
    shown = image.image
    assert shown is not None
    found = shown.convert("RGB").getpixel((5, 5))
    assert isinstance(found, tuple)
    assert all(abs(int(a) - b) <= 4 for a, b in zip(found, colour, strict=True))


@pytest.mark.parametrize("size", [(400, 100), (100, 400), (2000, 50), (20, 20)])
def test_the_logo_keeps_its_shape_within_its_box_and_is_never_enlarged(size: tuple[int, int]) -> None:
    page = laid_out(invoice(), Assets(saved("RGB", size, "PNG", (1, 2, 3)))).sheet.pages[0]
    (placed,) = page.pictures
    assert placed.width <= min(LOGO_WIDTH, size[0]) + 0.01
    assert placed.height <= min(LOGO_HEIGHT, size[1]) + 0.01
    assert placed.width / placed.height == pytest.approx(size[0] / size[1], rel=0.1)


def test_a_jpeg_goes_in_as_it_is_and_one_for_printing_presses_is_turned_into_rgb() -> None:
    assert JPEG in render(invoice(), Assets(JPEG))
    press = picture(saved("CMYK", (30, 30), "JPEG"))
    assert press is not None
    assert press.space == "Indexed"


def test_a_huge_picture_is_kept_small() -> None:
    large = picture(saved("RGB", (1900, 1900), "PNG", (9, 9, 9)))
    assert large is not None
    assert max(large.width, large.height) <= 640
    assert len(render(invoice(), Assets(saved("RGB", (1900, 1900), "PNG", (9, 9, 9))))) < 70_000


@pytest.mark.parametrize(
    ("logo", "fault"),
    [
        pytest.param(b"", "bad_format", id="nothing"),
        pytest.param(b"<svg/>", "bad_format", id="not a picture"),
        pytest.param(PNG[:60], "bad_format", id="cut off"),
        pytest.param(saved("RGB", (9, 9), "GIF"), "bad_format", id="another format"),
        pytest.param(saved("1", (2100, 2100), "PNG"), "bad_format", id="too many pixels"),
        pytest.param(PNG + b"x" * LARGEST, "too_large", id="too many bytes"),
    ],
)
def test_what_is_no_logo_is_refused_at_the_door_and_left_out_of_the_document(logo: bytes, fault: str) -> None:
    assert logo_fault(logo) == fault
    assert logo_fault(PNG) is None
    pdf = render(invoice(), Assets(logo))
    assert pdf == render(invoice()), "an invoice is issued without its logo rather than not at all"
    assert "FAKTURA" in pages(pdf)[0]


def test_the_same_logo_gives_the_same_bytes() -> None:
    first = render(invoice(), Assets(PNG))
    picture.cache_clear()
    assert render(invoice(), Assets(PNG)) == first
