"""The return page, the invoice's bytes, alerts, liveness and readiness, the OpenAPI document."""

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from invoicing.bootstrap import utc_now
from invoicing.domain.brownouts import Gate, Hold
from invoicing.domain.cases import LANGUAGES
from invoicing.domain.records import Alert
from invoicing.domain.state import PaymentState, PaymentStatus
from invoicing.errors import Cause
from invoicing.locale import text
from invoicing.presenting import moment
from invoicing.web.access import Call
from invoicing.web.described import Alerts, Readiness
from tests.integration.web.stage import CASE, SERVICE, Stage, settings, signature, staged

ORDER = f"{CASE}-1"
PDF = b"%PDF-1.7 a small invoice"


def back(order: str = ORDER, **changes: str) -> dict[str, str]:
    """Parameters with which the gateway sends the payer back."""
    return {"ServiceID": SERVICE, "OrderID": order, "Hash": signature(SERVICE, order), **changes}


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (PaymentStatus.NONE, "return.waiting"),
        (PaymentStatus.OPEN, "return.waiting"),
        (PaymentStatus.FAILED, "return.failed"),
        (PaymentStatus.COMPLETED, "return.paid"),
    ],
)
async def test_the_return_page_says_what_the_state_record_says(stage: Stage, status: PaymentStatus, key: str) -> None:
    await stage.recorded()
    await stage.opened()
    before = await stage.state(payment=PaymentState(status=status, attempt=1))
    page = await stage.http.get("/return/autopay", params=back())
    assert page.status_code == 200
    assert text("pl", key) in page.text
    assert '<html lang="pl" dir="ltr">' in page.text
    assert (await stage.facts()).state == before
    assert await stage.app.store.waiting() == {"outbox": 0, "inbox": 0}


@pytest.mark.parametrize(
    "params",
    [
        {},
        back(Hash="0" * 64),
        back(OrderID="2026-000124-1"),
        back(ServiceID="999999"),
        back(Hash=""),
        {**back(), "OrderID": '"><script>alert(1)</script>'},
        {**back(), "Hash": "\x00"},
    ],
)
async def test_an_address_without_a_fitting_signature_learns_nothing_and_is_not_repeated(
    stage: Stage, params: dict[str, str]
) -> None:
    await stage.recorded()
    await stage.opened()
    page = await stage.http.get("/return/autopay", params=params)
    assert page.status_code == 400
    assert text("pl", "return.unknown") in page.text
    assert "script" not in page.text
    assert CASE not in page.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_return_page_speaks_the_payers_language(stage: Stage, language: str) -> None:
    await stage.recorded()
    await stage.opened()
    for asked in (
        {"params": {**back(), "lang": language}},
        {"params": back(), "headers": {"Accept-Language": language}},
    ):
        stage.http.cookies.clear()
        page = await stage.http.get("/return/autopay", **asked)  # type: ignore[arg-type]  # one of two shapes
        assert text(language, "return.waiting") in page.text
        assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page.text
    await stage.http.get("/return/autopay", params={**back(), "lang": language})
    kept = await stage.http.get("/return/autopay", params=back(), headers={"Accept-Language": "en"})
    assert kept.headers["content-language"] == language


async def test_pages_and_answers_tell_the_browser_to_be_careful(stage: Stage) -> None:
    page = await stage.http.get("/return/autopay", params=back())
    answer = await stage.send("GET", "/v1/alerts", "ops")
    for found in (page, answer):
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["content-security-policy"].startswith("default-src 'none'")
    assert "script-src" not in page.headers["content-security-policy"]


async def test_the_return_page_says_so_when_the_database_is_away(folder: Path) -> None:
    (folder / "away").mkdir()
    async with staged(settings(folder, DATABASE_URL=f"sqlite+aiosqlite:///{folder / 'away'}")) as stage:
        page = await stage.http.get("/return/autopay", params=back())
        assert page.status_code == 503
        assert text("pl", "problem.unavailable") in page.text


