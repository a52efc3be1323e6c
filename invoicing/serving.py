"""Long-running processes: the worker's life, and what worker and API share (relay, signs of life, signals)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from activities.metrics import BUCKETS
from invoicing.bootstrap import Application, application, connect_temporal, process_name
from invoicing.errors import ConnectivityFault, PaidcaseError, SettingsFault
from invoicing.settings import Settings

SIGN_OF_LIFE_EVERY = timedelta(seconds=10)
CONNECT_AGAIN_AFTER = timedelta(seconds=2)

log = structlog.get_logger("process")


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a coroutine on uvloop where it exists."""
    if sys.platform == "win32":
        return asyncio.run(main())
    import uvloop

    return uvloop.run(main())


def run_worker(settings: Settings, env: Mapping[str, str]) -> int:
    """A worker process until SIGINT or SIGTERM; 0 when it stopped because it was told to."""

    async def main() -> int:
        stop = stop_on_signals()
        runtime = None if settings.metrics_address is None else measured(settings.metrics_address)
        async with application(settings) as app:
            try:
                if not await database_ready(app, stop):
                    return 0
            except SettingsFault as fault:
                log.error("database_not_prepared", code=fault.code, do="python -m starter setup")
                return 2
            temporal = await connected(env, stop, runtime)
            if temporal is None:
                return 0
            async with background(app, temporal, "worker"), app.worker(temporal) as worker:
                log.info("worker_started", queue=worker.task_queue)
                await stop.wait()
                log.info("worker_stopping")
        log.info("worker_stopped")
        return 0

    return run(main)


def measured(address: str) -> Runtime:
    """A core that serves the SDK's metrics and those of the activities at an address, for Prometheus.

    Raises `SettingsFault` when nothing can listen there.
    """
    prometheus = PrometheusConfig(
        bind_address=address,
        durations_as_seconds=True,
        counters_total_suffix=True,
        unit_suffix=True,
        histogram_bucket_overrides=BUCKETS,
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=prometheus, attach_service_name=False))
    except ValueError as error:
        raise SettingsFault("settings", f"METRICS_ADDRESS {address} cannot be listened on: set another") from error


def stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def database_ready(app: Application, stop: asyncio.Event) -> bool:
    """Wait for a database of today's schema; False when told to stop meanwhile.

    Raises `SettingsFault` for another schema: nothing but a person or a migration can cure it.
    """
    while not stop.is_set():
        try:
            await app.store.ping()
            return True
        except ConnectivityFault as error:
            log.warning("database_unreachable", code=error.code, again_in=CONNECT_AGAIN_AFTER.total_seconds())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CONNECT_AGAIN_AFTER.total_seconds())
    return False


async def connected(env: Mapping[str, str], stop: asyncio.Event, runtime: Runtime | None = None) -> Client | None:
    """A connected client; waits while Temporal is away, None when told to stop meanwhile."""
    while not stop.is_set():
        try:
            return await connect_temporal(env, lazy=False, runtime=runtime)
        except RuntimeError:
            log.warning("temporal_unreachable", again_in=CONNECT_AGAIN_AFTER.total_seconds())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CONNECT_AGAIN_AFTER.total_seconds())
    return None


@asynccontextmanager
async def background(app: Application, temporal: Client, role: str) -> AsyncIterator[None]:
    """The relay and the signs of life of a process, for as long as the block lasts."""
    tasks = [asyncio.create_task(app.relay(temporal).run()), asyncio.create_task(_signs_of_life(app, role))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _signs_of_life(app: Application, role: str) -> None:
    name, started_at = process_name(), app.clock()
    while True:
        try:
            await app.store.seen(name, role, started_at, app.clock())
        except PaidcaseError as error:
            log.warning("sign_of_life_not_written", code=error.code)
        await asyncio.sleep(SIGN_OF_LIFE_EVERY.total_seconds())
