"""Lists of staff, clients and experts: what is in them, for whom, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from invoicing.domain.cases import LANGUAGES
from invoicing.domain.records import (
    Alert,
    Delivery,
    DeliveryStatus,
    Event,
    FailedTask,
    LogEntry,
    MailKind,
    Notice,
    TaskKind,
)
from invoicing.domain.state import PaymentState, PaymentStatus, Step
from invoicing.errors import Cause
from invoicing.failing import ops_message
from invoicing.locale import text
from invoicing.web.described import AlertItem, StateRecord
from invoicing.web.listed import Activity, Emails, FailedTasks, NotificationItem, Notifications, Payments
from tests.integration.web.stage import CASE, EXPERT, Stage, a_case

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LISTS = ("/v1/payments", "/v1/activity-log", "/v1/emails", "/v1/failed-tasks", "/v1/notifications", "/v1/alerts")


async def paid_cases(stage: Stage) -> list[str]:
    """Five cases of two clients and two experts, the last still open; newest first."""
    for expert in ("exp-1", "exp-2"):
        await stage.send("PUT", f"/v1/experts/{expert}", json=EXPERT)
    for number in range(5):
        client = {"id": f"cli-{number % 2}", "email": "anna@example.com"}
        document = a_case(case_id=f"c-{number}", client=client, expert_id=f"exp-{1 + number // 3}")
        assert (await stage.send("POST", "/v1/cases", json=document)).status_code == 201
        status = PaymentStatus.OPEN if number == 4 else PaymentStatus.COMPLETED
        async with stage.app.store.transaction() as db:
            state = (await db.facts(f"c-{number}")).state
            await db.save(state.model_copy(update={"payment": PaymentState(status=status, attempt=1)}))
    await stage.recorded(case_id="never-clicked")
    return [f"c-{number}" for number in reversed(range(5))]


async def recorded(stage: Stage, *case_ids: str) -> None:
    """Cases with these ids, which nobody has paid."""
    for case_id in case_ids:
        assert (await stage.send("POST", "/v1/cases", json=a_case(case_id=case_id))).status_code == 201


async def listed(stage: Stage, path: str, role: str = "ops", **params: Any) -> dict[str, Any]:
    """One page."""
    answer = await stage.send("GET", path, role, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def every_page(stage: Stage, path: str, role: str = "ops", **params: Any) -> list[dict[str, Any]]:
    """All items, two a page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await listed(stage, path, role, limit=2, **params, **cursor)
        assert len(page["items"]) <= 2
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


def ids(page: dict[str, Any]) -> list[str]:
    """Cases of a page."""
    return [item["case_id"] for item in page["items"]]


# --- payments ----------------------------------------------------------------------------------------------------


async def test_staff_sees_every_case_with_a_payment_label_and_whose_it_is(stage: Stage) -> None:
    cases = await paid_cases(stage)
    for role in ("service", "ops"):
        page = await listed(stage, "/v1/payments", role)
        Payments.model_validate(page)
        assert ids(page) == cases
        assert (page["items"][0]["client_id"], page["items"][0]["expert_id"]) == ("cli-0", "exp-2")
    assert [item["case_id"] for item in await every_page(stage, "/v1/payments")] == cases
    record = (await stage.send("GET", "/v1/cases/c-4", "ops")).json()
    assert {name: page["items"][0][name] for name in StateRecord.model_fields} == {
        name: record[name] for name in StateRecord.model_fields
    }


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"client_id": "cli-1"}, ["c-3", "c-1"]),
        ({"expert_id": "exp-1"}, ["c-2", "c-1", "c-0"]),
        ({"client_id": "cli-0", "expert_id": "exp-2"}, ["c-4"]),
        ({"status": "open"}, ["c-4"]),
        ({"status": "none"}, []),
        ({"client_id": "nobody"}, []),
        ({"until": "2000-01-01T00:00:00Z"}, []),
        ({"since": "2000-01-01T00:00:00+02:00", "status": "completed"}, ["c-3", "c-2", "c-1", "c-0"]),
    ],
)
async def test_payments_are_chosen_by_client_expert_status_and_time(
    stage: Stage, params: dict[str, str], wanted: list[str]
) -> None:
    await paid_cases(stage)
    assert ids(await listed(stage, "/v1/payments", **params)) == wanted


