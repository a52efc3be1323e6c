"""What an archive asks of the file (PDF/A-1b), read back by a library that did not write it."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from pypdf.generic import DictionaryObject

from invoicing.documents.pdf.archive import PROFILE
from invoicing.documents.pdf.assets import Assets
from invoicing.documents.pdf.invoice import render
from tests.unit.documents.samples import COMPANY, SELLER, correction, invoice, line, read

HOSTILE = SELLER.model_copy(update={"name": "<A> & B ]]> \x00\x1b\ud800\uffff 😀 (x\\ {0}"})
LOGO = BytesIO()
Image.new("RGBA", (60, 20), (9, 9, 200, 90)).save(LOGO, "PNG")
FILES = {
    "plain": render(invoice()),
    "hostile": render(invoice(seller=HOSTILE)),
    "arabic": render(invoice(kind="proforma", languages=("ar",), amount_due=Decimal(10), due_on=date(2026, 12, 8))),
    "bilingual with logo": render(invoice(languages=("pl", "ru")), Assets(LOGO.getvalue())),
    "correction": render(correction([line()], [line("B", "8")], reason_key="rate"), duplicate_on=date(2026, 12, 24)),
    "long": render(invoice([line(f"Usługa {n} 漢") for n in range(80)], buyer=COMPANY)),
}
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
}
each_file = pytest.mark.parametrize("pdf", FILES.values(), ids=FILES)


def metadata(pdf: bytes) -> ElementTree.Element:
    catalogue: Any = read(pdf).root_object
    stream = catalogue["/Metadata"].get_object()
    assert "/Filter" not in stream, "metadata must be readable without unpacking"
    return ElementTree.fromstring(stream.get_data())  # noqa: S314  # written by us above


@each_file
def test_colours_are_defined_by_an_srgb_profile(pdf: bytes) -> None:
    catalogue: Any = read(pdf).root_object
    intent = catalogue["/OutputIntents"][0].get_object()
    assert len(catalogue["/OutputIntents"]) == 1
    assert intent["/S"] == "/GTS_PDFA1"
    profile = intent["/DestOutputProfile"].get_object()
    assert profile["/N"] == 3
    assert profile.get_data() == PROFILE.read_bytes()


@each_file
def test_the_packet_and_the_info_dictionary_say_the_same(pdf: bytes) -> None:
    packet, info = metadata(pdf), read(pdf).metadata
    assert info is not None

    def said(path: str) -> str:
        found = packet.find(f".//{path}", NAMESPACES)
        assert found is not None
        return "".join(found.itertext()).strip()

    assert said("dc:title") == info.title
    assert said("dc:creator") == info.author
    assert said("dc:description") == info.subject
    assert said("xmp:CreatorTool") == info.creator == "Paidcase"
    assert said("pdf:Producer") == info.producer == "Paidcase"
    day = str(info["/CreationDate"]).removeprefix("D:")
    assert said("xmp:CreateDate").replace("-", "") == said("xmp:ModifyDate").replace("-", "") == day
    assert said("pdfaid:part") == "1"
    assert said("pdfaid:conformance") == "B"
    assert said("dc:language") == str(read(pdf).root_object["/Lang"])


@each_file
def test_every_font_is_embedded_and_every_stream_ends_on_a_line_of_its_own(pdf: bytes) -> None:
    for page in read(pdf).pages:
        for reference in page["/Resources"]["/Font"].values():  # type: ignore[index]  # PDF dictionaries
            assert "/FontFile2" in reference.get_object()["/FontDescriptor"]
    ends = [match.start() for match in re.finditer(rb"endstream\s+endobj", pdf)]
    assert len(ends) > 5
    assert all(pdf[end - 1 : end] == b"\n" for end in ends)
    document = read(pdf)
    for number in range(1, int(str(document.trailer["/Size"]))):
        stream = document.get_object(number)
        if isinstance(stream, DictionaryObject) and "/Length" in stream:
            assert stream["/Length"] == len(stream._data)  # type: ignore[attr-defined]  # the bytes before unpacking


@each_file
def test_nothing_is_in_the_file_that_an_archive_refuses(pdf: bytes) -> None:
    for banned in (b"/SMask", b"/CA ", b"/ca ", b"/Encrypt", b"/JavaScript", b"/EmbeddedFiles", b"/LZWDecode", b"/AA "):
        assert banned not in pdf
    assert pdf.startswith(b"%PDF-1.4\n%")
    assert all(byte > 127 for byte in pdf[10:14])
    assert len(read(pdf).trailer["/ID"]) == 2  # type: ignore[arg-type]  # an array of PDF


def test_a_hostile_name_cannot_break_the_packet() -> None:
    creator = metadata(FILES["hostile"]).find(".//dc:creator", NAMESPACES)
    assert creator is not None
    shown = "".join(creator.itertext()).strip()
    assert shown == "<A> & B ]]> \ufffd\ufffd\ufffd\ufffd 😀 (x\\ {0}"
