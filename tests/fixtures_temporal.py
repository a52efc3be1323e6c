"""Real Temporal servers for tests: the tuned dev server and the production server, each on ports of its own.

Guarantee: started exactly as people start them (`tools.temporal.dev_server`, `tools.temporal.real_server`), ready when
the block begins, stopped by pid when it ends.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.fixtures_postgres import PostgresAddress
from tools.temporal import cache, dev_server, provide, real_server


class ServerFailed(Exception):
    """A Temporal server ended, or was never ready; the text is what it printed last."""


@contextmanager
def running_dev_server(log: Path, **settings: str) -> Iterator[str]:
    """The address of a dev server of our own, with the given variables in its environment."""
    address = f"127.0.0.1:{dev_server.free_port()}"
    with _running("tools.temporal.dev_server", {"TEMPORAL_ADDRESS": address, **settings}, address, log):
        yield address


@contextmanager
def running_real_server(log: Path, postgres: PostgresAddress, **settings: str) -> Iterator[str]:
    """The address of a production server on that PostgreSQL, with our namespace and search attributes."""
    ports = real_server.free_ports()
    address = f"127.0.0.1:{ports['FRONTEND_GRPC_PORT']}"
    env = {
        **ports,
        "TEMPORAL_ADDRESS": address,
        "POSTGRES_SEEDS": postgres.host,
        "DB_PORT": str(postgres.port),
        "POSTGRES_USER": postgres.user,
        "POSTGRES_PWD": postgres.password,
        **settings,
    }
    with _running("tools.temporal.real_server", env, address, log):
        real_server.create_namespace(provide.provide("cli", os.environ, provide.to_stderr), {**os.environ, **env})
        yield address


@contextmanager
def _running(module: str, settings: Mapping[str, str], address: str, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=cache.ROOT, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,  # Ctrl-C of the test run must not reach it before its clients
        )  # fmt: skip
    try:
        _wait_until_ready(process, address, log)
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    cli = provide.provide("cli", os.environ, provide.to_stderr)
    for _ in range(3000):  # a first build of the server may take minutes
        ask = [str(cli), "operator", "cluster", "health", "--address", address]
        if subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0:
            return
        try:
            process.wait(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            continue
    raise ServerFailed(log.read_text(errors="replace")[-2000:])
