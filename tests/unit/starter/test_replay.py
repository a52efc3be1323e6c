"""`starter replay` of files: exit code, one line a history, no server."""

import json
import shutil
from pathlib import Path

import pytest

from starter.__main__ import main
from tests.replay.record import HISTORIES
from tests.unit.starter.commands import NOWHERE, answer, starter


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` and no server of the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", NOWHERE)


def test_a_folder_of_histories_that_fit_is_left_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("happy_external", "cancelled"):
        shutil.copy(HISTORIES / f"{name}.json", tmp_path)
    assert main(["replay", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "happy_external.json: fits" in told
    assert told.endswith("2 of 2 fit today's code\n")


def test_a_history_of_other_code_is_left_with_1_and_says_what_differs_and_what_to_do(tmp_path: Path) -> None:
    text = (HISTORIES / "happy_external.json").read_text(encoding="utf-8")
    (tmp_path / "old.json").write_text(text.replace('"name": "email_invoice"', '"name": "post_invoice"'))
    shutil.copy(HISTORIES / "cancelled.json", tmp_path)
    done = starter(tmp_path, "replay", tmp_path / "old.json", tmp_path / "cancelled.json", "--json")
    told = answer(done)
    assert (done.returncode, told["fits"]) == (1, False)
    assert [item["fits"] for item in told["items"]] == [False, True]
    assert told["items"][0]["code"] == "nondeterminism"
    assert "'post_invoice'" in done.stderr
    assert "workflow.patched (docs/operations.md)" in done.stderr


def test_a_readable_download_of_the_ui_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [{"eventId": "1", "workflowExecutionStartedEventAttributes": {"input": {"payloads": [{"a": 1}]}}}]
    (tmp_path / "ui.json").write_text(json.dumps({"events": events}))
    assert main(["replay", "ui.json"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "`Encoded`" in told


def test_cases_need_a_server_and_files_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--case", "k-1", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["code"] == "temporal_unreachable"
    assert main(["export", "k-1"]) == 3


def test_nothing_to_replay_is_a_wrong_call() -> None:
    assert main(["replay"]) == 2
    assert main(["replay", "a.json", "--last", "3"]) == 2
    assert main(["export", "k-1", "k-2"]) == 2
    assert main(["export", "k-1", "k-2", "--run", "r", "--output", "x"]) == 2