async def test_the_invoice_is_404_before_it_is_stored_and_its_very_bytes_afterwards(stage: Stage) -> None:
    await stage.recorded()
    path = f"/v1/cases/{CASE}/invoice.pdf"
    before = await stage.send("GET", path, "client:cli-7")
    assert (before.status_code, before.json()["code"]) == (404, "no_invoice")
    sha256 = await stage.app.documents.put(PDF)
    invoice = (await stage.facts()).state.invoice.model_copy(update={"number": "FV/1/11/2026", "sha256": sha256})
    await stage.state(invoice=invoice)
    for role in ("client:cli-7", "expert:exp-1", "ops", "service"):
        answer = await stage.send("GET", path, role)
        assert (answer.status_code, answer.content) == (200, PDF)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == 'attachment; filename="FV-1-11-2026.pdf"'
        assert answer.headers["etag"] == f'"{hashlib.sha256(PDF).hexdigest()}"'
        assert answer.headers["cache-control"] == "no-store"
    known = await stage.send("GET", path, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


async def test_a_document_that_is_lost_is_our_fault_and_not_a_missing_invoice(stage: Stage) -> None:
    await stage.recorded()
    invoice = (await stage.facts()).state.invoice.model_copy(update={"number": "FV/1", "sha256": "0" * 64})
    await stage.state(invoice=invoice)
    answer = await stage.send("GET", f"/v1/cases/{CASE}/invoice.pdf")
    assert (answer.status_code, answer.json()["code"]) == (500, "unavailable")


async def test_alerts_are_listed_newest_first_page_by_page(stage: Stage) -> None:
    async with stage.app.store.transaction() as db:
        for number in range(5):
            alert = Alert(key=f"k{number}", case_id=None, step=None, cause=Cause.INTERNAL, code="internal",
                          opened_at=utc_now(), details={"n": str(number)})  # fmt: skip
            await db.open_alert(alert)
        await db.close_alerts(["k4"], utc_now())
    keys: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(3):
        page = (await stage.send("GET", "/v1/alerts", "ops", params={"limit": 2, **cursor})).json()
        Alerts.model_validate(page)
        keys += [item["key"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert keys == ["k4", "k3", "k2", "k1", "k0"]
    assert cursor == {"cursor": None}
    still_open = (await stage.send("GET", "/v1/alerts", "ops", params={"open": "true"})).json()["items"]
    assert [item["key"] for item in still_open] == ["k3", "k2", "k1", "k0"]
    assert still_open[0]["message"].startswith(text("pl", "failure.internal"))
    assert still_open[0]["docs"] == "docs/failures.md#internal"


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "201"), ("limit", "x"), ("cursor", "x"), ("cursor", "-1")]
)
async def test_a_wrong_parameter_is_a_fault_of_that_parameter(stage: Stage, name: str, value: str) -> None:
    answer = await stage.send("GET", "/v1/alerts", "ops", params={name: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [(name, "bad_format")]


async def test_ready_with_temporal_away_and_every_dependency_told(stage: Stage) -> None:
    await stage.app.store.seen("w-1", "worker", utc_now(), utc_now())
    answer = await stage.http.get("/readyz")
    assert answer.status_code == 200
    ready = Readiness.model_validate(answer.json())
    assert ready.ready
    assert set(ready.dependencies) == {"database", "documents", "temporal", "workers", "issuers", "autopay", "mail"}
    assert ready.dependencies["issuers"] == {"ok": True}
    assert ready.dependencies["database"]["ok"] is True
    assert ready.dependencies["temporal"] == {"ok": False}
    assert ready.dependencies["workers"]["alive"] == 1
    assert (ready.dependencies["autopay"], ready.dependencies["mail"]) == ({"configured": True}, {"configured": False})


async def test_ready_while_an_issuer_s_provider_is_away_and_it_is_told_how_many_cases_wait(stage: Stage) -> None:
    now = utc_now()
    gate = Gate(issuer="wfirma", shut_at=now, probe_at=now + timedelta(seconds=30))
    await stage.recorded()
    async with stage.app.store.transaction() as work:
        await work.save_gate(gate)
        await work.save_holds(Hold(case_id=CASE, issuer="wfirma", held_at=now))
    answer = await stage.http.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert answer.json()["dependencies"]["issuers"] == {
        "ok": False,
        "wfirma": {
            "ok": False,
            "shut_since": moment(now),
            "next_probe_at": moment(now + timedelta(seconds=30)),
            "waiting": 1,
        },
    }


async def test_not_ready_without_a_database_or_a_document_folder_yet_alive(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file is no folder")
    (tmp_path / "away").mkdir()
    for name, changes in (
        ("documents", {"DOCUMENTS_URL": str(tmp_path / "file")}),
        ("database", {"DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'away'}"}),
        ("database", {"DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'no-schema.db'}"}),
    ):
        async with staged(settings(folder, **changes)) as stage:
            answer = await stage.http.get("/readyz")
            assert (answer.status_code, answer.json()["ready"]) == (503, False)
            assert [key for key in ("database", "documents") if not answer.json()["dependencies"][key]["ok"]] == [name]
            assert (await stage.http.get("/healthz")).json() == {"status": "ok"}


async def test_the_openapi_document_lists_exactly_the_calls_there_are(stage: Stage) -> None:
    document = (await stage.http.get("/openapi.json")).json()
    calls = {f"{method.upper()} {path}" for path, found in document["paths"].items() for method in found}
    assert calls == {
        "POST /v1/cases",
        "GET /v1/cases/{case_id}",
        "POST /v1/cases/{case_id}/payment",
        "POST /v1/cases/{case_id}/payment/external",
        "POST /v1/cases/{case_id}/payment/check",
        "POST /v1/cases/{case_id}/refund",
        "PUT /v1/cases/{case_id}/billing-data",
        "GET /v1/cases/{case_id}/invoice.pdf",
        "POST /v1/cases/{case_id}/invoice/regenerate",
        "POST /v1/cases/{case_id}/invoice/resend",
        "PUT /v1/cases/{case_id}/invoice/attachment",
        "POST /v1/cases/{case_id}/invoice/correction",
        "GET /v1/cases/{case_id}/documents",
        "GET /v1/cases/{case_id}/invoice/duplicate.pdf",
        "GET /v1/cases/{case_id}/documents/{number}/duplicate.pdf",
        "GET /v1/cases/{case_id}/pro-forma.pdf",
        "GET /v1/cases/{case_id}/documents/{number}.pdf",
        "POST /v1/cases/{case_id}/give-up",
        "GET /v1/cases/{case_id}/timeline",
        "GET /v1/payments",
        "GET /v1/clients/{client_id}/billing-profiles",
        "POST /v1/clients/{client_id}/billing-profiles",
        "PUT /v1/clients/{client_id}/billing-profiles/{profile_id}",
        "DELETE /v1/clients/{client_id}/billing-profiles/{profile_id}",
        "PUT /v1/experts/{expert_id}",
        "PUT /v1/experts/{expert_id}/logo",
        "GET /v1/experts/{expert_id}",
        "GET /v1/alerts",
        "POST /v1/alerts/{alert_id}/acknowledge",
        "GET /v1/activity-log",
        "GET /v1/emails",
        "GET /v1/failed-tasks",
        "POST /v1/failed-tasks/regenerate",
        "GET /v1/notifications",
        "POST /v1/notifications/{notification_id}/read",
        "POST /webhooks/autopay/itn",
        "POST /webhooks/autopay/istn",
        "GET /return/autopay",
        "GET /healthz",
        "GET /metrics",
        "POST /codec/encode",
        "POST /codec/decode",
        "GET /readyz",
    }


async def test_the_openapi_document_describes_bodies_tokens_and_keys_and_refers_to_nothing_missing(
    stage: Stage,
) -> None:
    document = (await stage.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in schemas
    assert {"CaseDocument", "ExpertInput", "BillingData", "StateRecord", "ProblemDocument"} <= set(schemas)
    guarded = {}
    for path, found in document["paths"].items():
        for method, operation in found.items():
            if method == "post" and path.startswith("/v1/"):
                assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
            if method in {"post", "put"}:
                assert operation["requestBody"]["content"]
            if "security" in operation:
                guarded[operation["operationId"]] = operation
    assert set(guarded) == set(Call)
    for operation in guarded.values():
        assert "application/problem+json" in operation["responses"]["401"]["content"]
