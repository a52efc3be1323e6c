"""One file of settings, read alike by us and by a real YAML parser, and the command lines made of it."""

import json
from pathlib import Path

import pytest
import yaml
from temporalio.common import SearchAttributeKey

import workflows.identity
from tools.temporal import dev_server, dynamic_config, real_server
from tools.temporal.errors import ProvisionError

POSTGRES = {"POSTGRES_USER": "temporal", "POSTGRES_PWD": "a password"}


def test_the_strict_reader_agrees_with_a_yaml_parser() -> None:
    parsed = yaml.safe_load(dynamic_config.FILE.read_text(encoding="utf-8"))
    assert dynamic_config.read() == {key: values[0]["value"] for key, values in parsed.items()}
    assert all(len(values) == 1 and list(values[0]) == ["value"] for values in parsed.values())


def test_the_measured_settings_are_in_the_file() -> None:
    settings = dynamic_config.read()
    assert settings["history.transferProcessorMaxPollRPS"] == 2000
    assert settings["history.timerProcessorMaxPollRPS"] == 2000
    assert settings["history.visibilityProcessorMaxPollRPS"] == 2000
    assert settings["system.enableActivityEagerExecution"] is True
    assert settings["frontend.namespaceRPS"] > 2400
    assert settings["frontend.rps"] >= settings["frontend.namespaceRPS"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a.b:\n  - value: 1\n  - value: 2\n", "line 3"),
        ("a.b:\n  - value: 1\na.b:\n  - value: 2\n", "line 3"),
        ("a.b:\n  - value: 1\n    constraints: {}\n", "line 3"),
        ("a.b: 1\n", "line 1"),
        ("a.b:\n- value: 1\n", "line 2"),
        ("a.b:\n  - value: 1.5\n", "line 2"),
        ("a.b:\n  - value: 010\n", "line 2"),
        ("a.b:\n  - value: yes\n", "line 2"),
        ("a.b:\n  - value: 1 # many\n", "line 2"),
        ("a.b:\n", "a.b has no value"),
    ],
)
def test_what_the_strict_reader_does_not_know_it_refuses(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(ProvisionError, match=complaint):
        dynamic_config.read(file)


def test_the_dev_server_gets_every_setting_and_every_search_attribute() -> None:
    line = dev_server.command("temporal", {})
    for key, value in dynamic_config.read().items():
        assert f"--dynamic-config-value={key}={json.dumps(value)}" in line
    for name, kind in dev_server.SEARCH_ATTRIBUTES.items():
        assert f"--search-attribute={name}={kind}" in line
    assert line[:3] == ["temporal", "server", "start-dev"]
    assert _after(line, "--ip") == "127.0.0.1"
    assert (_after(line, "--port"), _after(line, "--ui-port")) == ("7233", "8233")
    assert "--namespace" not in line
    assert "--db-filename" not in line


def test_the_dev_server_follows_its_environment() -> None:
    env = {"TEMPORAL_ADDRESS": "localhost:17233", "TEMPORAL_NAMESPACE": "cases", "TEMPORAL_DB": "var/temporal.db"}
    line = dev_server.command("temporal", env)
    assert (_after(line, "--ip"), _after(line, "--port")) == ("127.0.0.1", "17233")
    assert _after(line, "--ui-port") == "18233"
    assert _after(line, "--namespace") == "cases"
    assert _after(line, "--db-filename") == "var/temporal.db"
    assert {"journal_mode=WAL", "synchronous=NORMAL"} <= set(line)


@pytest.mark.parametrize("address", ["0.0.0.0:7233", "192.0.2.1:7233", "temporal.example.com:7233", ":7233", "7233"])
def test_the_dev_server_refuses_to_listen_beyond_the_loopback(address: str) -> None:
    with pytest.raises(ProvisionError, match="stays on the loopback"):
        dev_server.command("temporal", {"TEMPORAL_ADDRESS": address})


@pytest.mark.parametrize("port", ["0", "x", "64536", "99999", ""])
def test_a_port_without_room_for_the_web_ui_is_refused(port: str) -> None:
    with pytest.raises(ProvisionError, match="give a port from 1 to 64535"):
        dev_server.command("temporal", {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}"})


def test_a_refusal_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev_server.main({"TEMPORAL_ADDRESS": "0.0.0.0:7233"}) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_search_attributes_are_those_of_the_workflows() -> None:
    keys = [value for value in vars(workflows.identity).values() if isinstance(value, SearchAttributeKey)]
    kinds = {key.name: key.indexed_value_type.name.replace("_", "").title() for key in keys}
    assert kinds == dev_server.SEARCH_ATTRIBUTES
    assert len(kinds) == 8


def test_the_production_server_reads_the_same_file() -> None:
    env = real_server.environment(POSTGRES)
    assert env["DYNAMIC_CONFIG_FILE_PATH"] == str(dynamic_config.FILE)
    assert (env["DB"], env["BIND_ON_IP"]) == ("postgres12", "127.0.0.1")


def test_the_production_server_names_everything_that_is_missing() -> None:
    with pytest.raises(ProvisionError, match="set POSTGRES_USER and POSTGRES_PWD"):
        real_server.environment({})


def test_ports_that_the_production_server_cannot_store_are_refused() -> None:
    with pytest.raises(ProvisionError, match="HISTORY_GRPC_PORT: a Temporal server takes ports up to 32767"):
        real_server.environment({**POSTGRES, "HISTORY_GRPC_PORT": "40000"})
    assert real_server.environment({**POSTGRES, **real_server.free_ports()})


def test_the_database_password_is_never_on_a_command_line() -> None:
    env = real_server.environment(POSTGRES)
    lines = [*real_server.schema_commands("sql-tool", env), *real_server.namespace_commands("temporal", env)]
    assert not any(POSTGRES["POSTGRES_PWD"] in word for line in lines for word in line)
    assert real_server.sql_environment(env)["SQL_PASSWORD"] == POSTGRES["POSTGRES_PWD"]


def _after(line: list[str], flag: str) -> str:
    return line[line.index(flag) + 1]
