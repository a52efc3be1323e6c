"""`python -m bench [--only NAME …] [--quick] [--long]`: every figure beside its rival, as table, picture and JSON.

Not a test: it judges nothing by its exit code. 0 when everything was measured, 1 when a measure broke, 2 for a wrong
argument. A run takes about twelve minutes, a quick one three; each measure ends in its own time, see `bench.plan`.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from time import monotonic

import psutil
from rich.console import Console

from bench.figures import Curve, Figure, Finding
from bench.picture import draw
from bench.plan import Plan, plan
from bench.table import document, table
from bench.timing import Budget
from invoicing.leaving import leave

Measure = Callable[[Plan, Path, Budget], Finding]

MODULES = {
    "engine": "engine",
    "pipeline": "pipeline",
    "batch": "batch",
    "pdf": "one_page",
    "history": "history",
    "memory": "memory",
    "workers": "workers",
    "archive": "archive",
    "numbering": "numbering",
    "itn_storm": "itn_storm",
    "in_time": "in_time",
}
OUT = Path(__file__).with_name("out")
WIDTH = 190
"""Columns of a table that no terminal shows."""


def measures() -> dict[str, Measure]:
    """Every measure by its name, in the order of the table."""
    return {name: import_module(f"bench.{module}").measure for name, module in MODULES.items()}


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Arguments of the command."""
    made = argparse.ArgumentParser(prog="python -m bench", description="Side-by-side figures, bounded in time.")
    made.add_argument("--only", nargs="+", choices=tuple(MODULES), metavar="NAME", help=", ".join(MODULES))
    made.add_argument("--quick", action="store_true", help="about three minutes, fewer cases")
    made.add_argument("--long", action="store_true", help="memory over 20,000 cases, up to an hour more")
    made.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="where bench.png and bench.json go")
    return made.parse_args(arguments)


def run(chosen: dict[str, Measure], sizes: Plan, say: Callable[[str], None]) -> tuple[list[Figure], list[Curve]]:
    """Every measure in its own folder and time; one that breaks is a line of the table and stops no other.

    Time that a measure did not need is left over, time that it took too much is taken from those after it.
    """
    figures: list[Figure] = []
    curves: list[Curve] = []
    behind = 0.0
    for name, measure in chosen.items():
        seconds = max(sizes.seconds[name] / 4, sizes.seconds[name] - behind)
        say(f"{name}: about {seconds:.0f} s")
        budget = Budget(seconds)
        try:
            with tempfile.TemporaryDirectory(prefix="paidcase-bench-", ignore_cleanup_errors=True) as folder:
                finding = measure(sizes, Path(folder), budget)
        except Exception as error:  # whatever breaks one measure must not lose the figures of the others
            say(traceback.format_exc())
            told = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            finding = Finding((Figure(name, name, note=told[:200], broken=True),))
        behind = max(0.0, behind + budget.spent - sizes.seconds[name])
        figures += finding.figures
        curves += finding.curves
    return figures, curves


def machine() -> dict[str, str]:
    """What the absolute figures belong to."""
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{one:.1f}" for one in psutil.getloadavg())
    return {
        "cores": str(psutil.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": load,
    }


def main(arguments: Sequence[str]) -> int:
    """Measure, print, draw."""
    options = parsed(arguments)
    sizes = plan(quick=options.quick, long=options.long)
    chosen = {name: measure for name, measure in measures().items() if not options.only or name in options.only}
    console, began = Console(width=None if sys.stdout.isatty() else WIDTH), monotonic()
    progress = Console(stderr=True)
    figures, curves = run(chosen, sizes, lambda line: progress.print(line, style="dim", markup=False, highlight=False))
    here = machine()
    console.print(table(figures))
    console.print("; ".join(f"{name} {value}" for name, value in here.items()))
    options.out.mkdir(parents=True, exist_ok=True)
    draw(figures, curves, options.out / "bench.png")
    (options.out / "bench.json").write_text(document(figures, curves, here), encoding="utf-8")
    console.print(f"{monotonic() - began:.0f} s; {options.out / 'bench.png'}, {options.out / 'bench.json'}")
    return 1 if any(figure.broken for figure in figures) else 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
