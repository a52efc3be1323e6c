"""Who sees which documents of a case."""

import pytest

from invoicing.bootstrap import utc_now
from invoicing.domain.records import ArchivedDocument
from invoicing.domain.state import InvoiceState, InvoiceStatus
from tests.integration.web.corrected import EXPERT, PAID, invoiced, listed
from tests.integration.web.stage import CASE, Stage


@pytest.mark.parametrize("role", ["client:cli-8", "expert:exp-2"])
async def test_documents_of_others_are_not_found(stage: Stage, role: str) -> None:
    await invoiced(stage)
    for path in ("documents", "documents/1.pdf"):
        assert (await stage.send("GET", f"/v1/cases/{CASE}/{path}", role)).status_code == 404


@pytest.mark.parametrize("number", ["0", "2", "01", "1e0", "-1", "9" * 30])
async def test_a_number_that_no_document_has_is_not_found(stage: Stage, number: str) -> None:
    await invoiced(stage)
    assert (await stage.send("GET", f"/v1/cases/{CASE}/documents/{number}.pdf")).status_code in {404, 422}


async def test_an_attachment_that_is_not_the_invoice_is_shown_to_expert_and_ops_alone(stage: Stage) -> None:
    await stage.recorded()
    old, new = [await stage.app.documents.put(content) for content in (b"%PDF-1.7 wrong", b"%PDF-1.7 right")]
    async with stage.app.store.transaction() as db:
        for sha256 in (old, new):
            await db.archive(
                ArchivedDocument(
                    case_id=CASE, kind="attachment", sha256=sha256, size=9, actor=EXPERT, archived_at=utc_now()
                )
            )
    await stage.state(payment=PAID, invoice=InvoiceState(status=InvoiceStatus.MANUAL, sha256=new))
    assert [item["sha256"] for item in await listed(stage)] == [new]
    assert [item["sha256"] for item in await listed(stage, "ops")] == [old, new]
    assert [item["label"] for item in await listed(stage, EXPERT, "en")] == ["The expert's document"] * 2
    hidden, shown = [item["href"] for item in await listed(stage, "ops")]
    assert (await stage.send("GET", hidden, "client:cli-7")).status_code == 404
    assert (await stage.send("GET", shown, "client:cli-7")).content == b"%PDF-1.7 right"
