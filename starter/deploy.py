"""`deploy`: make the version in this folder the current one, once a worker of it is there; or go back to another.

Open runs move to it with their next task, because every workflow is `AUTO_UPGRADE`.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import timedelta

from temporalio.client import Client

from invoicing.build import build_id
from invoicing.errors import NotFound
from invoicing.ops.deploying import deployment, make_current
from invoicing.serving import run as run_loop
from invoicing.settings import Settings
from starter.call import Call
from starter.handing_over import reach_temporal
from starter.outcomes import ExitCode
from starter.token import duration

LOOK_EVERY = timedelta(milliseconds=200)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--build-id", metavar="ID", help="another version than that of this folder, to go back to it")
    parser.add_argument(
        "--within", type=duration, default=timedelta(minutes=1), metavar="TIME", help="how long to wait for its worker"
    )
    parser.epilog = "Without WORKER_DEPLOYMENT workers have no version, and there is nothing to do."


def run(call: Call) -> int:
    """1 when no worker of the version came, 3 when Temporal is away."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    settings = call.settings()
    name = settings.worker_deployment
    if name is None:
        call.out.line("versions are off (WORKER_DEPLOYMENT is not set): every worker takes every run")
        call.out.result({"deployment": None, "current": None, "before": None})
        return ExitCode.OK
    wanted = call.arguments.build_id or version(settings)
    client = await reach_temporal(call.env)
    before = (await deployment(client, name)).current
    await _made_current(client, name, wanted, call.arguments.within)
    call.out.line(f"{name}: {wanted} is current" + (f", before it {before}" if before not in {None, wanted} else ""))
    call.out.result({"deployment": name, "current": wanted, "before": before})
    return ExitCode.OK


def version(settings: Settings) -> str:
    """The version of workers that run from this folder with these settings."""
    return settings.worker_build_id or build_id()


async def _made_current(client: Client, name: str, wanted: str, within: timedelta) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + within.total_seconds()
    while True:
        try:
            return await make_current(client, name, wanted)
        except NotFound:
            if clock() > deadline:
                raise
        await asyncio.sleep(LOOK_EVERY.total_seconds())
