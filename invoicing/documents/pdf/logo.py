"""The seller's logo: PNG or JPEG bytes made ready for a page.

A JPEG in RGB or grey goes in as it is. Everything else becomes at most 256 colours on white, packed by run lengths
(ISO 32000-1, 7.4.5): zlib and zlib-ng would pack the same picture into different bytes, PDF/A-1 has neither
transparency nor LZW, and our output intent is RGB.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST: Final = 512 * 1024
MOST_PIXELS: Final = 4_000_000
DRAWN: Final = (640, 240)
"""Pixels kept: 300 dots an inch in the largest box that a page gives to a logo."""


class Picture(NamedTuple):
    """An image as it is embedded: the stream, how it is packed, and the palette of one with indexed colours."""

    name: str
    width: int
    height: int
    stream: bytes
    packing: str
    space: str
    palette: bytes


def logo_fault(data: bytes) -> str | None:
    """Why these bytes cannot be a logo: `too_large`, `bad_format`; `None` when they can."""
    if len(data) > LARGEST:
        return "too_large"
    return None if picture(data) else "bad_format"


@lru_cache(maxsize=64)
def picture(data: bytes) -> Picture | None:
    """The logo ready to embed; `None` for bytes that are not a picture.

    A damaged logo leaves the invoice without one: it is refused where it is uploaded (`logo_fault`), and no paid case
    may wait for a picture.
    """
    from PIL import Image, UnidentifiedImageError  # importing Pillow takes longer than drawing an invoice without logo

    if len(data) > LARGEST:
        return None
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MOST_PIXELS or min(image.size) < 1:
                return None
            image.load()
            if image.format == "JPEG" and image.mode in ("RGB", "L"):
                space = "DeviceRGB" if image.mode == "RGB" else "DeviceGray"
                return Picture("logo", image.width, image.height, data, "DCTDecode", space, b"")
            return _indexed(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _indexed(image: Image) -> Picture:
    from PIL import Image as Images

    layered = image.convert("RGBA")
    white = Images.new("RGBA", layered.size, (255, 255, 255, 255))
    flat = Images.alpha_composite(white, layered).convert("RGB")
    factor = max(1, -(-flat.width // DRAWN[0]), -(-flat.height // DRAWN[1]))
    if factor > 1:
        flat = flat.reduce(factor)
    indexed = flat.quantize(256, method=Images.Quantize.MEDIANCUT, dither=Images.Dither.NONE)
    palette = bytes(indexed.getpalette() or [])
    return Picture(
        "logo", indexed.width, indexed.height, packed(indexed.tobytes()), "RunLengthDecode", "Indexed", palette
    )


def packed(data: bytes) -> bytes:
    """Run-length encoding: a length below 128 copies one byte more than it says, above 128 repeats 257 less it."""
    out = bytearray()
    place, end = 0, len(data)
    while place < end:
        run = 1
        while run < 128 and place + run < end and data[place + run] == data[place]:
            run += 1
        if run > 1:
            out += bytes((257 - run, data[place]))
            place += run
            continue
        start = place
        while place < end and place - start < 128 and not (place + 1 < end and data[place + 1] == data[place]):
            place += 1
        out += bytes((place - start - 1,)) + data[start:place]
    out.append(128)
    return bytes(out)
