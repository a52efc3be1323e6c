"""Correcting an issued invoice through the API: judged, recorded, carried out by its activity, and found again."""

import hashlib
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.corrections import CorrectionInput
from invoicing.bootstrap import utc_now
from invoicing.documents.pdf.assets import Assets
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.invoices import Invoice
from invoicing.domain.records import Event
from invoicing.domain.state import Badge, InvoiceState, InvoiceStatus
from invoicing.errors import NotAllowed
from invoicing.locale import text
from invoicing.web.described import StateRecord
from tests.integration.web.corrected import (
    BUYER,
    CHEAPER,
    EXPERT,
    LINE,
    PAID,
    PATH,
    act,
    corrected,
    facts_of_all,
    invoiced,
    listed,
    wish,
    with_issuer,
    words,
)
from tests.integration.web.stage import CASE, DOCUMENT, Stage
from tests.integration.web.test_decisions import KEYED, decisions, handed_over


async def test_a_price_is_corrected_by_a_document_of_its_own_and_the_invoice_stays(stage: Stage) -> None:
    await invoiced(stage)
    before = await stage.send("GET", f"/v1/cases/{CASE}/invoice.pdf")
    number = await corrected(stage, CHEAPER)
    assert number == f"KFV/1/{utc_now():%m}/{utc_now():%Y}"
    after = await stage.send("GET", f"/v1/cases/{CASE}/invoice.pdf")
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
    invoice, correction = await listed(stage)
    assert (invoice["kind"], invoice["corrected_by"], invoice["corrects"]) == ("invoice", [2], None)
    assert (correction["kind"], correction["corrects"], correction["full_number"]) == ("correction", 1, number)
    assert correction["totals"] == {"net": "270.00", "vat": "62.10", "gross": "332.10"}
    assert correction["difference"] == {"net": "-54.00", "vat": "-12.42", "gross": "-66.42"}
    assert (correction["reason"], correction["label"]) == ("po reklamacji", "Faktura korygująca")
    file = await stage.send("GET", correction["href"], "client:cli-7")
    assert hashlib.sha256(file.content).hexdigest() == correction["sha256"]
    assert (file.headers["etag"], file.headers["content-type"]) == (f'"{correction["sha256"]}"', "application/pdf")
    told = words(file.content)
    for element in (f"nr {number}", f"do faktury nr {invoice['full_number']}", "zmiana ceny po reklamacji", "-66,42"):
        assert element in told
    again = await stage.send("GET", correction["href"], headers={"If-None-Match": file.headers["etag"]})
    assert again.status_code == 304


async def test_the_correction_is_a_badge_a_line_of_the_timeline_and_a_new_version(stage: Stage) -> None:
    await invoiced(stage)
    version = (await stage.facts()).state.version
    await corrected(stage, CHEAPER)
    state = (await stage.facts()).state
    assert state.badges == (Badge.CORRECTED,)
    assert state.version > version
    entry = (await stage.app.store.timeline(CASE))[-1]
    assert (entry.event, entry.actor, list(entry.details)) == ("invoice_corrected", EXPERT, ["number"])
    async with stage.app.store.reading() as db:
        (document,) = await db.archived(CASE)
    assert (document.kind, document.actor) == ("correction", EXPERT)


async def test_a_new_buyer_is_a_revision_and_never_in_the_decision(stage: Stage) -> None:
    await invoiced(stage)
    await corrected(stage, {"reason": "zła nazwa", "billing_data": BUYER})
    (decided,) = await decisions(stage)
    assert decided.body == {"reason": "zła nazwa", "billing_revision": "2"}
    assert (await stage.facts()).billing_revision == 2
    correction = (await facts_of_all(stage))[-1]
    assert correction.buyer.name == "Nowy Nabywca S.A."
    assert correction.correction is not None
    assert correction.correction.before_buyer is not None
    assert correction.correction.before_buyer.name == "Przykład sp. z o.o."
    assert [entry.event for entry in await stage.app.store.timeline(CASE)].count(Event.BILLING_DATA_SAVED) == 1
    assert "Nowy" not in str(await handed_over(stage)) + str(await stage.app.store.timeline(CASE))


