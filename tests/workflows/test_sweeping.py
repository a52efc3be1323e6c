"""The sweep by command and by schedule: what it finds is told once, and what ended by a cause is not begun all over."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from activities.sweeping import SILENT_KEPT
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from tools.temporal import cache
from workflows import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"PAYMENT_POLL_INTERVAL": "300ms"}
    async with world(temporal, tmp_path_factory.mktemp("sweeping"), settings=settings) as opened:
        yield opened


async def sweep(stage: World, *arguments: str, **env: str) -> tuple[int, dict[str, Any]]:
    """The command's exit code and answer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter", "sweep", *arguments, "--json",
        cwd=cache.ROOT, env={**os.environ, **stage.env, **env}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, json.loads(out)


async def test_the_command_tells_of_lost_runs_once_and_forgets_silent_processes(stage: World) -> None:
    now = stage.app.clock()
    await stage.app.store.seen("gone:1", "worker", now, now - SILENT_KEPT - timedelta(minutes=1))
    await stage.app.store.seen("silent:1", "worker", now, now - SILENT_KEPT + timedelta(minutes=9))
    await stage.record("sweep-1")
    await stage.pay("sweep-1", within=30)
    await stage.terminate("sweep-1")
    code, spared = await sweep(stage)
    assert (code, spared["cases"] >= 1, spared["lost"]) == (0, True, []), "what is young may be between two runs"
    code, told = await sweep(stage, "--all")
    assert (code, told["lost"], told["refunds"], told["stuck"]) == (1, ["sweep-1"], [], [])
    assert [alert.code for alert in await stage.alerts("sweep-1")] == ["run_lost"]
    assert (await sweep(stage, "--all"))[0] == 0
    names = [process.name for process in await stage.app.store.workers()]
    assert ("gone:1" in names, "silent:1" in names, len(names) >= 3) == (False, True, True)


async def test_without_temporal_nothing_is_called_lost(stage: World) -> None:
    code, told = await sweep(stage, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert (code, told["code"]) == (3, "temporal_unreachable")


async def test_a_refund_whose_act_ended_with_an_alert_is_handed_over_once_for_each_cause(stage: World) -> None:
    await stage.record("back-1")
    await stage.pay("back-1", within=30)
    stage.act("back-1-1", Action.PAY)
    await stage.ended("back-1")
    stage.gateway_fault("refund", "refuse", "back-1", times=2, reason="BALANCE_DISABLED")
    await stage.app.deciding.refund("back-1", "ops", None, "not needed", "once")

    async def failed(times: int) -> bool:
        return (await stage.events("back-1")).count(Event.STEP_FAILED) == times

    await until(lambda: failed(1), "the gateway refuses us")
    (alert,) = await stage.alerts("back-1")
    assert (alert.code, alert.details["kind"]) == ("gateway_settings", DecisionKind.REFUND.value)
    assert (await stage.sweep()).refunds == 1
    await until(lambda: failed(2), "it is tried once more, and refused again")
    for _ in range(2):
        assert (await stage.sweep()).refunds == 0
    assert [one.id for one in await stage.alerts("back-1")] == [alert.id]
    await stage.app.store.acknowledge(alert.id, "ops:duty", stage.app.clock())
    assert (await stage.sweep()).refunds == 1

    async def given_back() -> bool:
        return Event.REFUND_DONE in await stage.events("back-1")

    await until(given_back, "somebody has looked after it, and the money goes back")
    await until(lambda: no_alert(stage, "back-1"), "the alert is closed")
    assert (await stage.sweep()).refunds == 0
    (order,) = [one for one in stage.box.autopay.refunds if one.transaction in stage.ledger("back-1")]
    assert order.over
    again = [row["key"] for row in await stage.rows(tables.outbox, "back-1") if ":again" in row["key"]]
    assert sorted(again) == [f"decision:back-1:1:again:alert-{alert.id}{end}" for end in ("", "-acknowledged")]


async def no_alert(stage: World, case_id: str) -> bool:
    return not await stage.alerts(case_id)


async def test_a_refund_whose_act_was_terminated_goes_on_by_itself(stage: World) -> None:
    await stage.record("back-2")
    await stage.pay("back-2", within=30)
    stage.act("back-2-1", Action.PAY)
    await stage.ended("back-2")
    stage.gateway_fault("refund", "http_500", "back-2", times=1000)
    await stage.app.deciding.refund("back-2", "ops", None, "not needed", "once")
    act = stage.temporal.get_workflow_handle(identity.case_action_id("back-2", 1))

    async def asked() -> bool:
        return bool(await stage.rows(tables.refunds, "back-2"))

    await until(asked, "the refund is under way")
    ended = (await act.describe()).run_id
    await act.terminate("the test ends it")
    stage.box.autopay.switches.clear()
    assert (await stage.sweep()).refunds == 1

    async def given_back() -> bool:
        return Event.REFUND_DONE in await stage.events("back-2")

    await until(given_back, "it goes on")
    keys = [row["key"] for row in await stage.rows(tables.outbox, "back-2")]
    assert f"decision:back-2:1:again:{ended}" in keys
