"""Who may call what, for every call and every kind of caller (the "who" column of the specification)."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing.bootstrap import utc_now
from invoicing.tokens import Tokens
from invoicing.web.access import MAY_CALL, Call
from tests.integration.web.stage import CASE, EXPERT, Stage, a_case

TRANSFER = {"reference": "P-1", "paid_at": "2026-11-22T10:00:00Z", "amount": "398.52"}
CALLS: dict[Call, tuple[str, str, Any]] = {
    Call.RECORD_CASE: ("POST", "/v1/cases", a_case()),
    Call.READ_CASE: ("GET", f"/v1/cases/{CASE}", None),
    Call.ASK_FOR_PAYMENT: ("POST", f"/v1/cases/{CASE}/payment", None),
    Call.RECORD_EXTERNAL_PAYMENT: ("POST", f"/v1/cases/{CASE}/payment/external", TRANSFER),
    Call.CHECK_PAYMENT: ("POST", f"/v1/cases/{CASE}/payment/check", None),
    Call.LIST_PAYMENTS: ("GET", "/v1/payments", None),
    Call.REFUND: ("POST", f"/v1/cases/{CASE}/refund", {"reason": "two payments"}),
    Call.CORRECT_BILLING_DATA: ("PUT", f"/v1/cases/{CASE}/billing-data", a_case()["billing_data"]),
    Call.DOWNLOAD_INVOICE: ("GET", f"/v1/cases/{CASE}/invoice.pdf", None),
    Call.REGENERATE_INVOICE: ("POST", f"/v1/cases/{CASE}/invoice/regenerate", None),
    Call.RESEND_INVOICE: ("POST", f"/v1/cases/{CASE}/invoice/resend", None),
    Call.ATTACH_INVOICE: ("PUT", f"/v1/cases/{CASE}/invoice/attachment", {"not": "a PDF"}),
    Call.CORRECT_INVOICE: ("POST", f"/v1/cases/{CASE}/invoice/correction", {"reason": "x", "to_zero": True}),
    Call.LIST_DOCUMENTS: ("GET", f"/v1/cases/{CASE}/documents", None),
    Call.DOWNLOAD_DOCUMENT: ("GET", f"/v1/cases/{CASE}/documents/1.pdf", None),
    Call.DRAW_DUPLICATE: ("GET", f"/v1/cases/{CASE}/invoice/duplicate.pdf", None),
    Call.DRAW_DUPLICATE_OF: ("GET", f"/v1/cases/{CASE}/documents/2/duplicate.pdf", None),
    Call.DRAW_PRO_FORMA: ("GET", f"/v1/cases/{CASE}/pro-forma.pdf", None),
    Call.GIVE_UP: ("POST", f"/v1/cases/{CASE}/give-up", None),
    Call.READ_TIMELINE: ("GET", f"/v1/cases/{CASE}/timeline", None),
    Call.SAVE_EXPERT: ("PUT", "/v1/experts/exp-1", EXPERT),
    Call.READ_EXPERT: ("GET", "/v1/experts/exp-1", None),
    Call.SAVE_LOGO: ("PUT", "/v1/experts/exp-1/logo", {"not": "a picture"}),
    Call.LIST_PROFILES: ("GET", "/v1/clients/cli-7/billing-profiles", None),
    Call.ADD_PROFILE: ("POST", "/v1/clients/cli-7/billing-profiles", a_case()["billing_data"]),
    Call.SAVE_PROFILE: ("PUT", "/v1/clients/cli-7/billing-profiles/office", a_case()["billing_data"]),
    Call.DELETE_PROFILE: ("DELETE", "/v1/clients/cli-7/billing-profiles/none", None),
    Call.LIST_ALERTS: ("GET", "/v1/alerts", None),
    Call.ACKNOWLEDGE_ALERT: ("POST", "/v1/alerts/1/acknowledge", None),
    Call.LIST_ACTIVITY: ("GET", "/v1/activity-log", None),
    Call.LIST_EMAILS: ("GET", "/v1/emails", None),
    Call.LIST_FAILED_TASKS: ("GET", "/v1/failed-tasks", None),
    Call.REGENERATE_FAILED: ("POST", "/v1/failed-tasks/regenerate", {"case_ids": [CASE]}),
    Call.LIST_NOTIFICATIONS: ("GET", "/v1/notifications", None),
    Call.READ_NOTIFICATION: ("POST", "/v1/notifications/1/read", None),
    Call.ENCODE_PAYLOADS: ("POST", "/codec/encode", {}),
    Call.DECODE_PAYLOADS: ("POST", "/codec/decode", {}),
}
OWN, FOREIGN = ("client:cli-7", "expert:exp-1"), ("client:cli-8", "expert:exp-2")
PASSED = {
    Call.RECORD_CASE: 200, Call.READ_CASE: 200, Call.ASK_FOR_PAYMENT: 202, Call.RECORD_EXTERNAL_PAYMENT: 200,
    Call.CHECK_PAYMENT: 409, Call.LIST_PAYMENTS: 200, Call.REFUND: 400, Call.CORRECT_BILLING_DATA: 200,
    Call.DOWNLOAD_INVOICE: 404, Call.REGENERATE_INVOICE: 409, Call.RESEND_INVOICE: 409, Call.ATTACH_INVOICE: 415,
    Call.CORRECT_INVOICE: 409, Call.LIST_DOCUMENTS: 200, Call.DOWNLOAD_DOCUMENT: 404,
    Call.DRAW_DUPLICATE: 404, Call.DRAW_DUPLICATE_OF: 404, Call.DRAW_PRO_FORMA: 200,
    Call.GIVE_UP: 409, Call.READ_TIMELINE: 200, Call.SAVE_EXPERT: 200, Call.READ_EXPERT: 200, Call.LIST_ALERTS: 200,
    Call.SAVE_LOGO: 415, Call.LIST_PROFILES: 200, Call.ADD_PROFILE: 201, Call.SAVE_PROFILE: 200,
    Call.DELETE_PROFILE: 404,
    Call.ACKNOWLEDGE_ALERT: 404, Call.LIST_ACTIVITY: 200, Call.LIST_EMAILS: 200, Call.LIST_FAILED_TASKS: 200,
    Call.REGENERATE_FAILED: 200, Call.LIST_NOTIFICATIONS: 200, Call.READ_NOTIFICATION: 404,
    Call.ENCODE_PAYLOADS: 404, Call.DECODE_PAYLOADS: 404,
}  # fmt: skip
"""What the stage's case, which nobody has paid, answers to a caller who is let through."""

