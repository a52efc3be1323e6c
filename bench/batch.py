"""`starter batch` against a bare loop of `start_workflow`, with no worker running: rows a second until all are started.

Batch reads a file, validates and stores every row and starts each from the outbox; the loop has its inputs ready and
starts one run after another, without search attributes. Both connect within their time. A second rival starts as many
at once as the relay does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from time import perf_counter

from temporalio.client import Client

from bench.cases import environment, raw_document
from bench.figures import Bar, Figure, Finding
from bench.load import case_input, with_client
from bench.pipeline import fresh_ids, with_seller
from bench.plan import Plan
from bench.processes import BenchFailed, temporal
from bench.timing import Budget, ratio_of, rounds
from starter import batch
from starter.call import Call
from starter.output import Output
from workflows import identity
from workflows.paid_case import PaidCase

RATIO = Bar(0.6, 0.9)


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """Rows a second of each."""
    with temporal(folder, tuned=True) as server:
        env = environment(folder, server.address, 25)
        with_seller(env)
        rivals: dict[str, Callable[[], float]] = {
            "batch": lambda: _batch(env, folder / "rows.jsonl", fresh_ids(plan.batch_rows)),
            "loop": lambda: _bare(env, fresh_ids(plan.batch_rows), 1),
            "at once": lambda: _bare(env, fresh_ids(plan.batch_rows), plan.at_once),
        }
        _batch(env, folder / "rows.jsonl", fresh_ids(20))
        found = rounds(rivals, plan.rounds, budget)
    made = f"{len(found['batch'])} rounds of {plan.batch_rows} rows, workers off"
    return Finding(
        (
            _against(found, "loop", "starter batch / bare start_workflow loop", RATIO, made),
            _against(found, "at once", f"… / bare start_workflow, {plan.at_once} at once", None, ""),
        )
    )


def _against(found: dict[str, list[float]], rival: str, what: str, bar: Bar | None, note: str) -> Figure:
    ours, theirs = median(found["batch"]), median(found[rival])
    return Figure("batch", what, ours, theirs, "rows/s", ratio_of(found, "batch", rival, float), bar, note)


def _batch(env: dict[str, str], file: Path, case_ids: Sequence[str]) -> float:
    lines = (json.dumps(raw_document(case_id), ensure_ascii=False) for case_id in case_ids)
    file.write_text("\n".join(lines), encoding="utf-8")
    arguments = argparse.Namespace(file=file, output=None, language="pl")
    told = StringIO()
    began = perf_counter()
    with redirect_stdout(told), redirect_stderr(StringIO()):
        code = batch.run(Call(arguments, env, Output(as_json=True)))
    seconds = perf_counter() - began
    if code != 0 or json.loads(told.getvalue())["started"] != len(case_ids):
        raise BenchFailed(f"starter batch ended with {code}: {told.getvalue()[-500:]}")
    return len(case_ids) / seconds


def _bare(env: dict[str, str], case_ids: Sequence[str], at_once: int) -> float:
    inputs = iter([case_input(case_id) for case_id in case_ids])

    async def start(client: Client) -> None:
        for case in inputs:
            await client.start_workflow(
                PaidCase.run, case, id=identity.paid_case_id(case.case_id), task_queue=identity.TASK_QUEUE
            )

    async def all_of_them(client: Client) -> None:
        await asyncio.gather(*(start(client) for _ in range(at_once)))

    began = perf_counter()
    with_client(env, all_of_them)
    return len(case_ids) / (perf_counter() - began)
