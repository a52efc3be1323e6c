"""The database goes away in the middle of cases: PostgreSQL recovers from a crash, SQLite is locked by another."""

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from invoicing.domain.state import InvoiceStatus
from invoicing.errors import PaidcaseError
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.faults.stage import unarmed
from tests.fixtures_postgres import PostgresAddress, create_database, postgres_server
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

PAID = [f"db-ext-{number}" for number in range(8)]
PAYING = [f"db-pay-{number}" for number in range(4)]

TIMES = {"INVOICE_RETRY_INTERVAL": "3s", "PAYMENT_POLL_INTERVAL": "2s"}
"""Three attempts outlive two crashes; a message that met a 503 comes again after minutes, so the gateway is asked."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresAddress]:
    """A server of this file's own, because it is going to be crashed."""
    with postgres_server() as address:
        yield address


async def crash(postgres: PostgresAddress, database: str) -> None:
    """Kill one of the server's processes: PostgreSQL then drops every connection and recovers, as after a power cut."""
    connection, witness = [await asyncpg.connect(postgres.url(database, "postgresql")) for _ in range(2)]
    os.kill(connection.get_server_pid(), signal.SIGKILL)
    connection.terminate()

    async def noticed() -> bool:
        return bool(witness.is_closed())

    await until(noticed, "the server drops every connection")


async def invoices(stage: World) -> int:
    """How many invoices there are; none while the database is away."""
    try:
        async with stage.app.store.reading() as db:
            found = [await db.invoice(case_id) for case_id in (*PAID, *PAYING)]
        return sum(one is not None for one in found)
    except PaidcaseError:
        return 0


async def all_ended_well(stage: World) -> None:
    for case_id in (*PAID, *PAYING):
        await stage.run_ended(case_id, 90)
        state = await stage.state(case_id)
        assert (state.invoice.status, state.parked) == (InvoiceStatus.AVAILABLE, None)
        assert len(await stage.kept(case_id)) == 1
    for case_id in PAYING:
        assert len(stage.successes(case_id)) == 1
        assert stage.requests(f"{case_id}-1")["start"] == 1
    numbers = sorted(row["ordinal"] for row in await stage.rows(tables.invoices))
    assert numbers == list(range(1, len(PAID) + len(PAYING) + 1))
    copies = Counter(mail.message_id for mail in stage.box.mailbox.find())
    assert len(copies) == 2 * len(numbers)
    assert max(copies.values()) <= 2


async def begin(stage: World) -> None:
    """Four cases with an open payment, then eight that arrive paid, all at work."""
    for case_id in PAYING:
        await stage.record(case_id)
    asked = await asyncio.gather(*(stage.pay(case_id, 30) for case_id in PAYING))
    assert all(one.redirect_url for one in asked)
    for case_id in PAID:
        await stage.record(case_id, paid=True)
    for case_id in PAYING:
        stage.act(f"{case_id}-1", Action.PAY)


async def test_postgresql_crashes_twice_in_the_middle_of_cases(
    temporal: TemporalServer, postgres: PostgresAddress, tmp_path: Path
) -> None:
    url = create_database(postgres, "away")
    create_database(postgres, "elsewhere")
    async with world(temporal, tmp_path, workers=0, database_url=url, settings=TIMES) as stage:
        for _ in range(2):
            await stage.is_ready(unarmed(stage))
        await begin(stage)
        for many in (1, 5):

            async def far_enough(many: int = many) -> bool:
                return await invoices(stage) >= many

            await until(far_enough, f"{many} invoices are there", 60)
            await crash(postgres, "elsewhere")

        async def back() -> bool:
            return await invoices(stage) > 0

        await until(back, "the database is back", 60)
        await all_ended_well(stage)


async def test_sqlite_is_locked_by_somebody_else_for_a_while(
    temporal: TemporalServer, template: Path, tmp_path: Path
) -> None:
    async with world(temporal, tmp_path, workers=0, template=template, settings=TIMES) as stage:
        await stage.is_ready(unarmed(stage))
        await begin(stage)

        async def begun() -> bool:
            return await invoices(stage) >= 1

        await until(begun, "an invoice is there", 60)
        lock = sqlite3.connect(tmp_path / "paidcase.db", isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            await stage.app.store.ping()  # readers go on beside a writer

            async def met() -> bool:
                return "database_unavailable" in stage.logs()

            await until(met, "a worker has given up waiting for the lock", 60)
            lock.execute("ROLLBACK")
        finally:
            lock.close()
        await all_ended_well(stage)
