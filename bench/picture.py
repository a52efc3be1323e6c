"""The figures as a picture: how far each is from its bar, and the curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.figures import Curve, Figure, Verdict

COLOURS = {Verdict.RECORD: "#1b7f4d", Verdict.MET: "#5bab7d", Verdict.SHORT: "#d98c2b", Verdict.BROKEN: "#b3342d"}
WIDEST = 4.0
"""A bar longer than this many times its demand is cut, so that the others stay readable."""


def draw(figures: Sequence[Figure], curves: Sequence[Curve], path: Path) -> None:
    """Write a PNG. Needs no display."""
    import matplotlib as mpl  # only here: the library takes a second to load and writes a cache

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    judged = [figure for figure in figures if figure.bar is not None and figure.judged is not None]
    rows = max(1, len(curves))
    made = plt.figure(figsize=(14, max(4.5, 0.5 * len(judged) + 1.5, 2.6 * rows)), layout="constrained")
    grid = made.add_gridspec(rows, 2, width_ratios=(3, 2))
    bars = made.add_subplot(grid[:, 0])
    for place, figure in enumerate(reversed(judged)):
        assert figure.bar is not None and figure.judged is not None
        good = figure.bar.goodness(figure.judged)
        bars.barh(place, min(good, WIDEST), color=COLOURS[figure.verdict])
        value = f"{figure.judged:.3g}" if figure.ratio is not None else f"{figure.judged:.4g} {figure.unit}"
        bars.text(WIDEST + 0.1, place, f"{value}, bar {figure.bar}", va="center", fontsize=8)
        if figure.bar.record is not None:
            record = min(figure.bar.goodness(figure.bar.record), WIDEST)
            bars.plot([record, record], [place - 0.4, place + 0.4], color="#333333", linewidth=1.2)
    bars.axvline(1.0, color="#333333", linestyle="--", linewidth=1)
    bars.set_yticks(range(len(judged)), [_label(figure) for figure in reversed(judged)], fontsize=8)
    bars.set_xlim(0, WIDEST + 2)
    bars.set_xticks(range(int(WIDEST) + 1))
    bars.set_xlabel("times as good as the bar demands (dashed: the bar; short line: the record)")
    bars.spines[["top", "right"]].set_visible(False)
    for row, curve in enumerate(curves):
        axes = made.add_subplot(grid[row, 1])
        across, up = zip(*curve.points, strict=True) if curve.points else ((), ())
        axes.plot(across, up, marker="o", markersize=3, color="#2b6cb0")
        if across and max(across) > 500 * max(1.0, min(across)):
            axes.set_xscale("log")
        axes.set_ylim(0, 1.15 * max(up, default=1.0))
        axes.set_title(curve.title, fontsize=10)
        axes.set_xlabel(curve.across, fontsize=8)
        axes.set_ylabel(curve.up, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    if not curves:
        made.add_subplot(grid[0, 1]).set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(path, dpi=110)
    plt.close(made)


def _label(figure: Figure) -> str:
    """The line by itself: in the table a line that begins with dots goes on from the one above."""
    return f"{figure.measure}: {figure.what.lstrip('… ')}" if figure.what.startswith("…") else figure.what
