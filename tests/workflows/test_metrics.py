"""A worker's metrics: the SDK's, and what activities tell beside them, with labels that are closed sets."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from activities.metrics import FAILED_ATTEMPTS, INVOICE_ATTEMPTS, ITN_LAG, MAILS
from invoicing.sandbox.autopay.desk import Action
from tests.architecture.watching import asked, expressions, unanswered
from tests.stage import World, world
from tests.stage_samples import personal_data_in, until
from tests.stage_temporal import TemporalServer
from tools.temporal import dev_server

OF_WORKERS = ("temporal_", FAILED_ATTEMPTS, INVOICE_ATTEMPTS, ITN_LAG, f"{MAILS}_total")
ELSEWHERE = "temporal_workflow_task_execution_failed_total"
"""Told only where workflow tasks fail: `test_payload_keys` looks at it."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def scraped(address: str) -> str:
    def read() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    address = f"127.0.0.1:{dev_server.free_port()}"
    async with world(temporal, tmp_path_factory.mktemp("metrics"), settings={"METRICS_ADDRESS": address}) as opened:
        yield opened


def value(text: str, name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found)


async def test_a_worker_tells_what_became_of_attempts_messages_and_mails(stage: World) -> None:
    stage.payer("paid", Action.PAY)
    stage.mail_fault("451", "faktury@example.com", times=1)
    await stage.record("paid-1")
    await stage.pay("paid-1")
    await stage.ended("paid-1")

    async def told() -> str | None:
        text = await scraped(stage.env["METRICS_ADDRESS"])
        return text if value(text, "paidcase_mails_total", status="sent") == 2 else None

    text = await until(told, "both mails are counted")
    assert value(text, "paidcase_itn_lag_seconds_count") == 1
    assert value(text, "paidcase_itn_lag_seconds_bucket", le="5") == 1
    assert value(text, "paidcase_invoice_attempts_bucket", le="1") == 1
    deferred = {"activity_type": "email_invoice", "cause": "connectivity"}
    assert value(text, "paidcase_failed_attempts_total", **deferred) == 1
    assert value(text, "temporal_workflow_completed_total", workflow_type="PaidCase") == 1
    of_workers = {name: labels for name, labels in asked(expressions()).items() if name.startswith(OF_WORKERS)}
    assert len(of_workers) > 5
    later = of_workers.pop(ELSEWHERE)
    assert later == {"workflow_type"}
    assert unanswered(of_workers, text) == [], "rules or dashboard ask for what no worker tells"
    assert personal_data_in(text.encode()) == []
    assert "paid-1" not in text


async def test_a_worker_whose_address_is_taken_says_so_and_ends(stage: World) -> None:
    process = stage.start_worker("worker.py")
    stage.processes.remove(process)
    assert await asyncio.to_thread(process.wait, 60) == 2
    assert f"METRICS_ADDRESS {stage.env['METRICS_ADDRESS']} cannot be listened on" in stage.logs()
