"""The demonstration as a person runs it, to the end, with its own judgement of every case."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.demo_cases import SAMPLES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(280)
def test_every_sample_case_ends_as_it_must() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOPAY_", "TEMPORAL_"))}
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env={**env, "EXIT": "1"},
        capture_output=True,
        text=True,
        timeout=260,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for sample in SAMPLES:
        assert sample.case_id in done.stdout
    assert " NO " not in done.stdout
