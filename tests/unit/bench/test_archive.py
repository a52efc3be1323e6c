"""The archive is made of copies of a finished case, each under ids and numbers of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bench.archive import fill
from bench.cases import EXPERT_ID, document, expert
from bench.numbering import issue
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.state import CaseState
from invoicing.ports import utc_now
from invoicing.storage.schema import upgrade
from invoicing.storage.store import SqlCaseStore


async def test_copies_have_every_row_of_the_case_and_collide_with_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    url = f"sqlite+aiosqlite:///{path}"
    await upgrade(url)
    await issue(url, invoices=1, writers=1)  # the finished case is n-…-0, with its number
    with closing(sqlite3.connect(path)) as database:
        (finished,) = database.execute("SELECT case_id FROM cases").fetchone()
    store = SqlCaseStore(url)
    async with store.transaction() as db:
        await db.save_expert(EXPERT_ID, expert(), utc_now())
        await db.log(LogEntry(case_id=finished, event=Event.CASE_RECORDED, at=utc_now()))
    await store.close()

    fill(path, finished, 25)

    with closing(sqlite3.connect(path)) as database:
        for table in ("cases", "billing_data", "invoices", "activity_log"):
            assert database.execute(f"SELECT count(DISTINCT case_id) FROM {table}").fetchone() == (26,)  # noqa: S608 - the names stand above
        assert database.execute("SELECT count(DISTINCT full_number) FROM invoices").fetchone() == (26,)
        assert database.execute("SELECT last FROM number_counters").fetchone() == (26,)
    store = SqlCaseStore(url)
    async with store.reading() as db:
        facts = await db.facts("archived-7")
    await store.close()
    assert facts.document.case_id == facts.state.case_id == "archived-7"
    assert facts.billing == document("archived-7").billing_data


async def test_a_new_case_finds_its_place_beside_the_archive(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'bench.db'}"
    await upgrade(url)
    await issue(url, invoices=1, writers=1)
    with closing(sqlite3.connect(tmp_path / "bench.db")) as database:
        (finished, series, period) = database.execute("SELECT case_id, series, period FROM invoices").fetchone()

    fill(tmp_path / "bench.db", finished, 10)

    store = SqlCaseStore(url)
    async with store.transaction() as db:
        await db.record_case(document("new"), CaseState(case_id="new", currency="PLN"), utc_now())
        assert await db.take_number(series, period) == 12
    await store.close()
