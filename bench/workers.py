"""Cases a second with one, two and four worker processes on one database and one server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from bench.cases import environment
from bench.figures import Curve, Figure, Finding
from bench.load import Load
from bench.pipeline import fresh_ids, run_paid, with_seller
from bench.plan import Plan
from bench.processes import mail_stand_in, our_worker, temporal
from bench.timing import Budget, fitting, ratio_of, rounds


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """Workers are started anew for every turn, and warmed."""
    with temporal(folder, tuned=True) as server, mail_stand_in(folder) as smtp_port:
        env = environment(folder, server.address, smtp_port)
        with_seller(env)

        def turn(processes: int) -> Load:
            with ExitStack() as stack:
                them = [stack.enter_context(our_worker(folder, env, f"worker-{number}")) for number in range(processes)]
                warm = run_paid(env, fresh_ids(8 * processes), 8 * processes, {}, budget)
                share = budget.seconds / 2 / len(plan.worker_counts)
                ids = fresh_ids(fitting(plan.worker_cases, warm.seconds_each, share))
                return run_paid(env, ids, 2 * plan.at_once, {"worker": them, "server": [server.running]}, budget)

        rivals: dict[str, Callable[[], Load]] = {str(n): partial(turn, n) for n in plan.worker_counts}
        found = rounds(rivals, plan.rounds, budget)
    first = str(plan.worker_counts[0])
    figures = [
        Figure(
            "workers", f"{name} worker process(es) / {first}", median(one.per_second for one in found[name]),
            median(one.per_second for one in found[first]), "cases/s",
            ratio_of(found, name, first, lambda one: one.per_second),
            note=f"{median(one.cpu_ms('worker') for one in found[name]):.0f} ms CPU a case, one SQLite file",
        )
        for name in rivals
    ]  # fmt: skip
    points = tuple((float(name), median(one.per_second for one in found[name])) for name in rivals)
    return Finding(tuple(figures), (Curve("Worker processes", "processes", "cases/s", points),))
