"""Handing over to Temporal from a command: a relay in this process, for as long as the command waits for its cases.

Guarantee: nothing is started that is not stored, and "started" is said of a case only when Temporal knows its run or
the database shows that a run has worked on it. Whatever is left here is delivered by the relays of API and workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from invoicing.bootstrap import DEFAULT_TEMPORAL, Application, connect_temporal
from invoicing.errors import ConnectivityFault, SettingsFault
from invoicing.relay import LEASE
from workflows.identity import paid_case_id

ANSWER_WITHIN = timedelta(seconds=10)
LOOK_EVERY = timedelta(milliseconds=100)
QUIET = timedelta(seconds=5)
"""After so long without progress Temporal is asked whether it is still there."""

PATIENCE = LEASE + timedelta(seconds=10)
"""Rows that a dead process had claimed are free after their lease; what has not moved by then will not move here."""

RELAYS = 2
"""While one waits for the database the other has starts under way."""

FEW = 32
"""So many cases are asked for one by one; for more the outbox is watched until it is empty."""

_NO_ACCESS = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})


async def reach_temporal(env: Mapping[str, str]) -> Client:
    """A client of a server that answers and has our namespace. Raises `ConnectivityFault`, `SettingsFault`."""
    address = env.get("TEMPORAL_ADDRESS", DEFAULT_TEMPORAL)
    try:
        async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
            client = await connect_temporal(env, lazy=False)
    except ValueError:
        raise SettingsFault("temporal_settings", f"TEMPORAL_ADDRESS {address} is not HOST:PORT") from None
    except (RuntimeError, TimeoutError):
        raise ConnectivityFault("temporal_unreachable", f"no Temporal server answers at {address}") from None
    await demand_namespace(client)
    return client


async def demand_namespace(client: Client) -> None:
    """Raises `SettingsFault` when the server has no such namespace, `ConnectivityFault` when it does not answer."""
    try:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=ANSWER_WITHIN
        )
    except RPCError as error:
        raise meaning(error, client.namespace) from None


def meaning(error: RPCError, namespace: str) -> ConnectivityFault | SettingsFault:
    """What an error of the server means for a command."""
    if error.status is RPCStatusCode.NOT_FOUND:
        create = f"temporal operator namespace create --namespace {namespace}"
        return SettingsFault("temporal_namespace", f"there is no namespace {namespace}; create it: {create}")
    if error.status in _NO_ACCESS:
        return SettingsFault("temporal_access", f"the server refuses us namespace {namespace} ({error.status.name})")
    return ConnectivityFault("temporal_unreachable", f"the Temporal server answers {error.status.name}")


@asynccontextmanager
async def handing_over(app: Application, client: Client) -> AsyncIterator[None]:
    """Relays in this process for as long as the block lasts."""
    relaying = [asyncio.create_task(app.relay(client).run()) for _ in range(RELAYS)]
    try:
        yield
    finally:
        for task in relaying:
            task.cancel()
        await asyncio.gather(*relaying, return_exceptions=True)


async def all_started(
    app: Application, client: Client, case_ids: Sequence[str], tell: Callable[[int], None] = lambda waiting: None
) -> tuple[str, ...]:
    """Wait until the runs of these cases are started; gives back those that are not when nothing moves any more.

    `tell` hears how many rows of the outbox wait. Raises `ConnectivityFault` when Temporal has gone meanwhile.
    """
    clock = asyncio.get_running_loop().time
    last, moved_at, asked_at = -1, clock(), clock()
    while case_ids:
        waiting = (await app.store.waiting())["outbox"]
        tell(waiting)
        if not waiting:
            return ()
        if waiting != last:
            last, moved_at = waiting, clock()
        if len(case_ids) <= FEW or clock() - moved_at > PATIENCE.total_seconds():
            case_ids = await not_started(app, client, case_ids)
            if clock() - moved_at > PATIENCE.total_seconds():
                return tuple(case_ids)
        if clock() - max(moved_at, asked_at) > QUIET.total_seconds():
            await demand_namespace(client)
            asked_at = clock()
        await asyncio.sleep(LOOK_EVERY.total_seconds())
    return ()


async def not_started(app: Application, client: Client, case_ids: Sequence[str]) -> tuple[str, ...]:
    """Those of the cases of which neither the database nor Temporal knows a run."""
    # a run that is over may have left Temporal's retention, but every run has written the state record
    states = {state.case_id: state.version for state in await app.store.statuses(case_ids)} if case_ids else {}
    untouched = [case_id for case_id in case_ids if not states.get(case_id)]
    left: list[str] = []
    for start in range(0, len(untouched), FEW):
        some = untouched[start : start + FEW]
        known = await asyncio.gather(*(_has_run(client, case_id) for case_id in some))
        left += [case_id for case_id, there in zip(some, known, strict=True) if not there]
    return tuple(left)


async def _has_run(client: Client, case_id: str) -> bool:
    try:
        await client.get_workflow_handle(paid_case_id(case_id)).describe(rpc_timeout=ANSWER_WITHIN)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise meaning(error, client.namespace) from None
    return True
