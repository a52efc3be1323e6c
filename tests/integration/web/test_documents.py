"""Documents of a case: who sees which, duplicates with their day, pro formas while nobody has paid."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from invoicing.bootstrap import utc_now
from invoicing.domain.records import ArchivedDocument
from invoicing.domain.state import InvoiceState, InvoiceStatus
from invoicing.locale import text
from tests.integration.web.corrected import (
    BUYER,
    CHEAPER,
    EXPERT,
    PAID,
    corrected,
    facts_of_all,
    invoiced,
    listed,
    words,
)
from tests.integration.web.stage import CASE, EXTERNAL, Stage, a_case, settings, staged
from tests.integration.web.stage import EXPERT as SELLER


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


# --- duplicates and pro formas -----------------------------------------------------------------------------------

DUPLICATE, PRO_FORMA = f"/v1/cases/{CASE}/invoice/duplicate.pdf", f"/v1/cases/{CASE}/pro-forma.pdf"


async def test_a_duplicate_says_so_with_its_day_and_is_the_invoice_otherwise(folder: Path) -> None:
    days = [datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 12, 14, 23, 30, tzinfo=UTC)]
    async with staged(settings(folder), lambda: days[0]) as stage:
        await invoiced(stage, client={"id": "cli-7", "email": "anna@example.com", "language": "en"})
        original = words((await stage.send("GET", f"/v1/cases/{CASE}/invoice.pdf")).content)
    async with staged(settings(folder), lambda: days[1]) as stage:
        answers = [await stage.send("GET", DUPLICATE, "client:cli-7") for _ in range(2)]
        kept = await listed(stage)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    told = words(answers[0].content)
    assert "DUPLIKAT z dnia 15.12.2026" in told, "half past eleven in Greenwich is the next day in Warsaw"
    assert "DUPLICATE of 15 Dec 2026" in told.replace("\u00a0", " ")
    assert kept[0]["full_number"] in told
    assert "DUPLIKAT" not in original
    assert len(kept) == 1, "a duplicate is no document of its own"
    assert "DUPLIKAT" in answers[0].headers["content-disposition"]


async def test_a_duplicate_of_nothing_is_not_found_and_one_of_anothers_invoice_is_refused(stage: Stage) -> None:
    await stage.recorded()
    early = await stage.send("GET", DUPLICATE)
    assert (early.status_code, early.json()["code"]) == (404, "no_invoice")
    for status in (InvoiceStatus.AVAILABLE, InvoiceStatus.MANUAL):
        await stage.state(payment=PAID, invoice=InvoiceState(status=status, number="FV 1", sha256="0" * 64))
        answer = await stage.send("GET", DUPLICATE)
        assert (answer.status_code, answer.json()["code"]) == (409, "action_not_allowed")
        assert answer.json()["detail"] == text("pl", "problem.drawn_elsewhere")


async def test_a_correction_has_a_duplicate_too_by_its_number_and_an_attachment_has_none(folder: Path) -> None:
    async with staged(settings(folder), lambda: datetime(2026, 11, 22, 12, tzinfo=UTC)) as stage:
        await invoiced(stage)
        number = await corrected(stage, CHEAPER)
        foreign = ArchivedDocument(
            case_id=CASE, kind="attachment", sha256="0" * 64, size=9, actor=EXPERT, archived_at=utc_now()
        )
        async with stage.app.store.transaction() as db:
            await db.archive(foreign)
        path = f"/v1/cases/{CASE}/documents"
        told = words((await stage.send("GET", f"{path}/2/duplicate.pdf", "client:cli-7")).content)
        for element in (f"nr {number}", "FAKTURA KORYGUJĄCA", "DUPLIKAT z dnia 22.11.2026"):
            assert element in told
        same = [await stage.send("GET", each) for each in (f"{path}/1/duplicate.pdf", DUPLICATE)]
        assert same[0].content == same[1].content
        assert (await stage.send("GET", f"{path}/3/duplicate.pdf", "ops")).status_code == 409
        hidden = [await stage.send("GET", f"{path}/{n}/duplicate.pdf", "client:cli-7") for n in (3, 4)]
        assert [answer.status_code for answer in hidden] == [404, 404]


@pytest.mark.parametrize(("language", "title"), [("pl", "FAKTURA PRO FORMA"), ("fr", "Facture pro forma")])
async def test_a_priced_case_has_a_pro_forma_in_the_languages_of_its_invoice(
    stage: Stage, language: str, title: str
) -> None:
    await stage.recorded(client={"id": "cli-7", "email": "anna@example.com", "language": language})
    first, again = [await stage.send("GET", PRO_FORMA, role) for role in ("client:cli-7", EXPERT)]
    assert (first.status_code, first.content) == (200, again.content)
    told = words(first.content)
    for element in (f"nr PF/{CASE}", title, "FAKTURA PRO FORMA", "398,52", "Pozostało do zapłaty", "nie jest fakturą"):
        assert element in told
    assert "Data sprzedaży" not in told
    assert "Data zapłaty" not in told
    assert await facts_of_all(stage) == []


async def test_a_pro_forma_takes_the_newest_buyer_and_the_one_of_a_profile(stage: Stage) -> None:
    await stage.send("PUT", "/v1/clients/cli-7/billing-profiles/office", json=BUYER)
    await stage.recorded(billing_data={"profile_id": "office"})
    assert "Nowy Nabywca" in words((await stage.send("GET", PRO_FORMA)).content)
    await stage.send("PUT", f"/v1/cases/{CASE}/billing-data", json={**BUYER, "name": "Najnowszy S.A."})
    assert "Najnowszy" in words((await stage.send("GET", PRO_FORMA)).content)


async def test_a_pro_forma_is_refused_where_it_makes_no_sense(stage: Stage) -> None:
    await stage.recorded(billing_data=None)
    missing = await stage.send("GET", PRO_FORMA)
    assert (missing.status_code, missing.json()["code"]) == (422, "invalid")
    assert [(f["field"], f["code"]) for f in missing.json()["errors"]] == [("billing_data", "missing")]
    await stage.state(payment=PAID)
    paid = await stage.send("GET", PRO_FORMA)
    assert (paid.status_code, paid.json()["code"]) == (409, "already_paid")
    await stage.send("PUT", "/v1/experts/exp-2", json={**SELLER, "issuer": "none"})
    await stage.send("POST", "/v1/cases", json=a_case(case_id="by-hand", expert_id="exp-2"))
    elsewhere = await stage.send("GET", "/v1/cases/by-hand/pro-forma.pdf")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "action_not_allowed")
    await stage.send("POST", "/v1/cases", json=a_case(case_id="paid-1", payment=EXTERNAL))
    assert (await stage.send("GET", "/v1/cases/paid-1/pro-forma.pdf")).json()["code"] == "already_paid"
