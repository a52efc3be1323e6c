"""Numbers and invoices a second: sixteen writers of one series, each taking a number and storing its invoice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import uvloop

from bench import pdf
from bench.cases import document
from bench.figures import Bar, Figure, Finding
from bench.plan import Plan
from bench.processes import BenchFailed
from bench.timing import Budget, rounds
from invoicing.domain.state import CaseState
from invoicing.ports import utc_now
from invoicing.storage.schema import upgrade
from invoicing.storage.store import SqlCaseStore
from tests.fixtures_postgres import create_database, postgres_server

ENOUGH = Bar(500.0)
_series = count(1)


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """Invoices a second on both databases; every round checks that there is no gap."""
    with ExitStack() as stack:
        address = stack.enter_context(postgres_server())
        urls = {
            "PostgreSQL": create_database(address, "bench"),
            "SQLite": f"sqlite+aiosqlite:///{folder}/numbering.db",
        }
        for url in urls.values():
            asyncio.run(upgrade(url))
        rivals: dict[str, Callable[[], float]] = {name: partial(_round, url, plan) for name, url in urls.items()}
        found = rounds(rivals, plan.rounds, budget)
    note = f"{plan.writers} writers, one series, no gap"
    return Finding(
        tuple(
            Figure(
                "numbering", f"invoices numbered and stored on {name}", median(rates), None, "per s", None, ENOUGH, note
            )
            for name, rates in found.items()
        )
    )


def _round(url: str, plan: Plan) -> float:
    return uvloop.run(issue(url, plan.numbers, plan.writers))


async def issue(url: str, invoices: int, writers: int) -> float:
    """Invoices a second. Raises `BenchFailed` when the numbers are not 1 to n."""
    store, turn = SqlCaseStore(url), next(_series)
    ids = [f"n-{turn}-{number}" for number in range(invoices)]
    series, taken = f"bench-{turn}", []
    waiting, sample = iter(ids), pdf.sample()
    try:
        async with store.transaction() as db:
            for case_id in ids:
                await db.record_case(document(case_id), CaseState(case_id=case_id, currency="PLN"), utc_now())

        async def writer() -> None:
            for case_id in waiting:
                async with store.transaction() as db:
                    ordinal = await db.take_number(series, "2026-11")
                    number = {"case_id": case_id, "number": f"FV/{turn}/{ordinal}/11/2026"}
                    await db.add_invoice(sample.model_copy(update=number), series, "2026-11", ordinal)
                taken.append(ordinal)

        began = perf_counter()
        await asyncio.gather(*(writer() for _ in range(writers)))
        seconds = perf_counter() - began
        if sorted(taken) != list(range(1, invoices + 1)):
            raise BenchFailed("the numbers of a series have a gap or a repetition")
        return invoices / seconds
    finally:
        await store.close()
