"""Encrypted histories: read through the codec server, waiting while a key is missing, readable after rotation."""

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType

from invoicing.bootstrap import utc_now
from invoicing.tokens import Tokens
from tests.architecture.watching import told
from tests.stage import SECRET, World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer, end
from tests.workflows.test_metrics import ELSEWHERE, scraped
from tools.temporal import dev_server
from workflows import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLD, NEW = (f"{name}:{base64.b64encode(name.encode() * 16).decode()}" for name in ("k1", "k2"))
FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    keys = {"PAYLOAD_KEYS": OLD}
    async with world(temporal, tmp_path_factory.mktemp("keys"), workers=0, settings=keys) as opened:
        yield opened


async def keys_of(stage: World, case_id: str) -> set[str]:
    """Names of the keys that a history was written with."""
    events = (await stage.history(case_id)).events
    payloads = [
        payload
        for event in events
        for _, attributes in event.ListFields()
        for field in ("input", "result")
        if hasattr(attributes, "DESCRIPTOR") and field in attributes.DESCRIPTOR.fields_by_name
        for payload in getattr(attributes, field).payloads
    ]
    assert payloads
    clear = [payload for payload in payloads if payload.metadata["encoding"] != b"binary/encrypted"]
    assert clear == []
    return {payload.metadata["encryption-key-id"].decode() for payload in payloads}


def shown(stage: World, case_id: str, *options: str) -> str:
    """What Temporal's command line shows of the history."""
    line = [
        str(stage.server.binary), "workflow", "show", "--address", stage.server.address,
        "--namespace", stage.temporal.namespace, "--workflow-id", identity.paid_case_id(case_id), "--output", "json",
    ]  # fmt: skip
    done = subprocess.run([*line, *options], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


async def test_a_run_whose_key_is_missing_waits_and_goes_on_when_it_is_back(stage: World) -> None:
    address = f"127.0.0.1:{dev_server.free_port()}"
    without = stage.start_worker(PAYLOAD_KEYS="", METRICS_ADDRESS=address)
    await stage.is_ready(without)
    await stage.record("key-1", paid=True)

    async def tried() -> bool:
        return await stage.has_run("key-1") and any(
            event.event_type == FAILED for event in (await stage.history("key-1")).events
        )

    await until(tried, "a worker without the key has tried")

    async def counted() -> bool:
        return "workflow_type" in told(await scraped(address))[ELSEWHERE]

    await until(counted, "the failed task is counted")
    assert (await stage.state("key-1")).version == 0
    await asyncio.to_thread(end, without)
    stage.start_worker()
    state = await stage.ended("key-1")
    assert (state.paid, state.invoice.attempts) == (True, 1)
    assert await keys_of(stage, "key-1") == {"k1"}


async def test_the_command_line_shows_an_encrypted_history_through_the_codec_server(stage: World) -> None:
    await stage.record("key-2", paid=True, billing_data=None)  # parks: the buyer is missing
    await stage.when("key-2", lambda state: state.parked, "the case is parked")
    ops = Tokens((SECRET,)).issue("ops", utc_now(), name="duty")
    codec = ("--codec-endpoint", f"{stage.env['PUBLIC_URL']}/codec", "--codec-auth", f"Bearer {ops}")
    raw = await asyncio.to_thread(shown, stage, "key-2")
    clear = await asyncio.to_thread(shown, stage, "key-2", *codec)

    def started(text: str) -> str:
        event = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
        (payload,) = event["input"]["payloads"] if isinstance(event["input"], dict) else event["input"]
        return json.dumps(payload)

    assert "key-2" not in started(raw)
    assert "case_id" in base64_free(started(clear))


def base64_free(payload: str) -> str:
    """A shown payload as text, whether the command line shows its data in base64 or as JSON."""
    parsed = json.loads(payload)
    data = parsed.get("data") if isinstance(parsed, dict) else None
    return base64.b64decode(data).decode() if isinstance(data, str) else payload


async def test_after_a_rotation_old_histories_are_read_and_new_ones_written_with_the_first_key(stage: World) -> None:
    for process in list(stage.processes):
        await asyncio.to_thread(end, process)  # type: ignore[arg-type]  # likewise
    stage.processes.clear()
    stage.env["PAYLOAD_KEYS"] = f"{NEW},{OLD}"
    for process in (stage.start_worker(), stage.start_api()):
        await stage.is_ready(process)
    await stage.correct("key-2")
    await stage.ended("key-2")
    assert await keys_of(stage, "key-2") == {"k1", "k2"}
    await stage.record("key-3", paid=True)
    await stage.ended("key-3")
    assert await keys_of(stage, "key-3") == {"k2"}
