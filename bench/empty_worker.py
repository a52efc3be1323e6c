"""A worker of five empty activities: `python -m bench.empty_worker stock|our`.

Stock is what the SDK's own samples do: default client, sandbox, asyncio, default pollers and limits. Ours is the
product's own client and worker, uvloop included, made by `invoicing.bootstrap` for other workflows and activities.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from unittest.mock import patch

from temporalio.client import Client
from temporalio.worker import Worker

from bench.empty import QUEUE, STEPS, EmptyCase
from invoicing import bootstrap
from invoicing.leaving import leave
from invoicing.serving import run, stop_on_signals
from invoicing.settings import load

READY = "empty_worker_started"


async def stock(address: str) -> int:
    """As the SDK comes."""
    stop = stop_on_signals()
    client = await Client.connect(address)
    async with Worker(client, task_queue=QUEUE, workflows=[EmptyCase], activities=STEPS):
        print(READY, flush=True)
        await stop.wait()
    return 0


async def ours() -> int:
    """As the product comes."""
    stop = stop_on_signals()
    client = await bootstrap.connect_temporal(dict(os.environ), lazy=False)
    async with bootstrap.application(load(os.environ)) as app:
        empty = dataclasses.replace(app, activities=STEPS)
        with patch.object(bootstrap, "WORKFLOWS", (EmptyCase,)), patch.object(bootstrap, "TASK_QUEUE", QUEUE):
            worker = empty.worker(client)
        async with worker:
            print(READY, flush=True)
            await stop.wait()
    return 0


def main(arguments: list[str]) -> int:
    """Run until told to stop."""
    match arguments:
        case ["stock"]:
            return asyncio.run(stock(os.environ["TEMPORAL_ADDRESS"]))
        case ["our"]:
            return run(ours)
        case _:
            print("usage: python -m bench.empty_worker stock|our", file=sys.stderr)
            return 2


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