@pytest.mark.parametrize(
    ("role", "own", "foreign"),
    [
        ("client:cli-1", ["c-3", "c-1"], {"client_id": "cli-0"}),
        ("expert:exp-2", ["c-4", "c-3"], {"expert_id": "exp-1"}),
    ],
)
async def test_clients_and_experts_see_their_own_cases_whatever_they_ask_for(
    stage: Stage, role: str, own: list[str], foreign: dict[str, str]
) -> None:
    await paid_cases(stage)
    page = await listed(stage, "/v1/payments", role)
    Payments.model_validate(page)
    assert ids(page) == own
    assert not {"client_id", "expert_id"} & set(page["items"][0])
    assert ids(await listed(stage, "/v1/payments", role, **foreign)) == []
    assert [item["case_id"] for item in await every_page(stage, "/v1/payments", role)] == own


async def test_a_cursor_does_not_tell_which_foreign_cases_exist(stage: Stage) -> None:
    await paid_cases(stage)
    foreign = await stage.send("GET", "/v1/payments", "client:cli-1", params={"cursor": "c-4"})
    unknown = await stage.send("GET", "/v1/payments", "client:cli-1", params={"cursor": "unknown"})
    assert (foreign.status_code, foreign.json()["errors"][0]["field"]) == (422, "cursor")
    assert foreign.content == unknown.content


# --- what ops read -----------------------------------------------------------------------------------------------


async def test_the_activity_log_is_listed_newest_first_and_chosen_by_what_it_tells(stage: Stage) -> None:
    await stage.recorded()
    async with stage.app.store.transaction() as db:
        for number in range(3):
            await db.log(
                LogEntry(
                    case_id=f"c-{number}", event=Event.STEP_FAILED, at=NOW + timedelta(hours=number), step=Step.EMAIL,
                    attempt=number, cause=Cause.CONNECTIVITY, code="mail_deferred", details={"n": str(number)},
                )
            )  # fmt: skip
    page = await listed(stage, "/v1/activity-log")
    Activity.model_validate(page)
    assert ids(page) == ["c-2", "c-1", "c-0", CASE, None]
    assert page["items"][0]["label"] == text("pl", "event.step_failed")
    assert page["items"][0]["cause"] == "connectivity"
    assert [item["case_id"] for item in await every_page(stage, "/v1/activity-log")] == ids(page)
    for params, wanted in (
        ({"case_id": "c-1"}, ["c-1"]),
        ({"event": "case_recorded"}, [CASE]),
        ({"cause": "connectivity", "step": "email_invoice"}, ["c-2", "c-1", "c-0"]),
        ({"cause": "limit"}, []),
        ({"since": "2026-11-22T11:00:00Z", "until": "2026-11-22T13:00:00+01:00", "step": "email_invoice"}, ["c-1"]),
    ):
        assert ids(await listed(stage, "/v1/activity-log", **params)) == wanted, params


async def test_the_email_log_shows_recipients_to_ops(stage: Stage) -> None:
    await stage.recorded()
    async with stage.app.store.transaction() as db:
        for number, status in enumerate((DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED)):
            code = "mail_refused" if status is DeliveryStatus.FAILED else None
            await db.save_delivery(
                Delivery(
                    message_id=f"m-{number}@paidcase.invalid", case_id=CASE, kind=MailKind.INVOICE,
                    recipient="faktury@example.com", status=status, tries=1, code=code, created_at=NOW, updated_at=NOW,
                )
            )  # fmt: skip
    page = await listed(stage, "/v1/emails")
    Emails.model_validate(page)
    assert [item["status"] for item in page["items"]] == ["failed", "unknown", "sent"]
    assert page["items"][0]["recipient"] == "faktury@example.com"
    assert page["items"][0]["message"] == ops_message("mail_refused", Step.EMAIL, "pl")
    assert [item["id"] for item in await every_page(stage, "/v1/emails")] == [item["id"] for item in page["items"]]
    assert ids(await listed(stage, "/v1/emails", status="unknown", case_id=CASE)) == [CASE]
    assert ids(await listed(stage, "/v1/emails", case_id="other")) == []


