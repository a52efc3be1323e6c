"""The fonts that are shipped: what their notice says, and that they are read once."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from unicodedata import bidirectional

import pytest
from reportlab.pdfbase import ttfonts

from invoicing.documents.pdf.archive import PROFILE
from invoicing.documents.pdf.fonts import ARABIC, ARABIC_BOLD, ARABIC_OF, BOLD, FILES, FOLDER, REGULAR, font, has_glyph
from invoicing.documents.pdf.invoice import render
from invoicing.documents.pdf.script import is_plain
from invoicing.domain.parties import has_bad_characters
from invoicing.domain.printable import can_be_drawn
from tests.unit.documents.samples import invoice

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", FILES.values())
def test_the_files_are_those_that_the_notice_describes(name: str) -> None:
    notice = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"| `{name}` | `{sha256((FOLDER / name).read_bytes()).hexdigest()}` |" in notice


def test_the_licence_stands_beside_the_fonts() -> None:
    licence = (FOLDER / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert {path.name for path in FOLDER.iterdir()} == {*FILES.values(), "OFL.txt", "README.md"}


def test_the_colour_profile_is_the_one_that_its_notice_describes_and_old_enough_for_an_archive() -> None:
    profile = PROFILE.read_bytes()
    notice = (PROFILE.parent / "README.md").read_text(encoding="utf-8")
    assert f"| `sRGB.icc` | `{sha256(profile).hexdigest()}` |" in notice
    assert "zlib/libpng" in (PROFILE.parent / "LICENSE.txt").read_text(encoding="utf-8")
    assert profile[8] == 2, "PDF/A-1 takes ICC profiles of version 2"
    assert profile[12:24] == b"mntrRGB XYZ "
    assert profile[36:40] == b"acsp"


@pytest.mark.parametrize("name", [REGULAR, BOLD])
def test_the_fonts_have_polish_and_cyrillic_letters_and_figures_of_one_width(name: str) -> None:
    face = font(name).face
    letters = "ĄĆĘŁŃÓŚŹŻąćęłńóśźż„”–§€£" + "".join(map(chr, range(0x410, 0x450))) + "Ёё"
    assert [letter for letter in letters if ord(letter) not in face.charToGlyph] == []
    assert len({face.charWidths[ord(figure)] for figure in "0123456789"}) == 1


@pytest.mark.parametrize("name", [REGULAR, BOLD])
def test_what_counts_as_plain_is_in_the_font_and_runs_left_to_right(name: str) -> None:
    plain = [char for char in map(chr, range(0x110000)) if not "\ud800" <= char <= "\udfff" and is_plain(char)]
    assert [char for char in plain if not has_glyph(name, ord(char))] == []
    assert {bidirectional(char) for char in plain} & {"R", "AL", "AN", "RLO", "RLE", "RLI", "NSM"} == set()
    assert len(plain) > 600


@pytest.mark.parametrize("name", [ARABIC, ARABIC_BOLD])
def test_the_arabic_fonts_have_every_joined_form(name: str) -> None:
    forms = [code for code in (*range(0xFE80, 0xFEFD), 0x060C, 0x061B, 0x061F) if not has_glyph(name, code)]
    assert forms == []


def test_fonts_are_parsed_once_however_many_documents_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    render(invoice())

    def parsed_again(*_: object, **__: object) -> None:
        raise AssertionError("a font was parsed again")

    monkeypatch.setattr(ttfonts.TTFontFace, "__init__", parsed_again)
    render(invoice())


def test_importing_the_package_loads_no_drawing_library_and_importing_the_drawing_reads_no_font() -> None:
    code = (
        "import sys, invoicing.documents.pdf; assert 'reportlab' not in sys.modules;"
        "import invoicing.documents.pdf.invoice;"
        "from reportlab.pdfbase import pdfmetrics;"
        "assert not [n for n in pdfmetrics.getRegisteredFontNames() if 'Paidcase' in n]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("name", [REGULAR, BOLD])
def test_what_may_be_said_on_a_document_is_what_its_fonts_can_show(name: str) -> None:
    for code in range(0x110000):
        char = chr(code)
        if has_bad_characters(char) or 0xFE00 <= code <= 0xFE0F:
            continue  # refused for another reason, and marks that are never drawn themselves
        shown = has_glyph(name, code) or has_glyph(ARABIC_OF[name], code)
        assert can_be_drawn(char) is shown, f"{code:04x}"
