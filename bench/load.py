"""The load driver: starts runs so many at a time, waits for their results, and accounts for the CPU of the others.

The driver lives in the bench's own process, apart from server, workers and stand-ins. Both rivals of a comparison are
started directly with `start_workflow`, so many at once, and their results are awaited alike; a case carries the search
attributes and the summary that the relay would give it, five empty activities carry none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TypeVar

import uvloop
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from bench.cases import EXPERT_ID, document, store
from bench.empty import QUEUE, EmptyCase
from bench.processes import BenchFailed, Running
from invoicing.bootstrap import Application, application, connect_temporal
from invoicing.domain.validation import case_totals
from invoicing.settings import load
from workflows import identity
from workflows.messages import CaseOutcome, PaidCaseInput, PaidCaseResult
from workflows.paid_case import PaidCase

T = TypeVar("T")
CaseRun = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Load:
    """What a number of cases took: wall seconds, CPU seconds of each watched process, latency of each case."""

    cases: int
    seconds: float
    latencies: tuple[float, ...]
    cpu: Mapping[str, float]

    @property
    def per_second(self) -> float:
        """Cases a second."""
        return self.cases / self.seconds

    @property
    def seconds_each(self) -> float:
        """Wall seconds for each case, all at once."""
        return self.seconds / self.cases

    @property
    def p50_ms(self) -> float:
        """Median latency of a case."""
        return 1000 * median(self.latencies)

    def cpu_ms(self, name: str) -> float:
        """CPU of one process for each case."""
        return 1000 * self.cpu[name] / self.cases


async def drive(
    run: CaseRun, case_ids: Sequence[str], at_once: int, watched: Mapping[str, Sequence[Running]], within: float
) -> Load:
    """Run every case, at most so many at a time. Raises `BenchFailed` when they take longer than `within` seconds."""
    waiting, latencies = iter(case_ids), []

    async def one_after_another() -> None:
        for case_id in waiting:
            began = perf_counter()
            await run(case_id)
            latencies.append(perf_counter() - began)

    before = {name: sum(one.cpu for one in them) for name, them in watched.items()}
    began = perf_counter()
    try:
        async with asyncio.timeout(within):
            await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    except TimeoutError:
        raise BenchFailed(f"{len(latencies)} of {len(case_ids)} cases were done within {within:.0f} s") from None
    seconds = perf_counter() - began
    cpu = {name: sum(one.cpu for one in them) - before[name] for name, them in watched.items()}
    return Load(len(case_ids), seconds, tuple(latencies), cpu)


def empty_cases(client: Client) -> CaseRun:
    """Runs of five empty activities."""

    async def run(case_id: str) -> None:
        handle = await client.start_workflow(
            EmptyCase.run,
            case_id,
            id=f"empty-{case_id}",
            task_queue=QUEUE,
        )
        await handle.result()

    return run


def paid_cases(client: Client) -> CaseRun:
    """Runs of the whole pipeline on stored cases; each must end as a done one does."""

    async def run(case_id: str) -> None:
        handle = await start_paid_case(client, case_id)
        result = await handle.result()
        if result.outcome is not CaseOutcome.DONE:
            raise BenchFailed(f"a case ended as {result.outcome.value}")

    return run


async def start_paid_case(client: Client, case_id: str) -> WorkflowHandle[PaidCase, PaidCaseResult]:
    """Start a stored case as the relay does."""
    return await client.start_workflow(
        PaidCase.run,
        case_input(case_id),
        id=identity.paid_case_id(case_id),
        task_queue=identity.TASK_QUEUE,
        search_attributes=attributes(case_id),
        static_summary=f"Case {case_id}",
    )


def case_input(case_id: str) -> PaidCaseInput:
    """The input that the relay gives to the run of such a case."""
    case = document(case_id)
    totals = case_totals(case)
    assert totals is not None
    amount = f"{totals.gross} {case.currency}"
    return PaidCaseInput(case_id=case_id, expert_id=case.expert_id, client_id=case.client.id, amount=amount)


def attributes(case_id: str) -> TypedSearchAttributes:
    """The search attributes of a new run."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(identity.CASE_ID, case_id),
            SearchAttributePair(identity.EXPERT_ID, EXPERT_ID),
            SearchAttributePair(identity.CLIENT_ID, "cli-7"),
            SearchAttributePair(identity.PAYMENT_STATUS, "none"),
            SearchAttributePair(identity.INVOICE_STATUS, "none"),
            SearchAttributePair(identity.PARKED, False),
        ]
    )


def with_client(env: Mapping[str, str], job: Callable[[Client], Awaitable[T]]) -> T:
    """Run a job of the driver with the product's own client."""

    async def main() -> T:
        return await job(await connect_temporal(env, lazy=False))

    return uvloop.run(main())


def in_application(env: Mapping[str, str], job: Callable[[Application], Awaitable[T]]) -> T:
    """Run a job of the driver with the product's own stores."""

    async def main() -> T:
        async with application(load(env)) as app:
            return await job(app)

    return uvloop.run(main())


def stored(env: Mapping[str, str], case_ids: Sequence[str]) -> Sequence[str]:
    """Store cases, and give their ids back."""
    in_application(env, lambda app: store(app, case_ids))
    return case_ids
