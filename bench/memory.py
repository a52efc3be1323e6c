"""Resident memory of one worker over many cases.

A sample is taken whenever another fiftieth of the cases is done. Growth counts from the case after which caches, pools
and threads have their size.
"""

from __future__ import annotations

from pathlib import Path

from bench.cases import environment
from bench.figures import Bar, Curve, Figure, Finding, flatness
from bench.pipeline import fresh_ids, run_paid, with_seller
from bench.plan import Plan
from bench.processes import mail_stand_in, our_worker, temporal
from bench.timing import Budget

FLAT = Bar(1.05, at_most=True)
SMALL = Bar(150.0, at_most=True)
SETTLED = 1000
SAMPLES = 50


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """As many cases as fit into the budget, up to the plan's."""
    points: list[tuple[float, float]] = []
    with temporal(folder, tuned=True) as server, mail_stand_in(folder) as smtp_port:
        env = environment(folder, server.address, smtp_port)
        with_seller(env)
        with our_worker(folder, env) as worker:
            step = max(plan.at_once, plan.memory_cases // SAMPLES)
            done, longest = 0, 0.0
            while done < plan.memory_cases and budget.left > longest:
                began = budget.now()
                run_paid(env, fresh_ids(step), plan.at_once, {}, budget)
                longest = max(longest, budget.now() - began)
                done += step
                points.append((done, worker.mebibytes))
    flat = flatness(points, SETTLED)
    too_few = f"only {done} cases fitted: too few to judge, --long takes 20,000"
    return Finding(
        (
            Figure(
                "memory", f"worker memory after {done} cases", points[-1][1], unit="MiB",
                bar=SMALL if done >= SETTLED else None,
            ),
            Figure(
                "memory", f"… growth from case {SETTLED} on", ratio=flat, bar=FLAT,
                note=too_few if flat is None else f"{points[0][1]:.0f} MiB after {points[0][0]:.0f} cases",
            ),
        ),
        (Curve("Memory of a worker", "cases done", "MiB", tuple(points)),),
    )  # fmt: skip
