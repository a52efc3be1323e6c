"""The fonts that are shipped: what their notice says, and that they are read once."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from reportlab.pdfbase import ttfonts

from invoicing.documents.pdf.fonts import BOLD, FILES, FOLDER, REGULAR, font
from invoicing.documents.pdf.invoice import render
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


@pytest.mark.parametrize("name", [REGULAR, BOLD])
def test_the_fonts_have_polish_and_cyrillic_letters_and_figures_of_one_width(name: str) -> None:
    face = font(name).face
    letters = "ĄĆĘŁŃÓŚŹŻąćęłńóśźż„”–§€£" + "".join(map(chr, range(0x410, 0x450))) + "Ёё"
    assert [letter for letter in letters if ord(letter) not in face.charToGlyph] == []
    assert len({face.charWidths[ord(figure)] for figure in "0123456789"}) == 1


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
