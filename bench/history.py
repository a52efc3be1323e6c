"""The history of a happy externally paid case beside that of five empty activities: events and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from temporalio.client import Client

from bench.cases import environment
from bench.engine import run_empty
from bench.figures import Bar, Figure, Finding
from bench.load import with_client
from bench.pipeline import fresh_ids, run_paid, with_seller
from bench.plan import Plan
from bench.processes import empty_worker, mail_stand_in, our_worker, temporal
from bench.timing import Budget
from workflows.identity import paid_case_id

EVENTS = Bar(45, 35, at_most=True)
BYTES = Bar(10 * 1024, at_most=True)


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """One case of each kind, read back from the server."""
    with temporal(folder, tuned=True) as server, mail_stand_in(folder) as smtp_port:
        env = environment(folder, server.address, smtp_port)
        with_seller(env)
        with our_worker(folder, env), empty_worker(folder, env, "our"):
            ids = fresh_ids(1)
            run_paid(env, ids, 1, {}, budget)
            run_empty(server.address, 1, 1, {}, budget, name="history")
            events, size = _size(env, paid_case_id(ids[0]))
            rival_events, rival_size = _size(env, "empty-history-1")
    return Finding(
        (
            Figure(
                "history", "events of a happy externally paid case", events, rival_events, "events", bar=EVENTS,
                note="rival: five empty activities",
            ),
            Figure("history", "… bytes", size, rival_size, "bytes", bar=BYTES),
        )
    )  # fmt: skip


def _size(env: Mapping[str, str], workflow_id: str) -> tuple[float, float]:
    async def look(client: Client) -> tuple[float, float]:
        described = await client.get_workflow_handle(workflow_id).describe()
        info = described.raw_description.workflow_execution_info
        return float(info.history_length), float(info.history_size_bytes)

    return with_client(env, look)
