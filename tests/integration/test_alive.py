"""The worker's health check on a real PostgreSQL, with the password where the containers have it."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from invoicing.storage.schema import upgrade
from invoicing.storage.store import SqlCaseStore
from tests.fixtures_postgres import PostgresAddress, postgres_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresAddress]:
    with postgres_server() as address:
        yield address


@pytest.fixture
async def url(server: PostgresAddress, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """An address without a password: the driver takes it from PGPASSWORD, as in docker-compose.yml."""
    monkeypatch.setenv("PGPASSWORD", server.password)
    address = f"postgresql+asyncpg://{server.user}@{server.host}:{server.port}/postgres"
    await upgrade(address)
    yield address


async def sign(url: str, name: str, role: str, ago: timedelta) -> None:
    store = SqlCaseStore(url)
    at = datetime.now(UTC) - ago
    await store.seen(name, role, at, at)
    await store.close()


def check(url: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "DATABASE_URL": url, **changed}
    return subprocess.run(
        [sys.executable, "deploy/alive.py"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )


async def test_a_worker_is_alive_while_its_signs_are_fresh(url: str) -> None:
    host = socket.gethostname()
    assert check(url).returncode == 1
    await sign(url, f"{host}-2:7", "worker", timedelta(0))
    await sign(url, f"{host}:8", "api", timedelta(0))
    assert check(url).returncode == 1, "neither another host nor another role counts"
    await sign(url, f"{host}:9", "worker", timedelta(minutes=2))
    stale = check(url)
    assert (stale.returncode, stale.stderr) == (1, "no sign of life for 35 s\n")
    await sign(url, f"{host}:9", "worker", timedelta(seconds=1))
    assert check(url).returncode == 0


async def test_what_cannot_be_known_is_not_alive_and_tells_no_secret(url: str) -> None:
    wrong = check(url, PGPASSWORD="another-secret")
    assert wrong.returncode == 1
    assert wrong.stderr == "not known whether alive: InvalidPasswordError\n"
    assert check(url.replace("/postgres", "/nowhere")).returncode == 1