async def test_two_data_corrections_that_wait_are_carried_out_with_their_own_revisions(stage: Stage) -> None:
    await invoiced(stage)
    for name in ("Pierwsza", "Druga"):
        answer = await wish(stage, {"reason": "dane", "billing_data": {**BUYER, "name": f"{name} sp. z o.o."}})
        assert answer.status_code == 200
    for number in (1, 2):
        await act(stage, "correct_invoice", CorrectionInput(case_id=CASE, number=number))
    assert [fact.buyer.name for fact in (await facts_of_all(stage))[1:]] == ["Pierwsza sp. z o.o.", "Druga sp. z o.o."]


async def test_corrections_of_corrections_follow_each_other_without_a_gap(stage: Stage) -> None:
    await invoiced(stage)
    more = {"reason": "zapomniana opinia", "lines": [LINE, {**LINE, "description": "Opinia", "vat_rate": "8"}]}
    fewer = {"reason": "bez konsultacji", "lines": [{**LINE, "description": "Opinia", "vat_rate": "8"}]}
    numbers = [await corrected(stage, body, n) for n, body in enumerate((CHEAPER, more, fewer, CHEAPER), 1)]
    assert [number.split("/")[1] for number in numbers] == ["1", "2", "3", "4"]
    facts = await facts_of_all(stage)
    assert [fact.sequence for fact in facts] == [1, 2, 3, 4, 5]
    for before, after in pairwise(facts):
        assert after.correction is not None
        assert (after.correction.before_lines, after.correction.before_gross) == (before.lines, before.gross)
        assert after.correction.number == facts[0].number
    assert facts[-1].gross == Decimal("332.10")
    assert (await listed(stage))[0]["corrected_by"] == [2, 3, 4, 5]


async def test_to_zero_and_back(stage: Stage) -> None:
    await invoiced(stage)
    await corrected(stage, {"reason": "zły nabywca", "to_zero": True})
    assert (await facts_of_all(stage))[-1].gross == 0
    await corrected(stage, {"reason": "jednak dobry", "lines": [LINE]}, 2)
    assert (await facts_of_all(stage))[-1].gross == Decimal("398.52")


async def test_the_same_correction_carried_out_again_is_the_same_document(stage: Stage) -> None:
    await invoiced(stage)
    number = await corrected(stage, CHEAPER)
    told = await act(stage, "correct_invoice", CorrectionInput(case_id=CASE, number=1))
    assert told.number == number
    assert len(await facts_of_all(stage)) == 2
    assert [entry.event for entry in await stage.app.store.timeline(CASE)].count(Event.INVOICE_CORRECTED) == 1


async def test_a_process_that_dies_behind_the_number_leaves_it_to_the_next(stage: Stage) -> None:
    await invoiced(stage)
    await wish(stage, CHEAPER)

    def die(invoice: Invoice, assets: Assets, duplicate_on: Any = None) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ApplicationError):
        await with_issuer(stage, die).correct_invoice(CorrectionInput(case_id=CASE, number=1))
    assert len(await listed(stage)) == 1
    told = await act(stage, "correct_invoice", CorrectionInput(case_id=CASE, number=1))
    assert [fact.number for fact in (await facts_of_all(stage))[1:]] == [told.number]
    assert len(await listed(stage)) == 2


