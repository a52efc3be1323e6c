"""The runbook's commands and saved views, run against a database, the API, a worker and a Temporal server."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.architecture.documents import text
from tests.stage import World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer
from tools.temporal import cache

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNBOOK = text("docs/runbook.md")
CASE = "2026-000123"
BROAD = {
    'WorkflowType = "PaidCase" AND Parked = true',
    'Parked = true AND FailureCause = "billing_data"',
    f'CaseId = "{CASE}"',
    'ExpertId = "exp-1" AND Parked = true',
}
"""Views in which the stage's parked case must be found."""


def marked(mark: str) -> list[str]:
    """Lines of the fenced blocks under a mark, each once."""
    blocks = re.findall(rf"^<!-- {mark} -->\n```\w+\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert blocks
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines()))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("runbook")) as opened:
        await opened.record(CASE, paid=True, billing_data={**BUYER, "tax_id": "1111111112"})
        await opened.when(CASE, lambda state: state.parked, "the case is parked")
        yield opened


def ran(stage: World, line: str) -> tuple[str, int, str]:
    python, temporal = Path(sys.executable).parent, stage.server.binary.parent
    env = {**stage.env, "PATH": f"{python}:{temporal}:{os.environ['PATH']}", "HOME": str(stage.folder)}
    done = subprocess.run(["/bin/sh", "-c", line], cwd=cache.ROOT, env=env, capture_output=True, text=True, timeout=120)
    return line, done.returncode, done.stdout + done.stderr


async def test_every_command_runs_and_speaks_of_the_case(stage: World) -> None:
    done = [await asyncio.to_thread(ran, stage, line) for line in marked("executed")]
    assert [(line, told) for line, code, told in done if code != 0] == []
    spoken = {line for line, _, told in done if CASE in told}
    assert {line for line in marked("executed") if CASE in line} <= spoken
    assert "python -m starter failures" in spoken


async def test_every_saved_view_is_a_query_and_finds_what_it_names(stage: World) -> None:
    views = marked("queries")
    assert set(views) >= BROAD

    async def found() -> bool:
        return all([(await stage.temporal.count_workflows(view)).count == 1 for view in sorted(BROAD)])

    await until(found, "the parked case is in its views")
    for view in views:
        await stage.temporal.count_workflows(view)
