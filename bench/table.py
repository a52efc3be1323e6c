"""The figures as one table for a terminal and as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from bench.figures import Curve, Figure, Verdict

COLOURS = {
    Verdict.RECORD: "bold green",
    Verdict.MET: "green",
    Verdict.SHORT: "yellow",
    Verdict.REPORTED: "",
    Verdict.BROKEN: "bold red",
}


def table(figures: Iterable[Figure]) -> Table:
    """What, ours, rival, ratio, bar, verdict; one section a measure."""
    made = Table(title="Paidcase bench: ratios come from one run, round beside round", caption_justify="left")
    for name in ("what", "ours", "rival", "unit", "ratio", "bar", "verdict", "note"):
        made.add_column(name, justify="right" if name in {"ours", "rival", "ratio"} else "left", overflow="fold")
    before = None
    for figure in figures:
        if before not in (None, figure.measure):
            made.add_section()
        before = figure.measure
        verdict = f"[{COLOURS[figure.verdict]}]{figure.verdict}[/]" if COLOURS[figure.verdict] else str(figure.verdict)
        made.add_row(
            escape(figure.what), shown(figure.ours), shown(figure.rival), figure.unit,
            "" if figure.ratio is None else f"{figure.ratio:.2f}", str(figure.bar or ""), verdict, escape(figure.note),
        )  # fmt: skip
    return made


def shown(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def document(figures: Sequence[Figure], curves: Sequence[Curve], machine: dict[str, str]) -> str:
    """Everything, for programs."""
    told = [{**asdict(figure), "bar": str(figure.bar or ""), "verdict": figure.verdict.value} for figure in figures]
    whole = {"machine": machine, "figures": told, "curves": [asdict(curve) for curve in curves]}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"
