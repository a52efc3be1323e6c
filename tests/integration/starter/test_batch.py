"""`batch`: stored once whatever happens, refused rows reported with their numbers."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from starter.batch import CHUNK
from tests.unit.starter.commands import AUTOPAY, NOWHERE, answer, case, environment, json_lines, paid_case, starter


def test_a_run_that_is_killed_goes_on_where_it_stopped(folder: Path) -> None:
    documents = [case(f"c-{number}") for number in range(CHUNK + 50)]
    pipe = folder / "pipe.jsonl"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "starter", "batch", str(pipe)],
        cwd=folder, env=environment(folder, **AUTOPAY), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    stays_open = threading.Event()

    def feed() -> None:
        with pipe.open("w") as file:  # the file does not end, so the command waits for the rest of its second chunk
            file.write(json_lines(*documents))
            file.flush()
            stays_open.wait()

    feeding = threading.Thread(target=feed)
    feeding.start()
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == f"stored {CHUNK} rows, 0 refused\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        stays_open.set()
        feeding.join()
    (folder / "whole.jsonl").write_text(json_lines(*documents))
    told = answer(starter(folder, "batch", "whole.jsonl", "--json", **AUTOPAY))
    assert (told["same"], told["new"], told["refused"]) == (CHUNK, 50, 0)
    again = answer(starter(folder, "batch", "whole.jsonl", "--json", **AUTOPAY))
    assert (again["same"], again["new"]) == (CHUNK + 50, 0)


def test_refused_rows_stand_in_the_report_and_the_others_are_stored(folder: Path) -> None:
    content = json_lines(case("c-1"), case("c-2", nonsense=1, currency="zł")) + "not JSON\n"
    content += json_lines(case("c-3"), case("c-1", expert_id="exp-2"), case("c-3"))
    (folder / "cases.jsonl").write_text(content)
    done = starter(folder, "batch", "cases.jsonl", "--output", "report.jsonl", "--json", "--language", "en", **AUTOPAY)
    told = answer(done)
    assert done.returncode == 1
    assert (told["rows"], told["new"], told["same"], told["refused"]) == (6, 2, 1, 3)
    report = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    assert [(row["row"], row["case_id"], row["code"]) for row in report] == [
        (2, "c-2", "invalid"),
        (3, None, "invalid"),
        (5, "c-1", "conflict"),
    ]
    assert {(error["field"], error["code"]) for error in report[0]["errors"]} == {
        ("currency", "bad_format"),
        ("nonsense", "unknown_field"),
    }
    assert {item["case_id"] for item in answer(starter(folder, "status", "--json"))["items"]} == {"c-1", "c-3"}


def test_a_file_without_refused_rows_leaves_an_empty_report_and_exit_code_0(folder: Path) -> None:
    (folder / "cases.jsonl").write_text(json_lines(case("c-1")))
    done = starter(folder, "batch", "cases.jsonl", "--output", "report.jsonl", **AUTOPAY)
    assert (done.returncode, (folder / "report.jsonl").read_text()) == (0, "")
    assert done.stdout == "1 new, 0 stored before, 0 refused, 0 started\n"


def test_a_report_that_cannot_be_written_is_found_before_anything_is_stored(folder: Path) -> None:
    (folder / "cases.jsonl").write_text(json_lines(case("c-1")))
    done = starter(folder, "batch", "cases.jsonl", "--output", "absent/report.jsonl", **AUTOPAY)
    assert done.returncode == 1
    assert "absent/report.jsonl cannot be written" in done.stderr
    assert answer(starter(folder, "status", "--json"))["items"] == []


def test_without_autopay_priced_rows_are_refused_one_by_one_and_paid_ones_stored(folder: Path) -> None:
    (folder / "cases.jsonl").write_text(json_lines(case("c-1"), paid_case("c-2"), case("c-3")))
    done = starter(folder, "batch", "cases.jsonl", "--json")
    told = answer(done)
    assert [(row["row"], row["code"]) for row in told["refused_rows"]] == [
        (1, "autopay_disabled"),
        (3, "autopay_disabled"),
    ]
    # both are true, and the higher code is told: rows are refused, and Temporal is away
    assert (done.returncode, told["new"], told["started"], told["waiting"]) == (3, 1, 0, 1)
    assert NOWHERE in done.stderr


def test_somebody_who_watches_sees_a_bar_and_standard_output_stays_clean(folder: Path) -> None:
    (folder / "cases.jsonl").write_text(json_lines(case("c-1"), case("c-2")))
    terminal, seen_as = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "starter", "batch", "cases.jsonl"],
            cwd=folder, env=environment(folder, TERM="xterm", **AUTOPAY), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=seen_as, text=True, timeout=120,
        )  # fmt: skip
        drawn = os.read(terminal, 65536).decode()
    finally:
        os.close(seen_as)
        os.close(terminal)
    assert "stored 2, refused 0" in drawn and "\x1b[" in drawn
    assert done.stdout == "2 new, 0 stored before, 0 refused, 0 started\n"


def test_help_documents_every_column(folder: Path) -> None:
    from starter.rows import COLUMNS

    told = starter(folder, "batch", "--help").stdout
    assert all(column in told for column in COLUMNS)
