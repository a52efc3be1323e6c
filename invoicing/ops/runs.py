"""Runs of a case as Temporal has them: finding them, reading their histories, saying what its errors mean."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from temporalio.client import Client, WorkflowExecution, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import ConnectivityFault, NotFound, SettingsFault
from workflows import identity

ANSWER_WITHIN = timedelta(seconds=10)

T = TypeVar("T")


def workflow_id_of(name: str) -> str:
    """The workflow id that is meant: itself, or the id of a case's run."""
    own = identity.case_of(name) is not None or identity.is_other_run(name)
    return name if own else identity.paid_case_id(name)


async def answered(call: Awaitable[T], what: str) -> T:
    """The server's answer. Raises `NotFound("run_unknown")`, `SettingsFault`, `ConnectivityFault`."""
    try:
        return await call
    except RPCError as error:
        raise meaning(error, what) from None


def meaning(error: RPCError, what: str) -> NotFound | SettingsFault | ConnectivityFault:
    """What an error of the server means for who asked about a run."""
    match error.status:
        case RPCStatusCode.NOT_FOUND:
            return NotFound("run_unknown", f"Temporal knows no run {what}: never started, or past its retention")
        case RPCStatusCode.PERMISSION_DENIED | RPCStatusCode.UNAUTHENTICATED:
            return SettingsFault("temporal_access", f"the server refuses us {what} ({error.status.name})")
        case RPCStatusCode.INVALID_ARGUMENT:
            return NotFound("run_unknown", f"Temporal does not take {what} for a run")
        case _:
            return ConnectivityFault("temporal_unreachable", f"the Temporal server answers {error.status.name}")


async def history_of(client: Client, workflow_id: str, run_id: str | None = None) -> WorkflowHistory:
    """The history of a run, the newest one when none is named. Raises like `answered`."""
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    return await answered(handle.fetch_history(rpc_timeout=ANSWER_WITHIN), run_id or workflow_id)


async def run_ids(client: Client, workflow_id: str) -> tuple[str, ...]:
    """Every run of a workflow id that Temporal still has, newest first; empty when there is none."""
    quoted = workflow_id.replace("'", "")
    return tuple(run.run_id for run in await listed(client, f"WorkflowId = '{quoted}'"))


async def listed(client: Client, query: str) -> tuple[WorkflowExecution, ...]:
    """Runs that a query of visibility finds, newest first. Raises like `answered`."""
    try:
        return tuple([run async for run in client.list_workflows(query, rpc_timeout=ANSWER_WITHIN)])
    except RPCError as error:
        raise meaning(error, query) from None
