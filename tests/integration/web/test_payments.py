"""Asking for payment. The charge step's part is played by writing the attempt that it would leave."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from invoicing.bootstrap import utc_now
from invoicing.domain.payments import AttemptState
from invoicing.domain.state import PaymentState, PaymentStatus
from invoicing.web.described import PaymentAnswer
from tests.integration.web.stage import CASE, EXTERNAL, Stage, a_case, settings, staged

PAYMENT = f"/v1/cases/{CASE}/payment"


async def test_an_open_attempt_is_resumed_with_the_same_address_however_often(stage: Stage) -> None:
    await stage.recorded()
    attempt = await stage.opened()
    answers = await asyncio.gather(*(stage.send("POST", PAYMENT, "client:cli-7") for _ in range(5)))
    for answer in answers:
        assert answer.status_code == 200
        PaymentAnswer.model_validate(answer.json())
        assert answer.json()["redirect_url"] == attempt.redirect_url
    assert (await stage.app.store.waiting())["outbox"] == 0


async def test_the_address_is_given_as_soon_as_it_is_known(folder: Path) -> None:
    async with staged(settings(folder), redirect_within=timedelta(minutes=5)) as stage:
        await stage.recorded()
        accepted = asyncio.Event()
        stage.app.wakeup.listeners.append(accepted.set)
        asking = asyncio.create_task(stage.send("POST", PAYMENT))
        await accepted.wait()
        await stage.opened()
        answer = await asking
        assert (answer.status_code, answer.json()["redirect_url"]) == (200, "https://pay.example/continue/1")


async def test_when_the_address_is_not_known_in_time_the_wish_is_kept_and_the_answer_is_202(stage: Stage) -> None:
    await stage.recorded()
    for _ in range(3):
        answer = await stage.send("POST", PAYMENT)
        assert (answer.status_code, answer.json()["redirect_url"]) == (202, None)
    assert (await stage.app.store.waiting())["outbox"] == 1


async def test_a_start_that_the_gateway_refused_is_200_without_an_address(folder: Path) -> None:
    async with staged(settings(folder), redirect_within=timedelta(minutes=5)) as stage:
        await stage.recorded()
        accepted = asyncio.Event()
        stage.app.wakeup.listeners.append(accepted.set)
        asking = asyncio.create_task(stage.send("POST", PAYMENT))
        await accepted.wait()
        await stage.state(payment=PaymentState(status=PaymentStatus.FAILED, attempt=1))
        await stage.opened(state=AttemptState.REFUSED, redirect_url=None, remote_id=None)
        answer = await asking
        assert (answer.status_code, answer.json()["redirect_url"]) == (200, None)
        assert answer.json()["payment"]["status"] == "failed"


async def test_a_paid_case_is_not_paid_again(stage: Stage) -> None:
    await stage.recorded()
    await stage.state(payment=PaymentState(status=PaymentStatus.COMPLETED, attempt=1, paid_at=utc_now()))
    answer = await stage.send("POST", PAYMENT)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid")


async def test_a_case_that_arrived_paid_is_not_paid_again(stage: Stage) -> None:
    await stage.recorded(payment=EXTERNAL)
    assert (await stage.send("POST", PAYMENT)).json()["code"] == "already_paid"


async def test_without_an_autopay_service_nothing_can_be_paid(folder: Path) -> None:
    async with staged(settings(folder)) as stage:
        await stage.recorded()
    off = {name: None for name in ("AUTOPAY_BASE_URL", "AUTOPAY_SERVICE_ID", "AUTOPAY_SHARED_KEY")}
    async with staged(settings(folder, **off)) as stage:
        answer = await stage.send("POST", PAYMENT)
        assert (answer.status_code, answer.json()["code"]) == (409, "autopay_disabled")


async def test_content_faults_come_all_at_once_with_their_paths_and_nothing_is_charged(stage: Stage) -> None:
    document = a_case()
    document["lines"][0]["vat_rate"] = "17"
    document["client"]["email"] = "not an address"
    document["expert_id"] = "exp-9"
    assert (await stage.send("POST", "/v1/cases", json=document)).status_code == 201
    data = {**document["billing_data"], "tax_id": "5260250275", "postal_code": "00013"}
    answer = await stage.send("POST", PAYMENT, json={"billing_data": data})
    assert answer.status_code == 422
    assert {(fault["field"], fault["code"]) for fault in answer.json()["errors"]} >= {
        ("lines[0].vat_rate", "unknown_vat_rate"),
        ("client.email", "bad_email"),
        ("expert_id", "expert_unknown"),
        ("billing_data.tax_id", "bad_nip"),
        ("billing_data.postal_code", "bad_postal_code"),
    }
    assert (await stage.app.store.waiting())["outbox"] == 0
    assert (await stage.facts()).billing_revision == 1


async def test_billing_data_in_the_body_become_the_newest_revision(stage: Stage) -> None:
    await stage.recorded(billing_data=None)
    missing = await stage.send("POST", PAYMENT, json={})
    assert [fault["field"] for fault in missing.json()["errors"]] == ["billing_data"]
    body = {"billing_data": a_case()["billing_data"], "save": True}
    assert (await stage.send("POST", PAYMENT, json=body)).status_code == 202
    assert (await stage.facts()).billing_revision == 1


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"billing_data": {"profile_id": "p-1"}}, "billing_data.profile_id", "bad_format"),
        ({"billing_data": {"nip": "5260250274"}}, "billing_data.nip", "unknown_field"),
        ({"save": 1}, "save", "bad_format"),
        ({"save": "true"}, "save", "bad_format"),
        ({"amount": "1.00"}, "amount", "unknown_field"),
        ([], "", "bad_format"),
    ],
)
async def test_a_body_of_wrong_shape_is_422(stage: Stage, body: object, field: str, code: str) -> None:
    await stage.recorded()
    answer = await stage.send("POST", PAYMENT, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(field, code)]
    assert (await stage.app.store.waiting())["outbox"] == 0
