"""Lists as ops look at them: by cause, by filter, and whole as CSV or JSON Lines."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from invoicing import exporting
from invoicing.domain.cases import ExpertDocument
from invoicing.domain.decisions import DecisionKind, Refund, RefundStatus
from invoicing.domain.failures import FAILURES
from invoicing.domain.processes import Process
from invoicing.domain.records import Alert, Capture, Event, FailedTask, LogEntry, TaskKind
from invoicing.domain.state import InvoiceStatus, PaymentState, PaymentStatus, Step
from invoicing.errors import Cause
from invoicing.listing import ACTIVITY, ALERTS, EMAILS, PAYMENTS, TASKS
from invoicing.web.described_totals import ExplainedRecord
from invoicing.web.listed import Activity, AlertCauses
from tests.integration.web.stage import CASE, EXPERT, Stage
from tests.integration.web.test_lists import NOW, listed, paid_cases, recorded

LINES = 7


async def logged(stage: Stage) -> list[str]:
    """Lines of the log with cells that a spreadsheet might compute; newest first by their details."""
    async with stage.app.store.transaction() as db:
        for number in range(LINES):
            entry = LogEntry(
                case_id=f"c-{number}", event=Event.ATTEMPT_FAILED, at=NOW + timedelta(hours=number), step=Step.INVOICE,
                attempt=1, cause=Cause.CONNECTIVITY, code="issuer_unreachable", actor="=HYPERLINK(1)",
                details={"answer": "unreachable", "outcome": "known", "money": "kept", "documents": "no_invoice"},
            )  # fmt: skip
            await db.log(entry)
    return [f"c-{number}" for number in reversed(range(LINES))]


async def download(stage: Stage, path: str, role: str = "ops", accept: str = "*/*", **params: str) -> tuple[str, str]:
    answer = await stage.send("GET", path, role, params=params, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.text, answer.headers["content-type"]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_the_log_is_exported_whole_page_by_page_and_without_formulas(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = await logged(stage)
    monkeypatch.setattr(exporting, "PAGE", 2)
    text, media = await download(stage, "/v1/activity-log", format="csv", process="invoice", limit="1")
    assert media.startswith("text/csv")
    assert text.splitlines()[0] == ",".join(f'"{column}"' for column in ACTIVITY)
    assert [row["case_id"] for row in rows(text)] == cases
    assert {row["actor"] for row in rows(text)} == {"'=HYPERLINK(1)"}
    assert json.loads(rows(text)[0]["details"])["money"] == "kept"
    lines, media = await download(stage, "/v1/activity-log", accept="application/x-ndjson", process="invoice")
    assert media.startswith("application/jsonl")
    items = [json.loads(line) for line in lines.splitlines()]
    assert [item["case_id"] for item in items] == cases
    page = await listed(stage, "/v1/activity-log", process="invoice")
    assert page["items"] == items


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/v1/activity-log", ACTIVITY), ("/v1/emails", EMAILS), ("/v1/alerts", ALERTS), ("/v1/failed-tasks", TASKS),
        ("/v1/payments", PAYMENTS),
    ],
)  # fmt: skip
async def test_every_list_can_be_exported_and_an_empty_one_is_its_heading(
    stage: Stage, path: str, columns: tuple[str, ...]
) -> None:
    text, _ = await download(stage, path, accept="text/csv")
    assert text == ",".join(f'"{column}"' for column in columns) + "\r\n"
    text, _ = await download(stage, path, format="jsonl")
    assert text == ""
    answer = await stage.send("GET", path, "ops", params={"format": "xlsx"})
    assert answer.status_code == 422


async def test_payments_are_exported_for_those_who_may_know_of_them(stage: Stage) -> None:
    cases = await paid_cases(stage)
    text, _ = await download(stage, "/v1/payments", format="csv")
    assert [row["case_id"] for row in rows(text)] == cases
    assert (rows(text)[0]["client_id"], rows(text)[0]["payment_status"], rows(text)[0]["currency"]) == (
        "cli-0", "open", "PLN",
    )  # fmt: skip
    text, _ = await download(stage, "/v1/payments", role="client:cli-1", format="csv")
    assert [(row["case_id"], row["client_id"]) for row in rows(text)] == [("c-3", ""), ("c-1", "")]
    text, _ = await download(stage, "/v1/payments", format="jsonl", case_id="c-2")
    assert [json.loads(line)["case_id"] for line in text.splitlines()] == ["c-2"]


async def test_open_alerts_are_counted_by_cause_and_closed_ones_are_not(stage: Stage) -> None:
    async with stage.app.store.transaction() as db:
        for number, code in enumerate(["issuer_settings", "issuer_unreachable", "issuer_unreachable", "mail_refused"]):
            await db.open_alert(
                Alert(
                    key=f"k-{number}", case_id=f"c-{number}", step=Step.INVOICE, cause=FAILURES[code].cause, code=code,
                    opened_at=NOW,
                )
            )  # fmt: skip
        await db.close_alerts(["k-3"], NOW)
    answer = await listed(stage, "/v1/alerts", group="cause")
    AlertCauses.model_validate(answer)
    assert [(one["cause"], one["open"], [code["code"] for code in one["codes"]]) for one in answer["items"]] == [
        ("connectivity", 2, ["issuer_unreachable"]), ("settings", 1, ["issuer_settings"]),
    ]  # fmt: skip
    assert answer["items"][0]["codes"][0]["docs"] == "docs/failures.md#issuer_unreachable"
    chosen = await listed(stage, "/v1/alerts", code="issuer_unreachable", case_id="c-2")
    assert [item["key"] for item in chosen["items"]] == ["k-2"]
    for params in ({"cause": "settings"}, {"acknowledged": "false", "open": "true", "code": "issuer_settings"}):
        assert [item["key"] for item in (await listed(stage, "/v1/alerts", **params))["items"]] == ["k-0"]


async def test_ops_read_every_failed_attempt_with_the_case_and_nobody_else_does(stage: Stage) -> None:
    await stage.recorded()
    async with stage.app.store.transaction() as db:
        for number, event in enumerate([Event.ATTEMPT_FAILED, Event.ATTEMPT_FAILED, Event.PARKED], 1):
            await db.log(
                LogEntry(
                    case_id=CASE, event=event, at=NOW, step=Step.INVOICE, attempt=min(number, 2),
                    cause=Cause.CONNECTIVITY, code="issuer_outcome_unknown",
                    details={"answer": "lost", "outcome": "unknown", "money": "kept", "documents": "may_exist"},
                )
            )  # fmt: skip
    record = (await stage.send("GET", f"/v1/cases/{CASE}", "ops")).json()
    ExplainedRecord.model_validate(record)
    assert [(one["attempt"], one["ended"]) for one in record["failures"]] == [(2, True), (1, False)]
    told: dict[str, Any] = record["failures"][0]
    assert (told["answer"], told["outcome"], told["money"], told["documents"]) == (
        "lost", "unknown", "kept", "may_exist",
    )  # fmt: skip
    assert told["docs"] == "docs/failures.md#issuer_outcome_unknown"
    assert "failures" not in (await stage.send("GET", f"/v1/cases/{CASE}", "service")).json()
    lines = (await stage.send("GET", f"/v1/cases/{CASE}/timeline", "ops")).json()["items"]
    (line,) = [one for one in lines if one["event"] == "parked"]
    assert (line["process"], line["message"]) == (Process.INVOICE.value, told["message"])
    seen = (await stage.send("GET", f"/v1/cases/{CASE}/timeline", "client:cli-7")).json()["items"]
    assert [one["event"] for one in seen if one["event"] == "attempt_failed"] == []
    (parked,) = [one for one in seen if one["event"] == "parked"]
    assert not {"code", "cause", "details"} & set(parked)


async def test_failed_mails_and_refunds_of_many_cases_are_tried_again_with_one_call(stage: Stage) -> None:
    await recorded(stage, "c-1", "c-2")
    paid = PaymentState(status=PaymentStatus.COMPLETED, attempt=1, remote_id="R1")
    async with stage.app.store.transaction() as db:
        state = (await db.facts("c-1")).state
        invoice = state.invoice.model_copy(update={"sha256": "0" * 64, "status": InvoiceStatus.AVAILABLE})
        await db.save(state.model_copy(update={"payment": paid, "invoice": invoice}))
        money = {"service_id": "1", "remote_id": "R1", "case_id": "c-1", "amount": "10.00", "currency": "PLN"}
        capture = {**money, "order_id": "c-1-1", "kept": True, "captured_at": NOW, "via": "itn"}
        await db.add_capture(Capture.model_validate(capture))
        refund = {
            **money, "number": 1, "message_id": "m", "amount": "4.00", "kept": True, "status": RefundStatus.FAILED,
            "requested_at": NOW, "reason": "asked for",
        }  # fmt: skip
        await db.save_refund(Refund.model_validate(refund))
        await db.save_expert("exp-1", ExpertDocument.model_validate(EXPERT), NOW)
        for kind in (TaskKind.EMAIL, TaskKind.REFUND, TaskKind.NOTIFICATION):
            await db.open_task(FailedTask(key=kind.value, kind=kind, case_id="c-1", code="internal", opened_at=NOW))
    again = {
        "email": DecisionKind.RESEND_INVOICE,
        "notification": DecisionKind.RESEND_NOTIFICATION,
        "refund": DecisionKind.REFUND,
    }
    for number, (named, decision) in enumerate(again.items(), 1):
        wanted = {"case_ids": ["c-1", "c-2"], "kind": named}
        answer = await stage.send("POST", "/v1/failed-tasks/regenerate", "ops", json=wanted)
        assert [(item["case_id"], item["accepted"]) for item in answer.json()["items"]] == [
            ("c-1", True), ("c-2", False),
        ]  # fmt: skip
        async with stage.app.store.reading() as db:
            decided = await db.decision("c-1", number)
        assert decided.kind is decision
    assert decided.body == {"reason": "asked for", "amount": "4.00"}


async def test_failed_tasks_show_what_was_cured_when_asked(stage: Stage) -> None:
    await recorded(stage, "c-1")
    async with stage.app.store.transaction() as db:
        task = FailedTask(key="t", kind=TaskKind.EMAIL, case_id="c-1", code="mail_refused", opened_at=NOW)
        await db.open_task(task)
        await db.close_task("t", datetime(2026, 11, 23, tzinfo=UTC))
    assert (await listed(stage, "/v1/failed-tasks"))["items"] == []
    (item,) = (await listed(stage, "/v1/failed-tasks", open="false", code="mail_refused"))["items"]
    assert item["closed_at"] == "2026-11-23T00:00:00Z"


async def test_a_page_of_the_log_names_the_process_of_each_line(stage: Stage) -> None:
    await logged(stage)
    page = await listed(stage, "/v1/activity-log", failed="true", code="issuer_unreachable", limit=3)
    Activity.model_validate(page)
    assert {item["process"] for item in page["items"]} == {"invoice"}
    assert (await listed(stage, "/v1/activity-log", actor="nobody"))["items"] == []
