"""The commands and variables of docker-compose.yml, run without Docker: jobs, server, migrations, worker and API."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import yaml

from tests.architecture.layout import Layout
from tests.architecture.tree import ROOT
from tests.fixtures_postgres import PostgresAddress, postgres_server
from tools.temporal import cache, dev_server, dynamic_config, provide, real_server

GIVEN = {"AUTH_SECRET": secrets.token_hex(16), "LOG_LEVEL": "warning", "TEMPORAL_NAMESPACE": "cases"}


def layout() -> Layout:
    return Layout(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")), "", "", "")


def ran(command: Sequence[str], env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    full = {"PATH": f"{cache.folder(os.environ)}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/"), **env}
    return subprocess.run(command, cwd=ROOT, env=full, capture_output=True, text=True, timeout=300)


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A server of the layout; told to end by SIGTERM, as Docker does it."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env={"PATH": os.environ["PATH"], **env}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_healthy(check: Sequence[str], env: Mapping[str, str], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Ask the container's own health check until it is content, or its process has ended."""
    for _ in range(240):
        if ran(check, env).returncode == 0:
            return
        try:
            process.wait(timeout=0.25)
            break
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(f"never healthy: {log.read_text(errors='replace')[-2000:]}")


def python(command: Sequence[str]) -> list[str]:
    return [sys.executable if word == "python" else word for word in command]


async def our_database(postgres: PostgresAddress) -> None:
    """What the image of PostgreSQL does at its first start."""
    connection = await asyncpg.connect(postgres.url("postgres", "postgresql"))
    await connection.execute("CREATE DATABASE paidcase")
    await connection.close()


@pytest.mark.timeout(900)  # the first time Temporal's programs are built
async def test_the_layout_comes_up_in_its_order_and_every_process_ends_when_told(tmp_path: Path) -> None:
    for program in ("cli", "server", "sql-tool"):
        provide.provide(program, os.environ, provide.to_stderr)
    compose, log = layout(), tmp_path / "log"
    with postgres_server() as postgres:
        await our_database(postgres)
        given = {**GIVEN, "POSTGRES_USER": postgres.user, "POSTGRES_PASSWORD": postgres.password}
        where = f"{postgres.host}:{postgres.port}"
        schema = {**compose.resolved("temporal-schema", given), "SQL_HOST": postgres.host}
        schema["SQL_PORT"] = str(postgres.port)
        for _ in range(2):
            assert ran(["/bin/sh", "deploy/temporal/schema.sh"], schema).returncode == 0

        ports = real_server.free_ports()
        temporal = f"127.0.0.1:{ports['FRONTEND_GRPC_PORT']}"
        server = {
            **compose.resolved("temporal", given),
            **ports,
            "POSTGRES_SEEDS": postgres.host,
            "DB_PORT": str(postgres.port),
            "BIND_ON_IP": "127.0.0.1",
            "TEMPORAL_BROADCAST_ADDRESS": "127.0.0.1",
            "DYNAMIC_CONFIG_FILE_PATH": str(dynamic_config.FILE),
        }
        binary = cache.folder(os.environ) / "temporal-server"
        with running(real_server.server_command(binary), server, log):
            namespace = {**compose.resolved("temporal-namespace", given), "TEMPORAL_ADDRESS": temporal}
            for _ in range(2):
                made = ran(["/bin/sh", "deploy/temporal/namespace.sh"], namespace)
                assert made.returncode == 0, made.stderr

            here = {"TEMPORAL_ADDRESS": temporal, "DOCUMENTS_URL": str(tmp_path / "documents")}

            def environment(service: str, **changed: str) -> dict[str, str]:
                env = {**compose.resolved(service, given), **here, **changed}
                return {**env, "DATABASE_URL": env["DATABASE_URL"].replace("postgres:5432", where)}

            for _ in range(2):
                migrated = ran(python(compose.services["migrations"]["command"]), environment("migrations"))
                assert migrated.returncode == 0, migrated.stderr

            env, worker_log = environment("worker"), tmp_path / "worker"
            check = python(compose.services["worker"]["healthcheck"]["test"][1:])
            with running(python(compose.services["worker"]["command"]), env, worker_log) as worker:
                until_healthy(check, env, worker, worker_log)
            assert worker.returncode == 0, worker_log.read_text()

            port, api_log = str(dev_server.free_port()), tmp_path / "api"
            env = environment("api", HTTP_HOST="127.0.0.1", HTTP_PORT=port)
            check = [word.replace(":8080/", f":{port}/") for word in compose.services["api"]["healthcheck"]["test"][1:]]
            with running(python(compose.services["api"]["command"]), env, api_log) as api:
                until_healthy(python(check), env, api, api_log)
            assert api.returncode == 0, api_log.read_text()
