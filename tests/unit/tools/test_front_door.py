"""The Makefile has the doors that the README names, and the check before landing is the whole test run."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TARGETS = {
    "setup": "tools.temporal.provide",
    "temporal": "tools.temporal.dev_server",
    "sandbox": "invoicing.sandbox",
    "demo": "examples.demo",
    "test": "pytest",
    "check": "lint-imports",
    "docs": "invoicing.failures_page",
    "bench": "-m bench",
    "up": "docker compose up",
}


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(("target", "command"), TARGETS.items())
def test_a_target_exists_and_runs_what_it_says(target: str, command: str) -> None:
    done = make("-n", target)
    assert done.returncode == 0, done.stderr
    assert command in done.stdout


def test_make_alone_lists_every_target() -> None:
    listed = make()
    assert listed.returncode == 0
    names = set(re.findall(r"^  make (\w+) ", listed.stdout, re.MULTILINE))
    assert names == {*TARGETS, "help"}


def test_exit_is_passed_to_the_demo() -> None:
    assert "EXIT=1 .venv/bin/python -m examples.demo" in make("-n", "demo", "EXIT=1").stdout


def test_a_python_that_is_too_old_or_missing_stops_setup(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 'Paidcase needs Python 3.11 to 3.14' >&2\nexit 1\n")
    old.chmod(0o755)
    done = make(f"PY={old}", f"INSTALLED={tmp_path / 'installed'}", "setup")
    assert done.returncode != 0
    assert not (tmp_path / "installed").exists()


def test_every_test_is_run_by_exactly_one_of_the_two_runs() -> None:
    first, second = [line for line in make("-n", "test").stdout.splitlines() if "/pytest" in line]
    fast = [word for word in first.split() if word.startswith("tests/")]
    assert fast
    assert [word.removeprefix("--ignore=") for word in second.split() if word.startswith("--ignore=")] == fast


def test_landing_runs_every_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "set -eu"
    assert lines[-1] == "exec make test </dev/null"
