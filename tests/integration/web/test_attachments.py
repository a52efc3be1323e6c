"""The expert's own PDF: what is taken, what is refused, and what stays archived."""

import hashlib
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject
from temporalio.exceptions import ApplicationError

from activities.attachments import AttachInput, AttachmentActivities
from invoicing.bootstrap import utc_now
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import ArchivedDocument
from invoicing.domain.state import InvoiceState, InvoiceStatus
from invoicing.web.described import StateRecord
from tests.integration.web.stage import CASE, Stage
from tests.integration.web.test_decisions import FAILED_INVOICE, INVOICED, PAID, decisions, handed_over, staged_in

PATH = f"/v1/cases/{CASE}/invoice/attachment"
PDF = {"Content-Type": "application/pdf"}
BY_HAND = {"payment": PAID, "invoice": InvoiceState(status=InvoiceStatus.MANUAL)}


def a_pdf(title: str = "one", *, script: bool = False, password: str | None = None) -> bytes:
    """A page, and what is asked for beside it."""
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": title})
    if script:
        action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("x()")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    if password is not None:
        writer.encrypt(password, algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


async def archived(stage: Stage) -> tuple[ArchivedDocument, ...]:
    """Documents of the case."""
    async with stage.app.store.reading() as db:
        return await db.archived(CASE)


@pytest.mark.parametrize("role", ["expert:exp-1", "ops"])
@pytest.mark.parametrize("before", [BY_HAND, FAILED_INVOICE], ids=["by hand", "failed"])
async def test_a_good_pdf_is_stored_archived_and_decided(stage: Stage, role: str, before: dict[str, object]) -> None:
    await staged_in(stage, before)
    content = a_pdf()
    answer = await stage.send("PUT", PATH, role, content=content, headers=PDF)
    assert answer.status_code == 200, answer.text
    StateRecord.model_validate(answer.json())
    sha256 = hashlib.sha256(content).hexdigest()
    assert await stage.app.documents.get(sha256) == content
    (decided,) = await decisions(stage)
    assert (decided.kind, decided.actor, decided.body) == (DecisionKind.ATTACH_INVOICE, role, {"sha256": sha256})
    (document,) = await archived(stage)
    assert (document.kind, document.sha256, document.size, document.actor) == ("attachment", sha256, len(content), role)
    assert [message.body for message in await handed_over(stage)] == [{"number": 1}]


async def test_the_same_file_again_changes_nothing_and_another_keeps_the_first_archived(stage: Stage) -> None:
    await staged_in(stage, BY_HAND)
    for content in (a_pdf(), a_pdf(), a_pdf("two")):
        assert (await stage.send("PUT", PATH, "expert:exp-1", content=content, headers=PDF)).status_code == 200
    assert len(await decisions(stage)) == 2
    assert [document.number for document in await archived(stage)] == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        a_pdf(script=True),
        a_pdf(password=""),
        a_pdf(password="secret"),
        b"",
        b"PK\x03\x04",
        b"%PDF-1.7\n%%EOF",
        a_pdf()[:-99],
    ],
    ids=["script", "encrypted", "password", "empty", "zip", "hollow", "cut"],
)
async def test_a_file_that_cannot_be_handed_on_is_refused_and_nothing_is_kept(stage: Stage, content: bytes) -> None:
    await staged_in(stage, BY_HAND)
    answer = await stage.send("PUT", PATH, "expert:exp-1", content=content, headers=PDF)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [("", "bad_format")]
    assert (await decisions(stage), await archived(stage)) == ([], ())


async def test_eleven_mebibytes_are_too_large_whether_they_say_so_or_not(stage: Stage) -> None:
    await staged_in(stage, BY_HAND)

    async def in_pieces() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7\n"
        for _ in range(11):
            yield b" " * 1024 * 1024

    for content in (b"%PDF-1.7\n" + b" " * (10 * 1024 * 1024 - 8), in_pieces()):
        answer = await stage.send("PUT", PATH, "expert:exp-1", content=content, headers=PDF)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("media_type", ["application/octet-stream", "image/png", "application/json"])
async def test_another_type_of_content_is_not_taken(stage: Stage, media_type: str) -> None:
    await staged_in(stage, BY_HAND)
    answer = await stage.send("PUT", PATH, "ops", content=a_pdf(), headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_form_with_the_file_is_not_taken_here(stage: Stage) -> None:
    await staged_in(stage, BY_HAND)
    answer = await stage.send("PUT", PATH, "ops", files={"file": ("invoice.pdf", a_pdf(), "application/pdf")})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("before", [{}, INVOICED], ids=["unpaid", "invoiced"])
async def test_where_no_attachment_is_waited_for_the_answer_is_409(stage: Stage, before: dict[str, object]) -> None:
    await staged_in(stage, before)
    answer = await stage.send("PUT", PATH, "ops", content=a_pdf(), headers=PDF)
    assert (answer.status_code, answer.json()["code"]) == (409, "action_not_allowed")
    assert (await decisions(stage), await archived(stage)) == ([], ())


async def test_a_document_never_takes_the_place_of_an_invoice_whose_attempts_have_begun(stage: Stage) -> None:
    await staged_in(stage, FAILED_INVOICE)
    assert (await stage.send("PUT", PATH, "ops", content=a_pdf(), headers=PDF)).status_code == 200
    begun = await stage.state(parked=None, invoice=InvoiceState(status=InvoiceStatus.GENERATING, round=2))
    attaching = AttachmentActivities(stage.app.store, utc_now)
    with pytest.raises(ApplicationError) as caught:
        await attaching.attach_invoice(AttachInput(case_id=CASE, number=1))
    assert caught.value.non_retryable
    assert caught.value.details[0].code == "attachment_overtaken"
    assert (await stage.facts()).state == begun
    assert [document.kind for document in await archived(stage)] == ["attachment"]
