"""Five empty activities: our server and worker settings against stock ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from bench.cases import environment
from bench.figures import Bar, Figure, Finding
from bench.load import Load, drive, empty_cases, with_client
from bench.plan import Plan
from bench.processes import Running, empty_worker, temporal
from bench.timing import Budget, fitting, ratio_of, rounds

RATE = Bar(1.4, 3.0)
LATENCY = Bar(0.2, at_most=True)
_number = count(1)


@dataclass(frozen=True, slots=True)
class Turn:
    """One rival in one round: many at once, then one at a time."""

    many: Load
    alone: Load


def run_empty(
    address: str,
    cases: int,
    at_once: int,
    watched: dict[str, list[Running]],
    budget: Budget,
    name: str | None = None,
) -> Load:
    """Drive empty cases; the driver's client is the product's for both rivals."""
    ids = [f"{name or next(_number)}-{number}" for number in range(1, cases + 1)]
    within = max(60.0, budget.left)
    env = {"TEMPORAL_ADDRESS": address}
    return with_client(env, lambda client: drive(empty_cases(client), ids, at_once, watched, within))


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """Cases a second with many at once, and the latency of one at a time."""
    with (
        temporal(folder, tuned=False) as stock_server,
        temporal(folder, tuned=True) as our_server,
        empty_worker(folder, {"TEMPORAL_ADDRESS": stock_server.address}, "stock") as stock_worker,
        empty_worker(folder, environment(folder, our_server.address, 25), "our") as our_worker,
    ):

        def turn(address: str, server: Running, worker: Running) -> Turn:
            watched = {"server": [server], "worker": [worker]}
            many = run_empty(address, cases, plan.at_once, watched, budget)
            return Turn(many, run_empty(address, plan.alone_cases, 1, watched, budget))

        rivals: dict[str, Callable[[], Turn]] = {
            "ours": partial(turn, our_server.address, our_server.running, our_worker),
            "stock": partial(turn, stock_server.address, stock_server.running, stock_worker),
        }
        warm = [run_empty(server.address, 16, 16, {}, budget) for server in (our_server, stock_server)]
        each = sum(one.seconds_each for one in warm)
        cases = fitting(plan.engine_cases, each, budget.left / 2, least=2 * plan.at_once)
        found = rounds(rivals, plan.rounds, budget)
    return Finding(tuple(_figures(found)))


def _figures(found: dict[str, list[Turn]]) -> list[Figure]:
    def both(what: str, value: Callable[[Turn], float], unit: str, bar: Bar | None, note: str) -> Figure:
        ours, stock = (median(value(one) for one in found[name]) for name in ("ours", "stock"))
        return Figure("engine", what, ours, stock, unit, ratio_of(found, "ours", "stock", value), bar, note)

    made = f"{len(found['ours'])} rounds of {found['ours'][0].many.cases} cases"
    return [
        both("five empty activities, ours / stock", lambda one: one.many.per_second, "cases/s", RATE, made),
        both("… one at a time", lambda one: one.alone.p50_ms, "ms p50", LATENCY, "latency of a case"),
        both("… CPU of the worker", lambda one: one.many.cpu_ms("worker"), "ms/case", None, ""),
        both("… CPU of the server", lambda one: one.many.cpu_ms("server"), "ms/case", None, ""),
    ]
