"""The invoice PDF against a bare canvas, measured by `bench.pdf` in one process, as a figure."""

from __future__ import annotations

from pathlib import Path

from bench import pdf
from bench.figures import Bar, Figure, Finding
from bench.plan import Plan
from bench.timing import Budget

RATIO = Bar(1.3, 1.1, at_most=True)
LONG = Bar(150.0, at_most=True)
"""Milliseconds of CPU for 200 positions, on an ordinary machine that does nothing else."""


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """CPU of one page of ours beside the same text drawn without layout."""
    found = pdf.measure(plan.pdf_rounds)
    note = f"{found['bytes']:.0f} and {found['bare_bytes']:.0f} bytes"
    return Finding(
        (
            Figure(
                "pdf", "one-page invoice PDF / bare canvas", found["ours_ms"], found["bare_ms"], "ms CPU",
                found["ratio"], RATIO, note,
            ),
            Figure("pdf", "… against a bare canvas that compresses", ratio=found["ratio_to_compressed"]),
            Figure("pdf", "… with 200 positions", found["two_hundred_lines_ms"], unit="ms CPU", bar=LONG),
        )
    )  # fmt: skip
