"""Table, JSON and picture from canned figures, and a run in which a measure breaks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import __main__ as command
from bench.figures import Bar, Curve, Figure, Finding
from bench.picture import draw
from bench.plan import QUICK, Plan
from bench.processes import BenchFailed
from bench.table import document, shown, table
from bench.timing import Budget

FIGURES = (
    Figure("engine", "five empty activities, ours / stock", 27.1, 18.2, "cases/s", 1.49, Bar(1.4, 3.0), "5 rounds"),
    Figure("pdf", "one-page invoice PDF / bare canvas", 4.4, 4.1, "ms CPU", 1.07, Bar(1.3, 1.1, at_most=True)),
    Figure("history", "events of a happy externally paid case", 37, 35, "events", bar=Bar(45, 35, at_most=True)),
    Figure("pipeline", "whole pipeline / five empty activities", 9.0, 20.0, "cases/s", 0.45, Bar(0.7, 1.0)),
    Figure("workers", "2 worker process(es) / 1", 30.0, 20.0, "cases/s", 1.5),
    Figure("memory", "memory", note="no server answered [at all]", broken=True),
)
CURVES = (
    Curve("Memory of a worker", "cases done", "MiB", ((100.0, 110.0), (200.0, 111.5))),
    Curve("Archive", "finished cases", "ms CPU a case", ((10.0, 50.0), (100_000.0, 51.0))),
)


def printed(*figures: Figure) -> str:
    console = Console(width=240, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115  # closed with the test
    console.print(table(figures))
    console.file.close()
    return console.export_text()


def test_the_table_tells_what_ours_rival_ratio_bar_and_verdict() -> None:
    line = next(line for line in printed(*FIGURES).splitlines() if "five empty activities, ours" in line)

    assert [cell.strip() for cell in line.strip("│ ").split("│")] == [
        "five empty activities, ours / stock", "27.1", "18.2", "cases/s", "1.49", "≥ 1.4 (record 3)", "met", "5 rounds",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "verdict"),
    [("one-page", "record"), ("events of", "met"), ("whole pipeline", "short"), ("2 worker", "reported")],
)
def test_every_verdict_stands_in_the_table(what: str, verdict: str) -> None:
    line = next(line for line in printed(*FIGURES).splitlines() if what in line)

    assert verdict in line


def test_a_broken_measure_is_a_line_with_its_reason() -> None:
    line = next(line for line in printed(*FIGURES).splitlines() if "no server answered" in line)

    assert "broken" in line
    assert "[at all]" in line


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (27.123, "27.1"), (1234.5, "1,234"), (37.0, "37"), (0.0123, "0.0123")]
)
def test_numbers_are_shown_with_the_digits_that_mean_something(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_the_document_for_programs_has_everything() -> None:
    told = json.loads(document(FIGURES, CURVES, {"cores": "2"}))

    assert told["machine"] == {"cores": "2"}
    assert [figure["verdict"] for figure in told["figures"]] == ["met", "record", "met", "short", "reported", "broken"]
    assert told["figures"][0]["ratio"] == 1.49
    assert told["figures"][0]["bar"] == "≥ 1.4 (record 3)"
    assert told["curves"][1]["points"] == [[10.0, 50.0], [100_000.0, 51.0]]


@pytest.mark.parametrize(("figures", "curves"), [(FIGURES, CURVES), (FIGURES[-1:], ()), ((), CURVES[:1])])
def test_the_picture_is_drawn_without_a_display(
    figures: tuple[Figure, ...], curves: tuple[Curve, ...], tmp_path: Path
) -> None:
    draw(figures, curves, tmp_path / "out" / "bench.png")

    assert (tmp_path / "out" / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_a_measure_that_breaks_stops_no_other() -> None:
    def breaks(plan: Plan, folder: Path, budget: Budget) -> Finding:
        raise BenchFailed("first line\nno server answered")

    def works(plan: Plan, folder: Path, budget: Budget) -> Finding:
        return Finding(FIGURES[:1], CURVES[:1])

    said: list[str] = []
    figures, curves = command.run({"memory": breaks, "engine": works}, QUICK, said.append)

    assert [(figure.measure, figure.broken) for figure in figures] == [("memory", True), ("engine", False)]
    assert figures[0].note == "no server answered"
    assert curves == list(CURVES[:1])


def test_a_measure_gets_a_folder_that_is_gone_afterwards() -> None:
    seen: list[Path] = []

    def looks(plan: Plan, folder: Path, budget: Budget) -> Finding:
        assert folder.is_dir()
        seen.append(folder)
        return Finding(())

    command.run({"pdf": looks}, QUICK, lambda _line: None)

    assert not seen[0].exists()


def test_every_measure_of_the_plan_has_its_module() -> None:
    assert command.measures().keys() == QUICK.seconds.keys()


@pytest.mark.parametrize(("broken", "code"), [(False, 0), (True, 1)])
def test_the_exit_code_tells_whether_everything_was_measured(
    broken: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
        return Finding((Figure("pdf", "short of its bar", ratio=9.0, bar=Bar(1.3, at_most=True), broken=broken),))

    monkeypatch.setattr(command, "measures", lambda: {"pdf": measure, "engine": measure})

    assert command.main(["--quick", "--only", "pdf", "--out", str(tmp_path)]) == code

    assert "short of its bar" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["figures"]) == 1
    assert (tmp_path / "bench.png").exists()


def test_a_measure_that_is_not_there_is_a_wrong_argument() -> None:
    with pytest.raises(SystemExit) as exit_code:
        command.main(["--only", "weather"])

    assert exit_code.value.code == 2
