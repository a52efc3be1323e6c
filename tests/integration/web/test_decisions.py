"""Calls that take a decision: judged by the database, recorded once, left for the relay, answered with the state."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing.bootstrap import utc_now
from invoicing.domain.cases import LANGUAGES
from invoicing.domain.decisions import Decided, DecisionKind, Refund, RefundStatus
from invoicing.domain.records import Capture, OutboxKind, QueuedMessage
from invoicing.domain.state import (
    Badge,
    CaseState,
    InvoiceState,
    InvoiceStatus,
    Parked,
    PaymentState,
    PaymentStatus,
    Step,
)
from invoicing.errors import Cause, NotFound
from invoicing.locale import text
from invoicing.web.described import StateRecord
from tests.integration.web.stage import CASE, GROSS, SERVICE, Stage, a_case

PAID = PaymentState(status=PaymentStatus.COMPLETED, attempt=1, remote_id="9ABC000001", paid_at=utc_now())
FAILED_INVOICE = {
    "payment": PAID,
    "invoice": InvoiceState(status=InvoiceStatus.FAILED, attempts=3, reason="invoice_failed"),
    "parked": Parked(step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="internal", attempts=3),
}
OPEN = {"payment": PaymentState(status=PaymentStatus.OPEN, attempt=1)}
INVOICED = {
    "payment": PAID,
    "invoice": InvoiceState(status=InvoiceStatus.AVAILABLE, number="FV/1", sha256="0" * 64, attempts=1),
}
TRANSFER = {"reference": "P-1", "paid_at": "2026-11-22T10:00:00+01:00", "amount": "398.52"}

ACTS: dict[str, tuple[str, Any, dict[str, Any], DecisionKind, dict[str, str]]] = {
    "external": ("payment/external", TRANSFER, {}, DecisionKind.EXTERNAL_PAYMENT,
                 {"reference": "P-1", "paid_at": "2026-11-22T09:00:00+00:00", "amount": "398.52"}),
    "check": ("payment/check", None, OPEN, DecisionKind.CHECK_PAYMENT_NOW, {}),
    "regenerate": ("invoice/regenerate", None, FAILED_INVOICE, DecisionKind.REGENERATE_INVOICE, {}),
    "resend": ("invoice/resend", None, INVOICED, DecisionKind.RESEND_INVOICE, {}),
    "resend to": ("invoice/resend", {"email": "inny@example.com"}, INVOICED, DecisionKind.RESEND_INVOICE,
                  {"email": "inny@example.com"}),
    "give up": ("give-up", {}, FAILED_INVOICE, DecisionKind.GIVE_UP, {}),
    "refund": ("refund", {"reason": "paid twice"}, INVOICED, DecisionKind.REFUND, {"reason": "paid twice"}),
    "refund of": ("refund", {"amount": "10", "reason": "less work"}, INVOICED, DecisionKind.REFUND,
                  {"amount": "10.00", "reason": "less work"}),
}  # fmt: skip
"""Path, body, the state in which it makes sense, and the decision that is recorded."""

KEYED = {"Idempotency-Key": "press-1"}


async def staged_in(stage: Stage, changes: dict[str, Any]) -> CaseState:
    """The case in a state, with the money that the state speaks of."""
    await stage.recorded()
    if changes.get("payment") is PAID:
        await captured(stage)
    return await stage.state(**changes) if changes else (await stage.facts()).state


async def captured(stage: Stage) -> None:
    """The kept payment."""
    capture = Capture(
        service_id=SERVICE, remote_id="9ABC000001", case_id=CASE, order_id=f"{CASE}-1", amount=GROSS, currency="PLN",
        kept=True, captured_at=utc_now(), via="autopay",
    )  # fmt: skip
    async with stage.app.store.transaction() as db:
        await db.add_capture(capture)


async def decisions(stage: Stage, case_id: str = CASE) -> list[Decided]:
    """What was decided, in order."""
    found: list[Decided] = []
    async with stage.app.store.reading() as db:
        while True:
            try:
                found.append(await db.decision(case_id, len(found) + 1))
            except NotFound:
                return found


async def handed_over(stage: Stage) -> list[QueuedMessage]:
    """What the relay would deliver."""
    return list(await stage.app.store.claim_messages("test", utc_now(), timedelta(minutes=1), 100))


@pytest.mark.parametrize("act", ACTS)
async def test_a_decision_is_recorded_with_its_actor_and_left_for_the_relay(stage: Stage, act: str) -> None:
    path, body, before, kind, told = ACTS[act]
    state = await staged_in(stage, before)
    headers = {**stage.token("ops", name="ewa"), **KEYED}
    answer = await stage.http.post(f"/v1/cases/{CASE}/{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    StateRecord.model_validate(answer.json())
    assert (await stage.facts()).state == state
    (decided,) = await decisions(stage)
    assert (decided.kind, decided.actor, decided.body) == (kind, "ops:ewa", told)
    (message,) = await handed_over(stage)
    assert (message.kind, message.case_id, message.body) == (OutboxKind.DECISION, CASE, {"number": 1})
    entries = await stage.app.store.timeline(CASE)
    assert (entries[-1].event, entries[-1].actor) == ("decided", "ops:ewa")
    assert "example.com" not in str(entries[-1].details)


@pytest.mark.parametrize("act", ACTS)
async def test_pressing_twice_decides_once_whoever_answers_the_second_press(stage: Stage, act: str) -> None:
    path, body, before, _, _ = ACTS[act]
    await staged_in(stage, before)
    first = await stage.send("POST", f"/v1/cases/{CASE}/{path}", "ops", json=body, headers=KEYED)
    kept = await stage.send("POST", f"/v1/cases/{CASE}/{path}", "ops", json=body, headers=KEYED)
    assert (kept.status_code, kept.content) == (200, first.content)
    # another name keeps no answer of the first, so this one reaches the decision itself
    other = await stage.http.post(
        f"/v1/cases/{CASE}/{path}", json=body, headers={**stage.token("ops", name="jan"), **KEYED}
    )
    assert other.status_code == 200
    assert len(await decisions(stage)) == 1
    assert len(await handed_over(stage)) == 1


async def test_without_a_key_two_presses_in_the_same_state_are_one_decision(stage: Stage) -> None:
    await staged_in(stage, FAILED_INVOICE)
    for _ in range(2):
        answer = await stage.send("POST", f"/v1/cases/{CASE}/invoice/regenerate", "expert:exp-1")
        assert answer.status_code == 200
    assert [decided.actor for decided in await decisions(stage)] == ["expert:exp-1"]
    await stage.state(invoice=InvoiceState(status=InvoiceStatus.FAILED, attempts=3, round=2, reason="invoice_failed"))
    assert (await stage.send("POST", f"/v1/cases/{CASE}/invoice/regenerate", "expert:exp-1")).status_code == 200
    assert len(await decisions(stage)) == 2


@pytest.mark.parametrize(
    ("act", "state", "reason"),
    [
        ("check", INVOICED, "no_payment_awaited"),
        ("check", {}, "no_payment_awaited"),
        ("regenerate", INVOICED, "no_invoice_waits"),
        ("regenerate", OPEN, "no_invoice_waits"),
        ("regenerate", {**FAILED_INVOICE, "badges": (Badge.REFUNDED,)}, "money_given_back"),
        ("resend", FAILED_INVOICE, "no_document"),
        ("give up", INVOICED, "nothing_waits"),
        ("refund", OPEN, "nothing_to_refund"),
    ],
)
async def test_what_makes_no_sense_now_is_409_with_its_reason_in_the_readers_language_and_leaves_nothing(
    stage: Stage, act: str, state: dict[str, Any], reason: str
) -> None:
    path, body, _, _, _ = ACTS[act]
    await staged_in(stage, state)
    for language in LANGUAGES:
        headers = {**KEYED, "Accept-Language": language}
        answer = await stage.send("POST", f"/v1/cases/{CASE}/{path}", "ops", json=body, headers=headers)
        told = answer.json()
        assert (answer.status_code, told["code"], told["reason"]) == (409, "action_not_allowed", reason)
        assert told["detail"] == text(language, f"problem.{reason}")
        assert told["docs"].endswith(f"#problem_{reason}")
        assert set(told) == {"type", "title", "status", "code", "detail", "docs", "reason"}
    assert await decisions(stage) == []
    assert await handed_over(stage) == []


async def test_money_for_a_case_that_is_paid_is_409_already_paid(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    answer = await stage.send("POST", f"/v1/cases/{CASE}/payment/external", "ops", json=TRANSFER, headers=KEYED)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid")
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "docs"}
    assert await decisions(stage) == []


async def test_a_refused_decision_may_be_taken_again_under_its_key_once_it_makes_sense(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    path = f"/v1/cases/{CASE}/invoice/regenerate"
    assert (await stage.send("POST", path, "ops", headers=KEYED)).status_code == 409
    await stage.state(**FAILED_INVOICE)
    assert (await stage.send("POST", path, "ops", headers=KEYED)).status_code == 200


async def test_a_refund_demands_a_key_and_says_which_field_is_missing(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    answer = await stage.send("POST", f"/v1/cases/{CASE}/refund", "ops", json={"reason": "paid twice"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [("Idempotency-Key", "missing")]
    assert await decisions(stage) == []


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {("reason", "missing")}),
        ({"reason": "  "}, {("reason", "missing")}),
        ({"reason": "x" * 501}, {("reason", "too_long")}),
        ({"reason": "a\u202eb"}, {("reason", "bad_format")}),
        ({"reason": "", "amount": "0"}, {("reason", "missing"), ("amount", "amount_too_small")}),
        ({"reason": "x", "amount": 10}, {("amount", "bad_format")}),
        ({"reason": "x", "amount": "-1"}, {("amount", "bad_format")}),
        ({"reason": "x", "amount": "1.001"}, {("amount", "bad_format")}),
        ({"reason": "x", "amount": "398.53"}, {("amount", "amount_too_large")}),
        ({"reason": "x", "all": True}, {("all", "unknown_field")}),
        ({"reason": "x", "remote_id": "9ABC000009"}, {("remote_id", "bad_format")}),
        ({"reason": "x", "remote_id": "a b"}, {("remote_id", "bad_format")}),
    ],
)
async def test_faults_of_a_refund_are_named_and_nothing_is_decided(
    stage: Stage, body: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    await staged_in(stage, INVOICED)
    answer = await stage.send("POST", f"/v1/cases/{CASE}/refund", "ops", json=body, headers=KEYED)
    assert answer.status_code == 422
    assert {(fault["field"], fault["code"]) for fault in answer.json()["errors"]} == faults
    assert await decisions(stage) == []


async def test_a_key_under_which_somebody_else_decided_otherwise_is_409_and_not_lost(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    path, body = f"/v1/cases/{CASE}/refund", {"amount": "1.00", "reason": "x"}
    other = {**stage.token("ops", name="ewa"), **KEYED}
    assert (await stage.send("POST", path, "ops", json=body, headers=KEYED)).status_code == 200
    assert (await stage.send("POST", path, "ops", json=body, headers=other)).status_code == 200
    answer = await stage.send("POST", path, "ops", json={**body, "amount": "2.00"}, headers=other)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert [fault["field"] for fault in answer.json()["errors"]] == ["Idempotency-Key"]
    assert [decided.body["amount"] for decided in await decisions(stage)] == ["1.00"]


async def test_a_payment_that_is_not_the_kept_one_is_refunded_by_its_id(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    second = Capture(
        service_id=SERVICE, remote_id="9ABC000002", case_id=CASE, order_id=f"{CASE}-1", amount=GROSS, currency="PLN",
        kept=False, captured_at=utc_now(), via="autopay",
    )  # fmt: skip
    async with stage.app.store.transaction() as db:
        await db.add_capture(second)
    path, body = f"/v1/cases/{CASE}/refund", {"amount": "398.53", "reason": "x", "remote_id": "9ABC000002"}
    assert (await stage.send("POST", path, "ops", json=body, headers=KEYED)).status_code == 422
    body = {"reason": "paid twice", "remote_id": "9ABC000002"}
    assert (await stage.send("POST", path, "ops", json=body, headers=KEYED)).status_code == 200
    (decided,) = await decisions(stage)
    assert decided.body == body


async def test_what_is_on_its_way_back_cannot_be_refunded_again(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    refund = Refund(
        case_id=CASE, number=1, service_id=SERVICE, remote_id="9ABC000001", message_id="a" * 32, amount=GROSS - 10,
        currency="PLN", kept=True, status=RefundStatus.QUEUED, requested_at=utc_now(),
    )  # fmt: skip
    async with stage.app.store.transaction() as db:
        await db.save_refund(refund)
    path, body = f"/v1/cases/{CASE}/refund", {"amount": "10.01", "reason": "x"}
    assert (await stage.send("POST", path, "ops", json=body, headers=KEYED)).status_code == 422
    body = {"amount": "10.00", "reason": "x"}
    assert (await stage.send("POST", path, "ops", json=body, headers=KEYED)).status_code == 200


async def test_refunds_that_nobody_has_begun_are_counted_too(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    path, part = f"/v1/cases/{CASE}/refund", {"amount": "300.00", "reason": "x"}
    assert (await stage.send("POST", path, "ops", json=part, headers={"Idempotency-Key": "1"})).status_code == 200
    more = await stage.send("POST", path, "ops", json=part, headers={"Idempotency-Key": "2"})
    assert (more.status_code, more.json()["errors"][0]["code"]) == (422, "amount_too_large")
    assert (await stage.send("POST", path, "ops", json=part, headers={"Idempotency-Key": "1"})).status_code == 200
    rest = {"reason": "all that is left"}
    assert (await stage.send("POST", path, "ops", json=rest, headers={"Idempotency-Key": "3"})).status_code == 200
    none = await stage.send("POST", path, "ops", json=rest, headers={"Idempotency-Key": "4"})
    assert (none.status_code, none.json()["reason"]) == (409, "nothing_to_refund")
    assert [decided.key[-1] for decided in await decisions(stage)] == ["1", "3"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"amount": "398.51"}, "amount", "amount_too_small"),
        ({"amount": "398.53"}, "amount", "amount_too_large"),
        ({"amount": None}, "amount", "bad_format"),
        ({"reference": ""}, "reference", "bad_format"),
        ({"reference": "a\nb"}, "reference", "bad_format"),
        ({"paid_at": "2026-11-22T10:00:00"}, "paid_at", "bad_format"),
        ({"paid_at": "9999-01-01T00:00:00Z"}, "paid_at", "bad_format"),
        ({"paid_at": 1763805600}, "paid_at", "bad_format"),
        ({"paid_at": "9999-12-31T23:59:59-05:00"}, "paid_at", "bad_format"),
    ],
)
async def test_faults_of_money_that_came_another_way_are_named(
    stage: Stage, changes: dict[str, Any], field: str, code: str
) -> None:
    await staged_in(stage, {})
    answer = await stage.send("POST", f"/v1/cases/{CASE}/payment/external", json={**TRANSFER, **changes})
    assert answer.status_code == 422
    assert (field, code) in {(fault["field"], fault["code"]) for fault in answer.json()["errors"]}
    assert await decisions(stage) == []


async def test_an_address_that_cannot_be_mailed_to_is_a_fault_and_never_repeated(stage: Stage) -> None:
    await staged_in(stage, INVOICED)
    body = {"email": "Anna <anna@example.com>"}
    answer = await stage.send("POST", f"/v1/cases/{CASE}/invoice/resend", "ops", json=body)
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [("email", "bad_email")]
    assert "anna" not in answer.text


@pytest.mark.parametrize("path", ["payment/check", "invoice/regenerate", "give-up"])
async def test_a_decision_without_content_takes_no_other_fields(stage: Stage, path: str) -> None:
    await staged_in(stage, FAILED_INVOICE)
    answer = await stage.send("POST", f"/v1/cases/{CASE}/{path}", "ops", json={"force": True})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_field")


# --- many at once ------------------------------------------------------------------------------------------------


async def test_many_invoices_are_tried_again_each_with_its_own_result(stage: Stage) -> None:
    await staged_in(stage, FAILED_INVOICE)
    await stage.send("POST", "/v1/cases", json=a_case(case_id="unpaid-1"))
    wanted = {"case_ids": [CASE, "unknown-1", "unpaid-1", CASE]}
    answer = await stage.send("POST", "/v1/failed-tasks/regenerate", "ops", json=wanted, headers=KEYED)
    assert answer.status_code == 200
    found = {item["case_id"]: (item["accepted"], item["code"]) for item in answer.json()["items"]}
    assert len(answer.json()["items"]) == 3
    assert found == {
        CASE: (True, None), "unknown-1": (False, "not_found"), "unpaid-1": (False, "action_not_allowed"),
    }  # fmt: skip
    assert [decided.kind for decided in await decisions(stage)] == [DecisionKind.REGENERATE_INVOICE]
    assert await decisions(stage, "unpaid-1") == []
    again = await stage.send("POST", "/v1/failed-tasks/regenerate", "ops", json=wanted)
    assert again.json()["items"][0]["accepted"] is True


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "case_ids"),
        ({"case_ids": []}, "case_ids"),
        ({"case_ids": CASE}, "case_ids"),
        ({"case_ids": ["ok", "no such id!"]}, "case_ids[1]"),
        ({"case_ids": [f"c-{n}" for n in range(1001)]}, "case_ids"),
    ],
)
async def test_a_list_that_is_none_is_refused(stage: Stage, body: dict[str, Any], field: str) -> None:
    answer = await stage.send("POST", "/v1/failed-tasks/regenerate", "ops", json=body)
    assert answer.status_code == 422
    assert field in {fault["field"] for fault in answer.json()["errors"]}
