"""Engineers' commands on a real server: a redo goes back to a step and does nothing twice; histories are exported."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus

from invoicing.domain.records import Event
from invoicing.domain.state import InvoiceStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.replay.test_histories import replayer
from tests.stage import World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer
from tools.temporal import cache, provide
from tools.temporal.dev_server import UI_ABOVE
from workflows.identity import case_action_id, paid_case_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"PAYMENT_POLL_INTERVAL": "1s"}  # a refund is followed by polls
    async with world(temporal, tmp_path_factory.mktemp("redo"), settings=settings) as opened:
        yield opened


async def starter(stage: World, *arguments: str, **env: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the one JSON document and the complaints of a command."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter", *arguments, "--json",
        cwd=cache.ROOT, env={**os.environ, **stage.env, "LOG_LEVEL": "warning", **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(out), err.decode()


async def ended(stage: World, case_id: str, run_id: str) -> None:
    """Until this run has completed."""

    async def completed() -> bool:
        handle = stage.temporal.get_workflow_handle(paid_case_id(case_id), run_id=run_id)
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await until(completed, f"run {run_id} ends")


async def effects(stage: World, case_id: str) -> dict[str, int]:
    """Everything that a case may have only so many of."""
    return {
        "captures": len(await stage.rows(tables.captures, case_id)),
        "invoices": len(await stage.rows(tables.invoices, case_id)),
        "refunds": len(await stage.rows(tables.refunds, case_id)),
        "notices": len(await stage.rows(tables.notices, case_id)),
        "mails": len(stage.mails(case_id)),
        "starts": stage.requests(f"{case_id}-1").get("start", 0),
    }


async def test_a_redo_of_a_finished_case_charges_invoices_and_mails_nothing_again(stage: World) -> None:
    await stage.record("redo-1")
    await stage.pay("redo-1", 20)
    stage.act("redo-1-1", Action.PAY)
    await stage.ended("redo-1")
    before, state, first = await effects(stage, "redo-1"), await stage.state("redo-1"), await stage.run_id("redo-1")

    code, plan, _ = await starter(stage, "redo", "redo-1", "--step", "generate_invoice", "--dry-run")
    assert (code, plan["run_id"], plan["new_run_id"]) == (0, first, None)
    assert plan["again"] == ["generate_invoice", "email_invoice", "notify_expert"]
    assert await stage.run_id("redo-1") == first, "a dry run changes nothing"

    for step in ("generate_invoice", "notify_expert"):
        code, told, err = await starter(stage, "redo", "redo-1", "--step", step, "--name", "duty")
        assert code == 0, err
        await ended(stage, "redo-1", told["new_run_id"])
        assert await stage.run_id("redo-1") == told["new_run_id"]
        done = await stage.activities("redo-1")
        assert done.count("charge") == 1, "the charge is behind the point"
        assert await effects(stage, "redo-1") == before
    assert await stage.state("redo-1") == state, "the database never goes back"

    entries = [e for e in await stage.app.store.timeline("redo-1") if e.event is Event.STEP_REDO]
    assert [(entry.step, entry.actor) for entry in entries] == [
        ("generate_invoice", "ops:duty"),
        ("notify_expert", "ops:duty"),
    ]
    assert entries[0].details == {"run": plan["run_id"], "event": str(plan["event_id"])}


async def test_decisions_after_the_point_are_applied_again_and_carried_out_once(stage: World) -> None:
    with stage.unusable_documents():
        await stage.record("redo-2")
        await stage.pay("redo-2", 20)
        stage.act("redo-2-1", Action.PAY)
        await stage.when("redo-2", lambda state: state.parked, "it is parked")
    await stage.app.deciding.refund("redo-2", "ops", None, "test", "press-1")

    async def refunded() -> bool:
        return "email_refund" in await stage.completed("redo-2")

    await until(refunded, "the refund is mailed")
    await stage.regenerate("redo-2", "press-2")
    state = await stage.ended("redo-2")
    before = await effects(stage, "redo-2")
    assert (before["refunds"], before["invoices"] >= 1) == (1, True)

    code, told, err = await starter(stage, "redo", "redo-2", "--step", "email_invoice")
    assert code == 0, err
    await ended(stage, "redo-2", told["new_run_id"])
    assert await effects(stage, "redo-2") == before
    assert (await stage.state("redo-2")).invoice == state.invoice


async def test_a_run_that_was_terminated_goes_on_from_the_step(stage: World) -> None:
    with stage.unusable_documents():
        await stage.record("redo-3", paid=True)
        await stage.when("redo-3", lambda state: state.parked, "it is parked")
        await stage.terminate("redo-3")
    code, told, err = await starter(stage, "redo", "redo-3", "--step", "generate_invoice")
    assert code == 0, err
    await ended(stage, "redo-3", told["new_run_id"])
    state = await stage.state("redo-3")
    assert (state.invoice.status, state.parked) == (InvoiceStatus.AVAILABLE, None)
    assert (await effects(stage, "redo-3"))["invoices"] == 1
    assert await stage.alerts("redo-3") == []


async def test_a_run_that_was_cancelled_goes_on_and_is_not_cancelled_again(stage: World) -> None:
    stage.mail_fault("451", "cancelled@example.com", times=1000)
    await stage.record("redo-5", paid=True, billing_data={**BUYER, "email": "cancelled@example.com"})
    await stage.when("redo-5", lambda state: state.invoice.sha256, "it is invoiced")
    handle = stage.run("redo-5")
    await handle.cancel()

    async def cancelled() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.CANCELED

    await until(cancelled, "the run is cancelled")
    stage.box.mail_switches.clear()
    code, told, err = await starter(stage, "redo", "redo-5", "--step", "email_invoice")
    assert code == 0, err
    await ended(stage, "redo-5", told["new_run_id"])
    assert [row["status"] for row in await stage.rows(tables.deliveries, "redo-5")] == ["sent", "sent"]
    assert (await effects(stage, "redo-5"))["invoices"] == 1


async def test_what_may_not_go_back_is_refused_in_one_line(stage: World) -> None:
    await stage.record("redo-4", paid=True, billing_data={"kind": "company", "name": "X", "tax_id": "1"})
    await stage.when("redo-4", lambda state: state.parked, "it is parked")
    code, told, err = await starter(stage, "redo", "redo-4", "absent", "--step", "generate_invoice", "--yes")
    assert (code, err.count("\n")) == (1, 2)
    assert [item["code"] for item in told["items"]] == ["step_never_ran", "not_found"]
    code, told, err = await starter(stage, "redo", "redo-4", "--step", "charge")
    assert (code, told["code"]) == (1, "action_not_allowed")
    assert "never redone" in err
    code, told, err = await starter(
        stage, "redo", "redo-4", "--step", "generate_invoice", TEMPORAL_ADDRESS="127.0.0.1:1"
    )
    assert (code, told["code"], err.count("\n")) == (3, "temporal_unreachable", 1)
    assert Event.STEP_REDO not in await stage.events("redo-4")


async def test_many_go_back_after_a_look_and_a_word_and_the_report_is_taken_up(stage: World, tmp_path: Path) -> None:
    cases, report = ["many-1", "many-2"], tmp_path / "redone.jsonl"
    await stage.save_expert("exp-many")
    for case_id in cases:
        await stage.record(case_id, paid=True, expert_id="exp-many")
    await stage.record("many-3", expert_id="exp-many")
    await stage.pay("many-3", 20)
    for case_id in cases:
        await stage.ended(case_id)
    before = [await effects(stage, case_id) for case_id in cases]
    runs = [await stage.run_id(case_id) for case_id in cases]
    line = ("redo", "--query", "expert=exp-many invoice=available", "--step", "email_invoice")

    code, told, err = await starter(stage, *line)
    assert (code, told["code"]) == (1, "not_confirmed"), err
    code, told, err = await starter(stage, *line, "--dry-run", "--output", str(report))
    assert (code, sorted(item["case_id"] for item in told["items"])) == (0, cases), err
    assert all(item["accepted"] and item["new_run_id"] is None for item in told["items"])
    assert not report.exists()
    assert [await stage.run_id(case_id) for case_id in cases] == runs, "a dry run changes nothing"

    code, told, err = await starter(stage, "redo", "many-3", *line[1:], "--yes", "--output", str(report))
    assert (code, err.count("\n")) == (1, 1)
    for item in told["items"]:
        assert item["accepted"] == (item["case_id"] in cases)
        if item["accepted"]:
            await ended(stage, item["case_id"], item["new_run_id"])
    written = [json.loads(one) for one in report.read_text().splitlines()]
    assert written == told["items"]
    assert [await effects(stage, case_id) for case_id in cases] == before

    code, told, err = await starter(stage, *line, "--yes", "--output", str(report))
    assert (code, told["items"]) == (0, []), "what the report shows as accepted is passed over"
    assert (await starter(stage, "redo", "--step", "email_invoice"))[1]["code"] == "nothing_chosen"


async def test_what_export_and_the_cli_write_is_replayed_and_masked(stage: World, tmp_path: Path) -> None:
    await stage.record("exp-9", paid=True)
    await stage.ended("exp-9")
    await stage.app.deciding.resend("exp-9", "ops", None, "press-1")
    action = case_action_id("exp-9", 1)

    async def acted() -> bool:
        return await stage.mailed("exp-9", 3)

    await until(acted, "the invoice is mailed again")
    code, told, err = await starter(stage, "export", "exp-9", action, "--mask", "--output", str(tmp_path / "out"))
    assert code == 0, err
    files = [Path(item["file"]) for item in told["items"]]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert "exp-9" not in "".join(file.name + file.read_text() for file in files)

    cli = provide.provide("cli", os.environ, provide.to_stderr)
    where = ("--address", stage.env["TEMPORAL_ADDRESS"], "--namespace", stage.env["TEMPORAL_NAMESPACE"])
    show = ("workflow", "show", "--workflow-id", paid_case_id("exp-9"), "--output", "json", *where)
    shown = await asyncio.create_subprocess_exec(cli, *show, stdout=subprocess.PIPE)
    (tmp_path / "out" / "cli.json").write_bytes((await shown.communicate())[0])
    host, _, port = stage.env["TEMPORAL_ADDRESS"].rpartition(":")
    api = f"http://{host}:{int(port) + UI_ABOVE}/api/v1/namespaces/{stage.env['TEMPORAL_NAMESPACE']}"
    async with aiohttp.ClientSession() as ui, ui.get(f"{api}/workflows/{paid_case_id('exp-9')}/history") as got:
        events = (await got.json())["history"]["events"]  # the UI's download `Encoded` is made of this answer
    (tmp_path / "out" / "ui.json").write_text(json.dumps({"events": events}), encoding="utf-8")
    code, told, err = await starter(stage, "replay", str(tmp_path / "out"), TEMPORAL_ADDRESS="127.0.0.1:1")
    assert (code, len(told["items"])) == (0, 4), err
    code, told, err = await starter(stage, "replay", "--case", "exp-9", "absent")
    assert (code, [item["code"] for item in told["items"]]) == (1, [None, "run_unknown"])
    code, told, err = await starter(stage, "replay", "--last", "5")
    assert (code, "redo-4" in [item["name"] for item in told["items"]]) == (0, True), err
    await replayer().replay_workflow(await stage.temporal.get_workflow_handle(action).fetch_history())