async def test_pressing_twice_decides_once_and_a_key_stands_for_one_correction(stage: Stage) -> None:
    await invoiced(stage)
    answers = [await wish(stage, {**CHEAPER, "billing_data": BUYER}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(await decisions(stage)) == 1
    for _ in range(2):
        assert (await wish(stage, {"reason": "raz", "to_zero": True}, "ops", KEYED)).status_code == 200
    assert len(await decisions(stage)) == 2
    other = await stage.send("POST", PATH, "ops", json={"reason": "dwa", "to_zero": True}, headers=KEYED)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    kept = (await stage.facts()).billing_revision
    asked = CorrectionRequest.model_validate({"reason": "x", "billing_data": {**BUYER, "name": "X"}})
    with pytest.raises(NotAllowed, match="another decision"):
        await stage.app.deciding.correct_invoice(CASE, "cli", asked, "press-1")
    assert (await stage.facts()).billing_revision == kept


async def test_the_same_state_may_be_wished_for_again_after_another_one(stage: Stage) -> None:
    await invoiced(stage)
    back = {"reason": "po reklamacji", "lines": [LINE]}
    for number, body in enumerate((CHEAPER, back, CHEAPER, back), 1):
        await corrected(stage, body, number)
    assert len(await decisions(stage)) == 4


async def test_a_wish_that_came_true_meanwhile_issues_nothing(stage: Stage) -> None:
    await invoiced(stage)
    for key in ("press-1", "press-2"):
        await wish(stage, CHEAPER, headers={"Idempotency-Key": key})
    numbers = [
        (await act(stage, "correct_invoice", CorrectionInput(case_id=CASE, number=number))).number for number in (1, 2)
    ]
    assert numbers[0] is not None
    assert numbers[1] is None


@pytest.mark.parametrize("language", ["pl", "en"])
async def test_what_is_not_ours_to_correct_is_refused_with_the_reason(stage: Stage, language: str) -> None:
    await stage.recorded()
    told = {"Accept-Language": language}
    early = await wish(stage, CHEAPER, headers=told)
    assert (early.status_code, early.json()["code"]) == (409, "action_not_allowed")
    available = InvoiceState(status=InvoiceStatus.AVAILABLE, number="FV 1/11/2026", sha256="0" * 64)
    await stage.state(payment=PAID, invoice=available)
    elsewhere = await wish(stage, CHEAPER, headers=told)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "action_not_allowed")
    assert elsewhere.json()["detail"] == text(language, "problem.corrected_elsewhere")
    await stage.state(invoice=InvoiceState(status=InvoiceStatus.MANUAL, sha256="0" * 64))
    by_hand = await wish(stage, CHEAPER, headers=told)
    assert (by_hand.status_code, by_hand.json()["detail"]) == (409, text(language, "problem.corrected_by_author"))
    assert await decisions(stage) == []


async def test_a_correction_that_changes_nothing_is_refused(stage: Stage) -> None:
    await invoiced(stage)
    answer = await wish(stage, {"reason": "nic", "lines": [LINE], "billing_data": DOCUMENT["billing_data"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "action_not_allowed")
    assert answer.json()["detail"] == text("pl", "problem.nothing_to_correct")
    assert (await stage.facts()).billing_revision == 1


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [("reason", "missing")]),
        ({"reason": "x", "line": []}, [("line", "unknown_field")]),
        ({"reason": "x", "lines": []}, [("lines", "bad_format")]),
        ({"reason": "x", "lines": [{"unit_price": 1.5}]}, [("lines[0].description", "missing"),
         ("lines[0].unit_price", "bad_format"), ("lines[0].vat_rate", "missing")]),
        ({"reason": " "}, [("reason", "missing"), ("lines", "missing")]),
        ({"reason": "x", "billing_data": {**BUYER, "tax_id": "5260250275", "city": ""}},
         [("billing_data.city", "missing"), ("billing_data.tax_id", "bad_nip")]),
        ({"reason": "x", "lines": [{**LINE, "vat_rate": "np"}]}, [("lines[0].vat_rate", "vat_rate_not_allowed")]),
    ],
)  # fmt: skip
async def test_faults_are_told_all_at_once_and_nothing_is_decided(
    stage: Stage, body: Any, faults: list[tuple[str, str]]
) -> None:
    await invoiced(stage)
    answer = await wish(stage, body)
    assert answer.status_code == 422
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == faults
    assert await decisions(stage) == []
    assert (await stage.facts()).billing_revision == 1


async def test_the_answer_is_the_state_record_and_the_decision_waits_for_the_relay(stage: Stage) -> None:
    await invoiced(stage)
    answer = await wish(stage, CHEAPER)
    StateRecord.model_validate(answer.json())
    assert answer.json()["badges"] == []
    assert "decision" in [message.kind for message in await handed_over(stage)]