WHO = {
    Call.RECORD_CASE: "service",
    Call.READ_CASE: "service ops client expert",
    Call.ASK_FOR_PAYMENT: "service client",
    Call.RECORD_EXTERNAL_PAYMENT: "service ops",
    Call.CHECK_PAYMENT: "ops",
    Call.LIST_PAYMENTS: "service ops client expert",
    Call.REFUND: "ops",
    Call.CORRECT_BILLING_DATA: "service client ops",
    Call.DOWNLOAD_INVOICE: "service ops client expert",
    Call.REGENERATE_INVOICE: "ops expert",
    Call.RESEND_INVOICE: "ops expert",
    Call.ATTACH_INVOICE: "ops expert",
    Call.CORRECT_INVOICE: "ops expert",
    Call.LIST_DOCUMENTS: "service ops client expert",
    Call.DOWNLOAD_DOCUMENT: "service ops client expert",
    Call.DRAW_DUPLICATE: "service ops client expert",
    Call.DRAW_DUPLICATE_OF: "service ops client expert",
    Call.DRAW_PRO_FORMA: "service ops client expert",
    Call.GIVE_UP: "ops",
    Call.READ_TIMELINE: "service ops client expert",
    Call.SAVE_EXPERT: "service expert ops",
    Call.READ_EXPERT: "service expert ops",
    Call.SAVE_LOGO: "service expert ops",
    Call.LIST_PROFILES: "service client",
    Call.ADD_PROFILE: "service client",
    Call.SAVE_PROFILE: "service client",
    Call.DELETE_PROFILE: "service client",
    Call.LIST_ALERTS: "ops",
    Call.ACKNOWLEDGE_ALERT: "ops",
    Call.LIST_ACTIVITY: "ops",
    Call.LIST_EMAILS: "ops",
    Call.LIST_FAILED_TASKS: "ops",
    Call.REGENERATE_FAILED: "ops",
    Call.LIST_NOTIFICATIONS: "expert",
    Call.READ_NOTIFICATION: "expert",
    Call.ENCODE_PAYLOADS: "ops",
    Call.DECODE_PAYLOADS: "ops",
}
"""The specification's table, written down a second time."""