async def test_the_failed_lists_are_told_apart_by_kind_and_forget_what_was_cured(stage: Stage) -> None:
    await recorded(stage, *(f"c-{number}" for number in range(5)))
    async with stage.app.store.transaction() as db:
        for number, kind in enumerate([*TaskKind, TaskKind.INVOICE]):
            await db.open_task(
                FailedTask(key=f"k-{number}", kind=kind, case_id=f"c-{number}", code="internal", opened_at=NOW)
            )
        await db.close_task("k-0", NOW)
    page = await listed(stage, "/v1/failed-tasks")
    FailedTasks.model_validate(page)
    assert ids(page) == ["c-4", "c-3", "c-2", "c-1"]
    assert page["items"][0]["message"] == ops_message("internal", TaskKind.INVOICE.step, "pl")
    assert [item["case_id"] for item in await every_page(stage, "/v1/failed-tasks")] == ids(page)
    for kind, wanted in (("invoice", ["c-4"]), ("email", ["c-1"]), ("refund", ["c-2"]), ("notification", ["c-3"])):
        assert ids(await listed(stage, "/v1/failed-tasks", kind=kind)) == wanted


async def test_an_alert_is_acknowledged_once_and_the_first_stays_named(stage: Stage) -> None:
    async with stage.app.store.transaction() as db:
        await db.open_alert(
            Alert(key="k", case_id=CASE, step=None, cause=Cause.INTERNAL, code="internal", opened_at=NOW)
        )
    (alert,) = (await listed(stage, "/v1/alerts"))["items"]
    path = f"/v1/alerts/{alert['id']}/acknowledge"
    first = await stage.http.post(path, headers=stage.token("ops", name="ewa"))
    second = await stage.http.post(path, headers=stage.token("ops", name="jan"))
    assert first.status_code == second.status_code == 200
    assert AlertItem.model_validate(first.json()).acknowledged_by == "ops:ewa"
    assert second.json() == first.json() == (await listed(stage, "/v1/alerts"))["items"][0]


@pytest.mark.parametrize("number", ["0", "999", "x", "-1", "9" * 30, "1%00", "١"])
async def test_a_row_that_is_not_there_is_not_found(stage: Stage, number: str) -> None:
    for role, path in (
        ("ops", f"/v1/alerts/{number}/acknowledge"),
        ("expert:exp-1", f"/v1/notifications/{number}/read"),
    ):
        answer = await stage.send("POST", path, role)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# --- notifications of an expert ----------------------------------------------------------------------------------


async def told(stage: Stage) -> None:
    """Three notifications of one expert, the second told twice, and one of another."""
    await recorded(stage, CASE, "c-9")
    kinds = (MailKind.EXPERT_FAILED, MailKind.EXPERT_PAID, MailKind.EXPERT_MANUAL)
    async with stage.app.store.transaction() as db:
        for number, kind in enumerate(kinds):
            notice = Notice(key=f"n-{number}", expert_id="exp-1", case_id=CASE, kind=kind, created_at=NOW)
            await db.add_notice(notice)
            await db.add_notice(notice)
        await db.add_notice(Notice(key="n-9", expert_id="exp-2", case_id="c-9", kind=kinds[1], created_at=NOW))


async def test_an_expert_reads_his_notifications_and_the_unread_are_counted(stage: Stage) -> None:
    await told(stage)
    page = await listed(stage, "/v1/notifications", "expert:exp-1")
    Notifications.model_validate(page)
    assert [item["kind"] for item in page["items"]] == ["expert-manual", "expert-paid", "expert-failed"]
    assert page["unread"] == 3
    assert page["items"][2]["message"] == f"Wystąpił błąd podczas wystawiania faktury dla klienta do sprawy nr {CASE}"
    assert len(await every_page(stage, "/v1/notifications", "expert:exp-1")) == 3
    assert (await listed(stage, "/v1/notifications", "expert:exp-2"))["unread"] == 1
    path = f"/v1/notifications/{page['items'][1]['id']}/read"
    read = await stage.send("POST", path, "expert:exp-1")
    assert read.status_code == 200
    assert NotificationItem.model_validate(read.json()).read_at is not None
    assert (await stage.send("POST", path, "expert:exp-1")).json() == read.json()
    after = await listed(stage, "/v1/notifications", "expert:exp-1", limit=1)
    assert (after["unread"], after["items"][0]["read_at"]) == (2, None)


