"""The whole pipeline on externally paid cases against five empty activities, on one server with one set of settings.

Ours is `python worker.py` with SQLite, real PDFs on disk and mail to a stand-in in another process; the rival is the
product's worker with activities that do nothing. Both are started directly; a last figure starts cases as production
does, by outbox and relay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.cases import EXPERT_ID, document, environment, expert
from bench.engine import run_empty
from bench.figures import Bar, Figure, Finding
from bench.load import Load, drive, in_application, paid_cases, stored, with_client
from bench.plan import Plan
from bench.processes import BenchFailed, Running, empty_worker, mail_stand_in, our_worker, temporal
from bench.timing import Budget, fitting, ratio_of, rounds
from invoicing.bootstrap import Application, prepare_database
from invoicing.domain.experts import ExpertInput
from invoicing.settings import load

WHOLE = Bar(0.7, 1.0)
_number = count(1)


def fresh_ids(cases: int) -> list[str]:
    """Ids that no measure of this run has used."""
    return [f"bench-{next(_number)}" for _ in range(cases)]


def with_seller(env: dict[str, str]) -> None:
    """The schema, and the seller of every case."""
    asyncio.run(prepare_database(load(env)))
    given = ExpertInput.model_validate(expert().model_dump(exclude={"wfirma"}))
    in_application(env, lambda app: app.experts.save(EXPERT_ID, given, "bench"))


def run_paid(
    env: dict[str, str], case_ids: Sequence[str], at_once: int, watched: dict[str, list[Running]], budget: Budget
) -> Load:
    """Store cases, then drive them."""
    stored(env, case_ids)
    within = max(60.0, budget.left)
    return with_client(env, lambda client: drive(paid_cases(client), case_ids, at_once, watched, within))


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """Cases a second and CPU for each case, pipeline beside empty activities."""
    with temporal(folder, tuned=True) as server, mail_stand_in(folder) as smtp_port:
        env = environment(folder, server.address, smtp_port)
        with_seller(env)
        with our_worker(folder, env) as ours, empty_worker(folder, env, "our") as empty:
            watched = {"server": [server.running]}
            rivals: dict[str, Callable[[], Load]] = {
                "ours": lambda: run_paid(env, fresh_ids(cases), plan.at_once, {**watched, "worker": [ours]}, budget),
                "empty": lambda: run_empty(server.address, cases, plan.at_once, {**watched, "worker": [empty]}, budget),
            }
            warm = [run_paid(env, fresh_ids(16), 16, {}, budget), run_empty(server.address, 16, 16, {}, budget)]
            each = sum(one.seconds_each for one in warm)
            cases = fitting(plan.pipeline_cases, each, budget.left / 3, least=2 * plan.at_once)
            found = rounds(rivals, plan.rounds, budget.part(0.8))
            relayed = in_application(env, partial(_by_relay, fresh_ids(cases), max(60.0, budget.left)))
            alone = run_paid(env, fresh_ids(plan.alone_cases), 1, {}, budget)
    return Finding(tuple(_figures(found, relayed, alone)))


async def _by_relay(case_ids: Sequence[str], within: float, app: Application) -> float:
    """Cases a second from the first record to the last closed case, started by the worker's relay."""
    began = perf_counter()
    async with app.store.transaction() as db:
        for case_id in case_ids:
            await app.intake.record_in(db, document(case_id), "bench")
    while perf_counter() - began < within:
        await asyncio.sleep(0.1)
        if all(state.closed for state in await app.store.statuses(case_ids)):
            return len(case_ids) / (perf_counter() - began)
    raise BenchFailed(f"not every case was closed within {within:.0f} s")


def _figures(found: dict[str, list[Load]], relayed: float, alone: Load) -> list[Figure]:
    def both(what: str, value: Callable[[Load], float], unit: str, bar: Bar | None = None, note: str = "") -> Figure:
        ours, empty = (median(value(one) for one in found[name]) for name in ("ours", "empty"))
        return Figure("pipeline", what, ours, empty, unit, ratio_of(found, "ours", "empty", value), bar, note)

    made = f"started directly, {len(found['ours'])} rounds of {found['ours'][0].cases} cases"
    return [
        both("whole pipeline / five empty activities", lambda one: one.per_second, "cases/s", WHOLE, made),
        both("… CPU of the worker", lambda one: one.cpu_ms("worker"), "ms/case"),
        both("… CPU of the server", lambda one: one.cpu_ms("server"), "ms/case"),
        both("… latency under this load", lambda one: one.p50_ms, "ms p50"),
        Figure("pipeline", "… started by outbox and relay, all at once", relayed, unit="cases/s"),
        Figure("pipeline", "… one at a time", alone.p50_ms, unit="ms p50"),
    ]
