"""The restore drill: cases move, a backup is made, everything is lost, another database and an empty Temporal go on."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from invoicing import bootstrap
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.settings import load
from invoicing.storage import tables
from invoicing.storage.schema import upgrade
from tests.fixtures_postgres import PostgresAddress, create_database, postgres_server
from tests.stage import World, world
from tests.stage_samples import BUYER
from tests.stage_temporal import TemporalServer
from tools.temporal import cache

MOVING = [f"moving-{number}" for number in range(10)]
SETTLED = ("done-1", "healed-1", "parked-1", "open-1", "fresh-1")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresAddress]:
    with postgres_server() as address:
        yield address


def command(env: dict[str, str], *arguments: str) -> dict[str, Any]:
    """A command in a process of its own, which must succeed."""
    line = [sys.executable, "-m", "starter", *arguments, "--json"]
    done = subprocess.run(line, cwd=cache.ROOT, env={**env, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def everything(stage: World, case_id: str) -> dict[str, list[dict[str, Any]]]:
    """What the database holds of a case, but for what the relay does to its rows."""
    ours = [table for table in tables.metadata.sorted_tables if "case_id" in table.columns]
    passing = {"delivered_at", "claimed_by", "available_at", "deliveries"}
    return {
        table.name: [
            {name: value for name, value in row.items() if name not in passing}
            for row in await stage.rows(table, case_id)
        ]
        for table in ours
    }


async def prepared(old: World) -> None:
    """One case of each kind, and many that have just begun."""
    old.payer("healed", Action.PAY)
    await old.record("done-1", paid=True)
    await old.ended("done-1")
    with old.unusable_documents():
        await old.record("healed-1")
        await old.pay("healed-1")
        await old.when("healed-1", lambda state: state.parked, "the case is parked")
    await old.record("parked-1", paid=True, billing_data={**BUYER, "tax_id": "1111111112"})
    await old.when("parked-1", lambda state: state.parked, "the case is parked")
    await old.record("open-1")
    assert (await old.pay("open-1")).redirect_url
    await old.record("fresh-1")
    for case_id in MOVING:
        await old.record(case_id, paid=True)


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql")])
async def test_everything_goes_on_elsewhere_and_nothing_is_paid_or_issued_twice(
    temporal: TemporalServer, postgres: PostgresAddress, tmp_path: Path, source: str, target: str
) -> None:
    urls = {
        "sqlite": f"sqlite+aiosqlite:///{tmp_path / f'{source}.db'}",
        "postgresql": create_database(postgres, f"drill_{source}"),
    }
    async with AsyncExitStack() as stack:
        await upgrade(urls[source])
        old = await stack.enter_async_context(world(temporal, tmp_path / "old", database_url=urls[source]))
        await prepared(old)
        before = {case_id: await everything(old, case_id) for case_id in SETTLED}
        saved = await asyncio.to_thread(command, old.env, "backup", "--output", str(tmp_path))
        old.stop_processes()
        assert (saved["tables"]["cases"], saved["missing"]) == (len(MOVING) + len(SETTLED), [])

        env = {
            **old.env,
            "DATABASE_URL": urls[target],
            "DOCUMENTS_URL": str(tmp_path / "documents"),
            "TEMPORAL_NAMESPACE": temporal.namespace(),
        }
        assert await asyncio.to_thread(command, env, "restore", saved["file"], "--verify")
        restored = await asyncio.to_thread(command, env, "restore", saved["file"])
        assert restored["tables"] == saved["tables"]
        app = await stack.enter_async_context(bootstrap.application(load(env, for_api=True)))
        client: Client = await bootstrap.connect_temporal(env, lazy=False)
        (tmp_path / "new").mkdir()
        new = World(temporal, tmp_path / "new", env, app, old.box, client)
        stack.callback(new.stop_processes)
        assert {case_id: await everything(new, case_id) for case_id in SETTLED} == before
        named = {row["sha256"] for row in await new.rows(tables.invoices)}
        for address in named - {None}:
            assert (await app.documents.get(address)).startswith(b"%PDF")

        mails = {case_id: len(new.mails(case_id)) for case_id in SETTLED}
        again = await asyncio.to_thread(command, env, "restart-open")
        assert again["starts"] >= 3
        for process in (new.start_api(), new.start_worker()):
            await new.is_ready(process)
        for case_id in ("healed-1", *MOVING):
            await new.ended(case_id)
        parked = await new.when("parked-1", lambda state: state.parked, "the case is parked")
        assert parked.payment.status is PaymentStatus.COMPLETED
        await new.correct("parked-1")
        await new.ended("parked-1")
        new.act("open-1-1", Action.PAY)
        await new.ended("open-1")

        for case_id in ("done-1", "healed-1", "parked-1", "open-1", *MOVING):
            state = await new.state(case_id)
            assert state.invoice.status is InvoiceStatus.AVAILABLE, case_id
            assert len(await new.kept(case_id)) == 1, case_id
            assert len(await new.rows(tables.invoices, case_id)) == 1, case_id
        for case_id in ("healed-1", "open-1"):
            assert len(new.successes(case_id)) == 1
            assert len(new.ledger(case_id)) == 1, "a second transaction was opened"
        issued = await new.rows(tables.invoices)
        assert sorted(row["ordinal"] for row in issued) == list(range(1, len(issued) + 1))
        await new.run_ended("done-1")  # it was done just before, so that a mail might have been lost
        assert not await new.has_run("fresh-1")
        assert len(new.mails("done-1")) == mails["done-1"]
        told = [row["kind"] for row in await new.rows(tables.notices, "healed-1")]
        assert sorted(told) == ["expert-failed", "expert-paid"]
