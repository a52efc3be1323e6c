"""The duty of KSeF that comes between an order and its document: nothing is issued outside, no refund is held up."""

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.corrections import CorrectInput, CorrectionInput
from activities.invoices import GenerateInput
from activities.mail import EmailInput
from invoicing.bootstrap import utc_now
from invoicing.domain.cases import BillingData
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import StoredAlert
from tests.integration.web.corrected import (
    BUYER,
    CHEAPER,
    PAID,
    act,
    became,
    corrected,
    facts_of_all,
    invoiced,
    wish,
)
from tests.integration.web.stage import CASE, DOCUMENT, Stage

PERSON = {name: value for name, value in DOCUMENT["billing_data"].items() if name != "tax_id"} | {
    "kind": "person",
    "name": "Anna Przykładowa",
}
ABROAD = {**BUYER, "country": "DE", "tax_id": "DE136695976", "postal_code": "10115"}
ZERO = {"reason": "zwrot zapłaty", "to_zero": True}


async def alerts(stage: Stage) -> tuple[StoredAlert, ...]:
    return await stage.app.store.alerts(open_only=True, after_id=0, limit=10)


async def taken_back(stage: Stage) -> str | None:
    told = await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=1, whole=True))
    number: str | None = told.number
    return number


async def test_after_a_refund_the_correction_of_a_seller_in_ksef_waits_for_a_person_with_the_reason(
    stage: Stage,
) -> None:
    await invoiced(stage)
    await became(stage, ksef="required")
    assert await taken_back(stage) is None
    assert await taken_back(stage) is None
    (alert,) = await alerts(stage)
    assert (alert.code, alert.cause, alert.case_id) == ("correction_ksef_required", "settings", CASE)
    assert len(await facts_of_all(stage)) == 1
    mailed = await act(stage, "email_correction", EmailInput(case_id=CASE, number=1))
    assert mailed.status is None


async def test_once_he_may_issue_it_a_person_corrects_to_zero_and_the_alert_is_closed(stage: Stage) -> None:
    await invoiced(stage)
    await became(stage, ksef="required")
    await taken_back(stage)
    answer = await wish(stage, ZERO)
    assert answer.status_code == 422
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [
        ("billing_data.tax_id", "ksef_required")
    ]
    await became(stage, ksef="outside")
    assert (await corrected(stage, ZERO)).startswith("KFV/1/")
    assert await alerts(stage) == ()


async def test_the_alert_of_a_correction_made_elsewhere_is_closed_by_acknowledging(stage: Stage) -> None:
    await invoiced(stage)
    await became(stage, ksef="required")
    await taken_back(stage)
    (alert,) = await alerts(stage)
    assert (await stage.send("POST", f"/v1/alerts/{alert.id}/acknowledge", "ops")).status_code == 200
    assert await alerts(stage) == ()


@pytest.mark.parametrize("buyer", [PERSON, ABROAD], ids=["a person", "a business abroad"])
async def test_a_correction_for_a_buyer_outside_ksef_is_issued_at_once(stage: Stage, buyer: Any) -> None:
    await invoiced(stage, billing_data=buyer)
    await became(stage, ksef="required")
    assert await taken_back(stage) is not None
    assert await alerts(stage) == ()


@pytest.mark.parametrize(("first", "then"), [(DOCUMENT["billing_data"], PERSON), (PERSON, DOCUMENT["billing_data"])])
async def test_a_correction_that_a_polish_business_enters_or_leaves_is_refused(
    stage: Stage, first: Any, then: Any
) -> None:
    await invoiced(stage, billing_data=first)
    await became(stage, ksef="required")
    answer = await wish(stage, {"reason": "zły nabywca", "billing_data": then})
    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["errors"]] == ["ksef_required"]


async def test_newer_billing_data_that_are_on_no_document_do_not_decide(stage: Stage) -> None:
    await invoiced(stage, billing_data=PERSON)
    await became(stage, ksef="required")
    async with stage.app.store.transaction() as db:
        await db.save_billing_data(CASE, BillingData.model_validate(DOCUMENT["billing_data"]), "ops", utc_now())
    assert (await corrected(stage, CHEAPER)).startswith("KFV/1/")


async def test_a_decided_correction_that_the_duty_overtakes_is_not_issued(stage: Stage) -> None:
    await invoiced(stage)
    async with stage.app.store.transaction() as db:
        body = CorrectionRequest.model_validate(CHEAPER).body(None)
        await db.decide(CASE, DecisionKind.CORRECT_INVOICE, "k", "ops", body, utc_now())
    await became(stage, ksef="required")
    with pytest.raises(ApplicationError) as caught:
        await act(stage, "correct_invoice", CorrectionInput(case_id=CASE, number=1))
    assert caught.value.details[0].code == "correction_ksef_required"
    assert caught.value.non_retryable
    await became(stage, ksef="outside")
    assert (await act(stage, "correct_invoice", CorrectionInput(case_id=CASE, number=1))).number.startswith("KFV/1/")


async def test_an_invoice_that_the_duty_overtakes_after_the_money_parks_and_takes_no_number(stage: Stage) -> None:
    await stage.recorded()
    await stage.state(payment=PAID)
    await became(stage, ksef="required")
    with pytest.raises(ApplicationError) as caught:
        await act(stage, "generate_invoice", GenerateInput(case_id=CASE))
    assert (caught.value.details[0].code, caught.value.non_retryable) == ("ksef_required", True)
    await became(stage, ksef="outside")
    told = await act(stage, "generate_invoice", GenerateInput(case_id=CASE))
    assert told.number.startswith("FV/1/")
