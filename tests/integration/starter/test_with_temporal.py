"""Commands with a real Temporal server: setting it up, handing cases over, and leaving truthfully."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from tests.fixtures_temporal import running_dev_server
from tests.unit.starter.commands import EXAMPLES, answer, environment, json_lines, paid_case, starter
from tools.temporal import provide
from workflows.identity import SEARCH_ATTRIBUTES, paid_case_id

RUNS = 50
AT_ONCE = 2

CONNECTED_AND_GONE = """
import asyncio
from temporalio.client import Client
from invoicing.leaving import leave
asyncio.run(Client.connect({address!r}))
leave(0)
"""


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dev server."""
    with running_dev_server(tmp_path_factory.mktemp("temporal") / "log") as address:
        yield address


async def has_run(address: str, case_id: str) -> bool:
    client = await Client.connect(address)
    try:
        await client.get_workflow_handle(paid_case_id(case_id)).describe()
    except RPCError:
        return False
    return True


def test_setup_makes_schema_and_search_attributes_and_may_be_repeated(tmp_path: Path, temporal: str) -> None:
    cli = provide.provide("cli", os.environ, provide.to_stderr)
    create = [str(cli), "operator", "namespace", "create", "--address", temporal, "--namespace", "invoices"]
    subprocess.run(create, check=True, capture_output=True, timeout=60)
    settings = {"TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": "invoices"}
    starter(tmp_path, "setup", TEMPORAL_NAMESPACE="invoices")  # without Temporal the database is made all the same
    before = answer(starter(tmp_path, "doctor", "--json", **settings))
    first = starter(tmp_path, "setup", "--json", **settings)
    second = starter(tmp_path, "setup", "--json", **settings)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    wanted = [key.name for key in SEARCH_ATTRIBUTES]
    added = [
        (told["temporal"]["search_attributes_added"], told["temporal"]["schedules_added"])
        for told in (answer(first), answer(second))
    ]
    assert added == [(wanted, ["reconcile-daily", "sweep-runs"]), ([], [])]
    after = starter(tmp_path, "doctor", "--json", **settings)
    assert after.returncode == 0, after.stdout
    assert [
        next(check["health"] for check in told["checks"] if check["name"] == "temporal")
        for told in (before, answer(after))
    ] == ["failed", "ok"]


def test_a_namespace_that_does_not_exist_is_a_wrong_setting_and_the_line_says_how_to_make_it(
    folder: Path, temporal: str
) -> None:
    done = starter(folder, "setup", TEMPORAL_ADDRESS=temporal, TEMPORAL_NAMESPACE="absent")
    assert done.returncode == 2
    assert "temporal operator namespace create --namespace absent" in done.stderr


async def test_a_case_that_arrives_paid_is_started_and_recording_it_again_is_harmless(
    folder: Path, temporal: str
) -> None:
    file = EXAMPLES / "case-external.json"
    for recorded in ("new", "same"):
        done = starter(folder, "start", file, "--json", TEMPORAL_ADDRESS=temporal)
        told = answer(done)
        assert (done.returncode, told["recorded"], told["started"]) == (0, recorded, True)
    assert await has_run(temporal, "2026-000124")


async def test_a_batch_starts_what_it_stored_also_what_an_earlier_run_without_temporal_left(
    folder: Path, temporal: str
) -> None:
    (folder / "cases.jsonl").write_text(json_lines(*(paid_case(f"b-{number}") for number in range(40))))
    alone = starter(folder, "batch", "cases.jsonl", "--json")
    assert (alone.returncode, answer(alone)["started"], answer(alone)["waiting"]) == (3, 0, 40)
    assert not await has_run(temporal, "b-0")
    done = starter(folder, "batch", "cases.jsonl", "--json", TEMPORAL_ADDRESS=temporal)
    told = answer(done)
    assert done.returncode == 0, done.stderr
    assert (told["new"], told["same"], told["started"], told["waiting"]) == (0, 40, 40, 0)
    for number in range(40):
        assert await has_run(temporal, f"b-{number}")


def test_a_wait_that_is_over_says_so_while_no_worker_runs(folder: Path, temporal: str) -> None:
    (folder / "case.json").write_text(json.dumps(paid_case("w-1")))
    done = starter(folder, "start", "case.json", "--wait", "0.3", "--json", TEMPORAL_ADDRESS=temporal)
    assert (done.returncode, answer(done)["code"], answer(done)["started"]) == (1, "not_at_rest", True)


def test_fifty_processes_that_had_the_temporal_core_leave_with_the_code_they_mean(folder: Path, temporal: str) -> None:
    program = CONNECTED_AND_GONE.format(address=temporal)

    def one(_number: int) -> int:
        line = [sys.executable, "-c", program]
        return subprocess.run(line, cwd=folder, env=environment(folder), capture_output=True, timeout=60).returncode

    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = list(pool.map(one, range(RUNS)))
    assert codes == [0] * RUNS


def test_a_command_that_had_the_temporal_core_leaves_through_the_same_door(folder: Path, temporal: str) -> None:
    watched = "import runpy, sys, os; os._exit = lambda code: (print('left', int(code), file=sys.stderr), sys.exit(0))"
    program = f"{watched}; sys.argv = ['starter', 'setup', '--json']; runpy.run_module('starter', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder, env=environment(folder, TEMPORAL_ADDRESS=temporal), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "left 0" in done.stderr.splitlines(), done.stderr
