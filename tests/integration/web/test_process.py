"""`python -m invoicing.web` as a process: says where it listens, serves while Temporal is away, leaves truthfully."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.web.stage import settings

ROOT = Path(__file__).parents[3]


def started(folder: Path, env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """The process, with these settings only."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TEMPORAL_ADDRESS": "127.0.0.1:1", **env}
    return subprocess.Popen(
        [sys.executable, "-m", "invoicing.web"], cwd=folder, env=clean, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_while_temporal_is_away_and_ends_with_0_when_told_to_stop(
    folder: Path, number: signal.Signals
) -> None:
    process = started(folder, settings(folder, HTTP_PORT="0"))
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("API on http://127.0.0.1:"), process.communicate()[1]
        with urllib.request.urlopen(line.removeprefix("API on ").strip() + "/readyz") as answer:  # noqa: S310  # ours
            found = json.load(answer)
        assert found["ready"]
        assert found["dependencies"]["temporal"] == {"ok": False}
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert "api_stopped" in errors
    finally:
        process.kill()
        process.communicate()


def test_wrong_settings_end_it_with_2_and_one_message_that_names_them_all(folder: Path) -> None:
    env = settings(folder, AUTH_SECRET=None, HTTP_PORT="many", SMTP_PORT="x")
    out, errors = (process := started(folder, env)).communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert all(name in errors for name in ("AUTH_SECRET", "HTTP_PORT", "SMTP_PORT"))
    assert "Traceback" not in errors


def test_a_port_that_is_taken_ends_it_with_1_and_says_what_to_do(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        env = settings(folder, HTTP_PORT=str(taken.getsockname()[1]))
        out, errors = (process := started(folder, env)).communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "HTTP_PORT" in errors
    assert "Traceback" not in errors
