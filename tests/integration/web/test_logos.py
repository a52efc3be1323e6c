"""The expert's logo: uploaded, kept, and on the invoice."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from invoicing.documents.builtin import BuiltinIssuer
from invoicing.documents.pdf.invoice import render
from invoicing.domain.state import PaymentState, PaymentStatus
from invoicing.ports import IssueOrder
from invoicing.web.api.logos import LARGEST
from tests.integration.web.stage import CASE, EXPERT, EXTERNAL, Stage

LOGO = "/v1/experts/exp-1/logo"
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def picture(kind: str = "PNG", colour: str = "#c05020", size: tuple[int, int] = (120, 40)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


async def put(stage: Stage, content: bytes, media_type: str = "image/png", role: str = "expert:exp-1") -> Any:
    return await stage.send("PUT", LOGO, role, content=content, headers={"Content-Type": media_type})


async def issued(stage: Stage, case_id: str) -> bytes:
    """The PDF of a paid case."""
    await stage.recorded(case_id=case_id, payment=EXTERNAL)
    async with stage.app.store.transaction() as db:
        paid = PaymentState(status=PaymentStatus.COMPLETED, attempt=1, paid_at=NOW, reference="P-1")
        await db.save((await db.facts(case_id)).state.model_copy(update={"payment": paid}))
    issuer = BuiltinIssuer(stage.app.store, stage.app.documents, render, lambda: NOW)
    made = await issuer.issue(IssueOrder(await stage.facts(case_id)))
    return await stage.app.documents.get(made.sha256)


def images(pdf: bytes) -> int:
    return len(PdfReader(io.BytesIO(pdf)).pages[0].images)


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
async def test_an_uploaded_logo_stands_on_the_invoices_that_follow(stage: Stage, kind: str, media_type: str) -> None:
    assert images(await issued(stage, "before")) == 0
    answer = await put(stage, picture(kind), media_type)
    assert (answer.status_code, answer.json()["expert_id"]) == (200, "exp-1")
    assert await stage.app.documents.get(answer.json()["sha256"]) == picture(kind)
    assert images(await issued(stage, "after")) == 1


async def test_an_expert_saved_again_keeps_his_logo(stage: Stage) -> None:
    await stage.send("PUT", "/v1/experts/exp-1", json=EXPERT)
    await put(stage, picture())
    assert images(await issued(stage, CASE)) == 1


async def test_an_invoice_drawn_again_has_the_logo_with_which_it_was_numbered(stage: Stage) -> None:
    await stage.send("PUT", "/v1/experts/exp-1", json=EXPERT)
    first = (await put(stage, picture())).json()["sha256"]
    pdf = await issued(stage, CASE)
    await put(stage, picture(colour="#0000ff"))
    async with stage.app.store.reading() as db:
        stored = await db.invoice(CASE)
    assert stored is not None
    assert stored.invoice.logo == first
    issuer = BuiltinIssuer(stage.app.store, stage.app.documents, render, lambda: NOW)
    async with stage.app.store.transaction() as db:
        await db.set_invoice_document(CASE, 1, None)  # type: ignore[arg-type]  # as a crash before it leaves the row
    again = await issuer.issue(IssueOrder(await stage.facts()))
    assert await stage.app.documents.get(again.sha256) == pdf


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"GIF89a", "image/gif", 415, "unsupported_media_type"),
        (picture(), "application/octet-stream", 415, "unsupported_media_type"),
        (b"<svg/>", "image/png", 422, "invalid"),
        (picture()[:60], "image/png", 422, "invalid"),
        (picture(size=(2001, 2000)), "image/png", 422, "invalid"),
        (b"", "image/png", 422, "invalid"),
        (picture() + b"\0" * LARGEST, "image/png", 413, "too_large"),
    ],
)
async def test_what_is_no_logo_is_refused_and_the_one_before_stays(
    stage: Stage, content: bytes, media_type: str, status: int, code: str
) -> None:
    await stage.send("PUT", "/v1/experts/exp-1", json=EXPERT)
    kept = (await put(stage, picture())).json()["sha256"]
    answer = await put(stage, content, media_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    async with stage.app.store.reading() as db:
        assert await db.expert_logo("exp-1") == kept


async def test_a_logo_of_nobody_and_of_somebody_else_is_404(stage: Stage) -> None:
    assert (await put(stage, picture(), role="ops")).status_code == 404
    await stage.send("PUT", "/v1/experts/exp-1", json=EXPERT)
    assert (await put(stage, picture(), role="expert:exp-2")).status_code == 404
    assert (await put(stage, picture(), role="ops")).status_code == 200