async def test_an_expert_cannot_read_or_find_what_another_was_told(stage: Stage) -> None:
    await told(stage)
    (foreign,) = (await listed(stage, "/v1/notifications", "expert:exp-2"))["items"]
    answer = await stage.send("POST", f"/v1/notifications/{foreign['id']}/read", "expert:exp-1")
    unknown = await stage.send("POST", "/v1/notifications/999/read", "expert:exp-1")
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert (await listed(stage, "/v1/notifications", "expert:exp-2"))["unread"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_notifications_are_in_the_readers_language(stage: Stage, language: str) -> None:
    await told(stage)
    answer = await stage.send("GET", "/v1/notifications", "expert:exp-1", headers={"Accept-Language": language})
    wanted = [
        text(language, f"mail.{kind}.text", case_id=CASE).strip()
        for kind in ("expert-manual", "expert-paid", "expert-failed")
    ]
    assert [item["message"] for item in answer.json()["items"]] == wanted


# --- what every list takes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
async def test_an_empty_list_is_a_page(stage: Stage, path: str) -> None:
    page = await listed(stage, path, "expert:exp-1" if path == "/v1/notifications" else "ops")
    assert (page["items"], page["next_cursor"]) == ([], None)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "201"), ("cursor", "a b"), ("cursor", "\x00"), ("cursor", "")]
)
async def test_a_wrong_limit_or_cursor_is_a_fault_of_that_field(stage: Stage, path: str, name: str, value: str) -> None:
    role = "expert:exp-1" if path == "/v1/notifications" else "ops"
    answer = await stage.send("GET", path, role, params={name: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [fault["field"] for fault in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/v1/payments", "status", "paid"),
        ("/v1/payments", "client_id", "a b"),
        ("/v1/payments", "since", "2026-11-22T10:00:00"),
        ("/v1/payments", "since", "0001-01-01T00:00:00+14:00"),
        ("/v1/payments", "until", "9999-12-31T23:59:59-14:00"),
        ("/v1/activity-log", "event", "nothing"),
        ("/v1/activity-log", "until", "yesterday"),
        ("/v1/emails", "status", "lost"),
        ("/v1/emails", "case_id", "a.b"),
        ("/v1/failed-tasks", "kind", "payment"),
    ],
)
async def test_a_choice_that_is_none_is_a_fault_of_that_field(stage: Stage, path: str, name: str, value: str) -> None:
    answer = await stage.send("GET", path, "ops", params={name: value})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


# --- filters that nobody knows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
async def test_a_filter_that_a_list_does_not_know_is_refused_with_every_other_fault(stage: Stage, path: str) -> None:
    role = "expert:exp-1" if path == "/v1/notifications" else "ops"
    answer = await stage.send("GET", path, role, params={"statsu": "open", "limit": "0", "format": "csv"})
    assert answer.status_code == 422
    named = {(fault["field"], fault["code"]) for fault in answer.json()["errors"]}
    assert named >= {("statsu", "unknown_field"), ("limit", "bad_format")}
    alone = await stage.send("GET", path, role, params={"lang": "en", "statsu": "open"})
    assert [fault["field"] for fault in alone.json()["errors"]] == ["statsu"]
    assert (await stage.send("GET", path, role, params={"lang": "en"})).status_code == 200


async def test_who_may_not_read_a_list_hears_nothing_of_its_filters(stage: Stage) -> None:
    assert (await stage.send("GET", "/v1/emails", "client:cli-7", params={"statsu": "x"})).status_code == 403
    assert (
        await stage.send("GET", "/v1/emails", headers={"Authorization": "Bearer nonsense"}, params={"statsu": "x"})
    ).status_code == 401