def test_the_table_of_roles_is_the_one_of_the_specification() -> None:
    assert {call: {role.value for role in roles} for call, roles in MAY_CALL.items()} == {
        call: set(roles.split()) for call, roles in WHO.items()
    }


@pytest.mark.parametrize("call", list(Call))
async def test_without_a_valid_token_every_call_answers_401(stage: Stage, call: Call) -> None:
    method, path, body = CALLS[call]
    good = Tokens(("a-secret-of-the-tests",))
    foreign = Tokens(("another-secret-of-16",)).issue("ops", utc_now())
    expired = good.issue("ops", utc_now() - timedelta(hours=2), expires=timedelta(hours=1))
    for value in (None, "Bearer", "Bearer nonsense", f"Bearer {foreign}", f"Bearer {expired}", "Basic b3BzOm9wcw=="):
        answer = await stage.http.request(method, path, json=body, headers={"Authorization": value} if value else {})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), value
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("call", list(Call))
async def test_a_role_that_may_not_make_the_call_gets_403_and_the_others_pass(stage: Stage, call: Call) -> None:
    await stage.recorded()
    method, path, body = CALLS[call]
    for role in ("service", "ops", *OWN):
        answer = await stage.send(method, path, role, json=body)
        if role.split(":")[0] in WHO[call].split():
            assert answer.status_code == PASSED[call], role
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), role


@pytest.mark.parametrize("call", [call for call in Call if CASE in CALLS[call][1] or "exp-1" in CALLS[call][1]])
async def test_what_belongs_to_somebody_else_is_answered_like_what_does_not_exist(stage: Stage, call: Call) -> None:
    await stage.recorded()
    method, path, body = CALLS[call]
    for role in FOREIGN:
        if role.split(":")[0] not in WHO[call].split():
            continue
        foreign = await stage.send(method, path, role, json=body)
        unknown = await stage.send(method, path.replace(CASE, "unknown").replace("exp-1", "exp-9"), role, json=body)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found"), role
        assert (unknown.status_code, unknown.content) == (foreign.status_code, foreign.content)


@pytest.mark.parametrize(
    "call",
    [
        Call.ASK_FOR_PAYMENT,
        Call.CORRECT_BILLING_DATA,
        Call.REGENERATE_INVOICE,
        Call.RESEND_INVOICE,
        Call.ATTACH_INVOICE,
        Call.SAVE_EXPERT,
    ],
)
async def test_a_foreign_body_is_not_even_judged(stage: Stage, call: Call) -> None:
    await stage.recorded()
    method, path, _ = CALLS[call]
    role = FOREIGN[0] if "client" in WHO[call].split() else FOREIGN[1]
    assert (await stage.send(method, path, role, content=b"{")).status_code == 404


@pytest.mark.parametrize("path", ["/v1/cases/a.b", "/v1/cases/%00", "/v1/cases/" + "a" * 25, "/v1/cases/%0a", "/v2"])
async def test_an_impossible_id_and_an_unknown_path_are_problem_documents(stage: Stage, path: str) -> None:
    answer = await stage.send("GET", path, "ops")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


async def test_a_method_that_is_not_offered_is_a_problem_document_with_the_allowed_ones(stage: Stage) -> None:
    answer = await stage.send("DELETE", f"/v1/cases/{CASE}", "ops")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_actor_of_a_token_is_what_the_activity_log_shows(stage: Stage) -> None:
    await stage.recorded()
    await stage.send(
        "PUT", f"/v1/cases/{CASE}/billing-data", json={**a_case()["billing_data"], "city": "Łódź"},
        headers=stage.token("ops", name="ewa"),
    )  # fmt: skip
    entries = await stage.app.store.timeline(CASE)
    assert entries[-1].actor == "ops:ewa"
