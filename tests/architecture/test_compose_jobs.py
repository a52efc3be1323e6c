"""The two scripts of the compose file run the commands that are proved on a real server, and do not give up early."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tools.temporal import real_server

SCRIPTS = ROOT / "deploy" / "temporal"

RECORDING = """#!/bin/sh
for word in "$@"; do printf "%s\\n" "$word"; done | tr '\\n' ' ' >> "$RECORD"
echo >> "$RECORD"
{then}
"""

FAIL_AT_FIRST = """
if [ "$(wc -l < "$RECORD")" -le {times} ]; then echo "connection refused" >&2; exit 1; fi
"""


def run(script: str, folder: Path, tool: str, then: str = "", **env: str) -> tuple[int, list[list[str]], str]:
    """Run a script with a tool that records; gives back its code, what was called and what it said."""
    fake = folder / tool
    fake.write_text(RECORDING.format(then=then))
    fake.chmod(0o755)
    record = folder / "record"
    record.touch()
    done = subprocess.run(
        ["/bin/sh", str(SCRIPTS / script)],
        env={"PATH": f"{folder}:/usr/bin:/bin", "RECORD": str(record), "PAUSE": "0", **env},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, [shlex.split(line) for line in record.read_text().splitlines()], done.stderr


def schema(folder: Path, then: str = "") -> tuple[int, list[list[str]], str]:
    return run("schema.sh", folder, "temporal-sql-tool", then, DB="postgres12", DBNAME="a", VISIBILITY_DBNAME="b")


def namespace(folder: Path, then: str = "", **env: str) -> tuple[int, list[list[str]], str]:
    where = {"TEMPORAL_ADDRESS": "temporal:7233", "TEMPORAL_NAMESPACE": "cases"}
    return run("namespace.sh", folder, "temporal", then, **where, **env)


def flags(command: list[str]) -> tuple[list[str], set[tuple[str, str]]]:
    """The words of a command and its pairs of flag and value, whatever their order."""
    first = next(n for n, word in enumerate(command) if word.startswith("--"))
    return command[:first], set(zip(command[first::2], command[first + 1 :: 2], strict=True))


def test_the_schema_job_runs_the_commands_of_the_real_server(tmp_path: Path) -> None:
    env = {"DB": "postgres12", "DBNAME": "a", "VISIBILITY_DBNAME": "b"}
    code, called, _ = schema(tmp_path)
    assert code == 0
    assert called == [command[1:] for command in real_server.schema_commands("sql-tool", env)]


def test_the_schema_job_stops_at_the_first_failure(tmp_path: Path) -> None:
    code, called, _ = schema(tmp_path, "exit 3")
    assert (code, len(called)) == (3, 1)


def test_the_namespace_job_runs_the_commands_of_the_real_server(tmp_path: Path) -> None:
    env = {"TEMPORAL_ADDRESS": "temporal:7233", "TEMPORAL_NAMESPACE": "cases"}
    wanted = [flags(command[1:]) for command in real_server.namespace_commands("temporal", env)]
    code, called, _ = namespace(tmp_path)
    assert code == 0
    assert [flags(command) for command in called] == wanted


@pytest.mark.parametrize("times", [1, 5])
def test_the_namespace_job_tries_again_while_the_server_starts(tmp_path: Path, times: int) -> None:
    code, called, _ = namespace(tmp_path, FAIL_AT_FIRST.format(times=times))
    assert code == 0
    assert len(called) == times + 2


@pytest.mark.parametrize("said", ["Namespace already exists.", "namespace cases is already registered"])
def test_the_namespace_job_may_be_repeated(tmp_path: Path, said: str) -> None:
    code, called, _ = namespace(tmp_path, f"echo '{said}' >&2; exit 1")
    assert (code, len(called)) == (0, 2)


def test_the_namespace_job_gives_up_with_what_the_server_said(tmp_path: Path) -> None:
    code, called, said = namespace(tmp_path, "echo 'permission denied' >&2; exit 1", TRIES="3")
    assert (code, len(called)) == (1, 3)
    assert "gave up after 3 tries" in said
    assert "permission denied" in said


@pytest.mark.parametrize("missing", ["TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"])
def test_the_namespace_job_does_not_guess(tmp_path: Path, missing: str) -> None:
    given = {"TEMPORAL_ADDRESS": "temporal:7233", "TEMPORAL_NAMESPACE": "cases"}
    del given[missing]
    code, called, said = run("namespace.sh", tmp_path, "temporal", **given)
    assert code != 0
    assert called == []
    assert missing in said
