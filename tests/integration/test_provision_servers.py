"""Both Temporal servers start with our settings, namespace and search attributes, and end when told to."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from tests.fixtures_postgres import postgres_server
from tests.fixtures_temporal import running_dev_server, running_real_server
from tools.temporal import cache, dev_server, dynamic_config, provide, real_server


async def registered(client: Client) -> dict[str, str]:
    """Our search attributes, as the server knows them."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    kinds = {
        name: IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").title()
        for name, kind in listed.custom_attributes.items()
    }
    return {name: kind for name, kind in kinds.items() if name in dev_server.SEARCH_ATTRIBUTES}


async def test_the_dev_server_starts_with_namespace_search_attributes_and_web_ui(tmp_path: Path) -> None:
    state = tmp_path / "new-folder" / "temporal.db"
    log = tmp_path / "log"
    with running_dev_server(log, TEMPORAL_NAMESPACE="cases", TEMPORAL_DB=str(state)) as address:
        client = await Client.connect(address, namespace="cases")
        assert await client.service_client.check_health()
        assert await registered(client) == dev_server.SEARCH_ATTRIBUTES
        host, port = address.split(":")
        async with httpx.AsyncClient() as web:
            assert (await web.get(f"http://{host}:{int(port) + 1000}/")).status_code == 200
        assert state.with_name("temporal.db-wal").exists()
    with socket.socket() as probe:  # the pid that was told to end was the server itself
        assert probe.connect_ex((host, int(port))) != 0
    assert state.exists()


def test_a_taken_port_is_told_and_ends_the_command(tmp_path: Path) -> None:
    with running_dev_server(tmp_path / "log") as address:
        done = subprocess.run(
            [sys.executable, "-m", "tools.temporal.dev_server"],
            cwd=cache.ROOT, env={**os.environ, "TEMPORAL_ADDRESS": address},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode != 0
        assert "address already in use" in done.stdout + done.stderr


@pytest.mark.timeout(900)  # the first time the server is built
async def test_the_production_server_on_postgresql_is_prepared_as_often_as_one_likes(tmp_path: Path) -> None:
    with postgres_server() as postgres:
        with running_real_server(tmp_path / "log", postgres, TEMPORAL_NAMESPACE="cases") as address:
            client = await Client.connect(address, namespace="cases")
            assert await client.service_client.check_health()
            assert await registered(client) == dev_server.SEARCH_ATTRIBUTES
            again = {**os.environ, "TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": "cases"}
            assert real_server.main(["namespace"], again) == 0
            assert await registered(client) == dev_server.SEARCH_ATTRIBUTES
        role = {"POSTGRES_USER": postgres.user, "POSTGRES_PWD": postgres.password, "DB_PORT": str(postgres.port)}
        tool = provide.provide("sql-tool", os.environ, provide.to_stderr)
        real_server.prepare(tool, real_server.environment({**os.environ, **role}))


@pytest.mark.timeout(900)  # the first time the server is built
def test_the_production_server_knows_every_setting_of_our_file() -> None:
    server = provide.provide("server", os.environ, provide.to_stderr)
    checked = subprocess.run([server, "validate-dynamic-config", dynamic_config.FILE], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "warning" not in (checked.stdout + checked.stderr).lower()


def test_a_database_that_cannot_be_reached_is_one_line_without_the_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    env = {**os.environ, "POSTGRES_USER": "nobody", "POSTGRES_PWD": "the-password", "DB_PORT": "1"}
    assert real_server.main([], env) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("temporal: PostgreSQL at 127.0.0.1:1 does not do its part")
    assert "no usable database connection found" in said.splitlines()[-1]
    assert "the-password" not in said
