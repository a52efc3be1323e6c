"""Same fact, same bytes: twice, in another process under other settings, and in threads."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
from reportlab.pdfbase.ttfonts import TTFontFace

from invoicing.documents.pdf.invoice import render
from invoicing.domain.invoices import Invoice
from tests.unit.documents.samples import invoice, line

ROOT = Path(__file__).parents[3]
ELSEWHERE = """
from hashlib import sha256
from tests.unit.documents.samples import invoice, line
from tests.unit.documents.test_same_bytes import arabic
from invoicing.documents.pdf.invoice import render
render(invoice([line("inna usługa, 漢字")]))
print(sha256(render(invoice()) + render(arabic())).hexdigest())
"""


def arabic() -> Invoice:
    return invoice([line("اسْتِشارة لـ Przykład (2026)")], languages=("pl", "ar"))


def test_the_same_fact_gives_the_same_bytes() -> None:
    first = render(invoice())
    render(invoice([line("Coś innego между nimi")]))
    assert render(invoice()) == first


def test_another_process_with_other_settings_gives_the_same_bytes(tmp_path: Path) -> None:
    shaping = tmp_path / "shaping.ini"
    shaping.write_text("[ArabicReshaper]\ndelete_harakat = yes\nsupport_ligatures = no\ndelete_tatweel = yes\n")
    surroundings = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "SOURCE_DATE_EPOCH": "1",
        "RL_pageCompression": "1",
        "RL_useA85": "0",
        "RL_invariant": "0",
        "RL_pdfMultiLine": "1",
        "RL_pdfComments": "1",
        "RL_ttfAsciiReadable": "1",
        "RL_documentLang": "xx",
        "RL_canvas_basefontname": "Courier",
        "PYTHON_ARABIC_RESHAPER_CONFIGURATION_FILE": str(shaping),
    }
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == sha256(render(invoice()) + render(arabic())).hexdigest()


def test_no_two_threads_cut_a_font_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = invoice()
    alone = render(draft)
    meeting, met = Barrier(2), []
    cut = TTFontFace.makeSubset

    def watched(face: TTFontFace, subset: list[int]) -> bytes:
        try:
            meeting.wait(0.2)
            met.append(subset)
        except BrokenBarrierError:  # nobody else came in, and nobody after us need wait
            pass
        return bytes(cut(face, subset))

    monkeypatch.setattr(TTFontFace, "makeSubset", watched)
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(render, [draft, draft]))
    assert met == []
    assert together == [alone, alone]


def test_any_change_of_the_fact_changes_the_bytes() -> None:
    assert render(invoice(number="FV/2/11/2026")) != render(invoice())
    assert render(invoice(colour="#800000")) != render(invoice())
