"""Figures cost what waits, not what is done: each is read from a partial index, and no count goes beyond its end."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from invoicing.domain.metrics import MOST
from invoicing.domain.records import FailedTask, TaskKind
from invoicing.storage import tables
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.samples import NOW, recorded
from tests.contract.storage.sent import sent_by
from tests.contract.storage.test_list_plans import _fill

PROCESSES = "processes"
"""A table of a few rows, which is read whole."""


async def statements(store: SqlCaseStore) -> list[tuple[str, Any]]:
    """What figures and log lines send to the driver."""
    with sent_by(store) as sent:
        await store.figures(NOW)
        await store.states()
        await store.told(0, NOW + timedelta(days=1))
    return [one for one in sent if one[0].lstrip().startswith("SELECT")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlite_reads_no_table_of_the_archive_whole(database_url: str) -> None:
    store = SqlCaseStore(database_url)
    try:
        await _fill(store)
        sent = await statements(store)
        assert len(sent) > 10
        with closing(sqlite3.connect(str(store._database.url.database))) as database:
            for statement, parameters in sent:
                plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                whole = [line for line in plan if line.startswith("SCAN") and "USING" not in line and " _" not in line]
                named = ("SCAN processes", "SCAN anon", "SCAN activity_log", "SCAN (")
                assert [line for line in whole if not line.startswith(named)] == [], plan
    finally:
        await store.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_postgresql_reads_no_table_of_the_archive_whole(database_url: str) -> None:
    store = SqlCaseStore(database_url)
    try:
        await _fill(store)
        for statement, parameters in await statements(store):
            async with store._database.reading() as connection:
                raw: Any = (await connection.get_raw_connection()).driver_connection
                await connection.execute(text("SET LOCAL enable_seqscan = off"))
                plan = [row[0] for row in await raw.fetch(f"EXPLAIN (COSTS OFF) {statement}", *parameters)]
            whole = [line for line in plan if "Seq Scan" in line and PROCESSES not in line]
            assert whole == [], plan
    finally:
        await store.close()


async def test_a_count_ends_at_most_and_hides_no_other(database_url: str) -> None:
    store = SqlCaseStore(database_url)
    try:
        await recorded(store)
        row = {"kind": "email", "case_id": "2026-000123", "code": "mail_refused", "opened_at": NOW}
        async with store._database.writing() as connection:
            rows = [{**row, "key": f"k:{number}"} for number in range(MOST + 1)]
            await connection.execute(insert(tables.failed_tasks).inline(), rows)
        task = FailedTask(key="r", kind=TaskKind.REFUND, case_id="2026-000123", code="refund_refused", opened_at=NOW)
        async with store.transaction() as work:
            await work.open_task(task)
        found = {count.values[0]: count.rows for count in (await store.figures(NOW)).tasks}
    finally:
        await store.close()
    assert (found["email"], found["refund"]) == (MOST, 1)
