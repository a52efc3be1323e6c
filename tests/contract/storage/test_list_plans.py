"""Lists read an index in the order of the page: what they cost does not grow with what has been finished."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import insert, text

from invoicing.domain.processes import Process
from invoicing.domain.records import (
    AlertQuery,
    CaseQuery,
    DeliveryStatus,
    EmailQuery,
    Event,
    LogQuery,
    MailKind,
    TaskKind,
    TaskQuery,
)
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.errors import Cause
from invoicing.storage import tables
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.samples import MINUTE, NOW, document, state
from tests.contract.storage.sent import sent_by

Call = Callable[[SqlCaseStore], Awaitable[object]]


def payments(**query: Any) -> Call:
    return lambda store: store.payments(CaseQuery(**query))


def activity(**query: Any) -> Call:
    return lambda store: store.activity(LogQuery(**query))


def emails(**query: Any) -> Call:
    return lambda store: store.emails(EmailQuery(**query))


def tasks(**query: Any) -> Call:
    return lambda store: store.task_list(TaskQuery(**query))


RARE_PROCESSES = (Process.REFUND, Process.DECISION, Process.EXPERT)
"""The lines of the others are so many that a page of them is found by looking back from the newest line."""

# where two indexes are named each holds only what is rare, and PostgreSQL takes the one that it thinks shorter
LISTS: list[tuple[str, Call]] = [
    ("ix_cases_arrived_at", payments()),
    ("ix_cases_arrived_at", payments(cursor="c1000")),
    ("ix_cases_arrived_at", payments(since=NOW, until=NOW + 50 * MINUTE)),
    ("ix_cases_client_id_arrived_at", payments(client_id="cli-7")),
    ("ix_cases_expert_id_arrived_at", payments(expert_id="exp-7", cursor="c1000")),
    *(("ix_cases_unsettled", payments(payment_status=s)) for s in (PaymentStatus.OPEN, PaymentStatus.FAILED)),
    ("ix_cases_uninvoiced", payments(invoice_status=InvoiceStatus.GENERATING)),
    ("ix_cases_uninvoiced", payments(invoice_status=InvoiceStatus.FAILED, cursor="c1000")),
    ("ix_cases_uninvoiced", payments(invoice_status=InvoiceStatus.MANUAL)),
    ("ix_cases_parked", payments(parked=True)),
    ("ix_cases_running", lambda store: store.running("c1000", 200)),
    ("ix_refunds_under_way", lambda store: store.refunding(NOW, 200)),
    ("ix_decisions_refunds", lambda store: store.unbegun_refunds(NOW, 200)),
    ("ix_activity_log_case_id_id", activity(case_id="c1000", after_id=1000)),
    ("ix_activity_log_cause ix_activity_log_failed", activity(cause=Cause.SETTINGS, after_id=1000)),
    ("ix_activity_log_event ix_activity_log_rare", activity(event=Event.PARKED)),
    ("ix_activity_log_event ix_activity_log_rare", activity(event=Event.NOTIFICATION_REJECTED, after_id=1000)),
    ("ix_activity_log_code", activity(code="issuer_unreachable", after_id=1000)),
    ("ix_activity_log_code ix_activity_log_failed", activity(code="internal", process=Process.INVOICE, failed=True)),
    ("ix_activity_log_actor", activity(actor="ops:duty", after_id=1000)),
    ("ix_activity_log_actor", activity(actor="client:cli-7", process=Process.PAYMENT)),
    *(("ix_activity_log_rare", activity(process=process, after_id=1000)) for process in RARE_PROCESSES),
    ("ix_activity_log_failed", activity(failed=True)),
    ("ix_activity_log_failed", activity(failed=True, process=Process.EMAIL, after_id=1000)),
    ("ix_deliveries_code", emails(code="mail_refused")),
    ("ix_deliveries_code", emails(code="mail_refused", kind=MailKind.INVOICE, after_id=1000)),
    ("ix_deliveries_kind", emails(kind=MailKind.EXPERT_FAILED)),
    ("ix_deliveries_kind", emails(kind=MailKind.REFUND, after_id=1000)),
    ("ix_deliveries_unsent", emails(status=DeliveryStatus.FAILED)),
    ("ix_deliveries_unsent", emails(status=DeliveryStatus.UNKNOWN, after_id=1000)),
    ("ix_failed_tasks_open ix_failed_tasks_waiting", lambda store: store.failed_tasks(TaskKind.EMAIL, 1000, 50)),
    ("ix_failed_tasks_open ix_failed_tasks_waiting", tasks(kind=TaskKind.NOTIFICATION)),
    ("ix_failed_tasks_waiting", tasks()),
    ("ix_failed_tasks_case_id_id", tasks(case_id="c1000", open=None)),
    ("ix_failed_tasks_code_id", tasks(code="mail_refused", open=None)),
    ("ix_alerts_open", lambda store: store.alerts(open_only=True, after_id=1000, limit=50)),
    ("ix_alerts_open", lambda store: store.alert_list(AlertQuery(open=True))),
    ("ix_notices_expert_id_id", lambda store: store.notices("exp-7", 1000, 50)),
    ("ix_notices_unread", lambda store: store.unread("exp-7")),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlite_reads_every_list_by_its_index(database_url: str) -> None:
    store = SqlCaseStore(database_url)
    try:
        await _fill(store)
        with closing(sqlite3.connect(str(store._database.url.database))) as database:
            for indexes, call in LISTS:
                statement, parameters = await _last_statement(store, call)
                plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                assert any(f"INDEX {index}" in plan[0] for index in indexes.split()), plan
                assert not any("TEMP B-TREE" in line for line in plan), plan
    finally:
        await store.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_postgresql_reads_every_list_by_its_index_whatever_the_values(database_url: str) -> None:
    """By the generic plan, which knows no values: what is read must not hang on the planner seeing them."""
    store = SqlCaseStore(database_url)
    try:
        await _fill(store)
        for number, (indexes, call) in enumerate(LISTS):
            statement, parameters = await _last_statement(store, call)
            async with store._database.reading() as connection:
                await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
                # in a database as small as this one, reading whole tables would be as cheap
                await connection.execute(text("SET LOCAL enable_seqscan = off"))
                await connection.execute(text("SET LOCAL enable_bitmapscan = off"))
                await connection.execute(text("SET LOCAL enable_sort = off"))
                raw: Any = (await connection.get_raw_connection()).driver_connection
                await raw.execute(f"PREPARE list_{number} AS {statement}")
                values = ", ".join(["NULL"] * len(parameters))
                plan = [row[0] for row in await raw.fetch(f"EXPLAIN (COSTS OFF) EXECUTE list_{number} ({values})")]
                await raw.execute(f"DEALLOCATE list_{number}")
            assert any(f"using {index} " in line for line in plan for index in indexes.split()), plan
            assert not any("Sort" in line for line in plan), plan
    finally:
        await store.close()


async def _last_statement(store: SqlCaseStore, call: Call) -> tuple[str, Any]:
    """What a call sends to the driver last: the list itself."""
    with sent_by(store) as sent:
        await call(store)
    return sent[-1]


async def _fill(store: SqlCaseStore) -> None:
    """A few thousand finished cases, as a planner sees them that counts rows."""
    fields = {"document": document().canonical(), "digest": "", "billing_revision": 0, "version": 1, "updated_at": NOW}
    done = {
        "payment_status": "completed",
        "invoice_status": "available",
        "parked": False,
        "run_asked": True,
        "closed": True,
    }
    cases = [
        {
            **fields,
            **done,
            "case_id": f"c{number}",
            "client_id": f"cli-{number % 500}",
            "expert_id": f"exp-{number % 20}",
            "arrived_at": NOW + number * MINUTE,
            "state": state(f"c{number}").model_dump_json(),
        }
        for number in range(3000)
    ]
    lines = [
        {"event": "completed", "at": NOW, "actor": "system", "details": "{}", "case_id": c["case_id"]} for c in cases
    ]
    causes, happened = list(Cause), {"at": NOW, "details": "{}"}
    failed = [
        {**happened, "event": "attempt_failed", "actor": "system", "case_id": c["case_id"], "step": "generate_invoice",
         "cause": causes[number % len(causes)].value, "code": f"code-{number % 30}"}
        for number, c in enumerate(cases[::3])
    ]  # fmt: skip
    decided = [
        {**happened, "event": "decided", "actor": f"ops:{number % 40}", "case_id": c["case_id"]}
        for number, c in enumerate(cases[::5])
    ]
    mail = {"kind": "invoice", "recipient": "", "status": "sent", "tries": 1, "doubtful": 0}
    times = {"created_at": NOW, "updated_at": NOW}
    mails = [{**mail, **times, "message_id": c["case_id"], "case_id": c["case_id"]} for c in cases]
    closed = {"cause": "connectivity", "opened_at": NOW, "closed_at": NOW, "details": "{}"}
    told = [
        {**closed, "key": c["case_id"], "case_id": c["case_id"], "kind": "email", "code": f"code-{number % 30}"}
        for number, c in enumerate(cases)
    ]
    filled = (
        (tables.cases, cases),
        (tables.activity_log, lines),
        (tables.activity_log, failed),
        (tables.activity_log, decided),
        (tables.deliveries, mails),
        (tables.alerts, [{name: row[name] for name in row if name != "kind"} for row in told]),
        (tables.failed_tasks, [{name: row[name] for name in row if name not in {"cause", "details"}} for row in told]),
    )
    async with store._database.writing() as connection:
        for table, rows in filled:
            await connection.execute(insert(table).inline(), rows)
        if store._database.dialect == "postgresql":
            await connection.execute(text("ANALYZE cases, activity_log, deliveries, alerts, failed_tasks"))
