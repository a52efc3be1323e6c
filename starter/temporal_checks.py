"""What `doctor` asks Temporal: the namespace with its attributes and schedules, and the current version of workers."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from invoicing.ops.deploying import deployment
from invoicing.settings import Settings
from starter.call import Call
from starter.deploy import version
from starter.handing_over import ANSWER_WITHIN, meaning, reach_temporal
from starter.health import Check, Health
from starter.schedules import SCHEDULES
from starter.search_attributes import missing


async def namespace(call: Call) -> Check:
    """The server, the namespace and its search attributes."""
    client = await reach_temporal(call.env)
    where = f"{client.service_client.config.target_host}, namespace {client.namespace}"
    absent = await missing(client)
    if absent:
        what = f"{where}: search attributes {', '.join(absent)} are missing; run `python -m starter setup`"
        return Check("temporal", Health.FAILED, what)
    return Check("temporal", Health.OK, f"{where}, search attributes complete")


async def schedules(call: Call) -> Check:
    """Schedules that `setup` adds."""
    client = await reach_temporal(call.env)
    absent, paused = [], []
    for name in SCHEDULES:
        try:
            told = await client.get_schedule_handle(name).describe(rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise meaning(error, client.namespace) from None
            absent.append(name)
        else:
            paused += [name] if told.schedule.state.paused else []
    if absent:
        what = f"{', '.join(absent)} missing: nothing is compared by itself; run `python -m starter setup`"
        return Check("schedules", Health.WARNING, what)
    if paused:
        return Check("schedules", Health.WARNING, f"{', '.join(paused)} paused; unpause in the Temporal UI")
    return Check("schedules", Health.OK, f"{', '.join(SCHEDULES)} are there")


async def versions(call: Call, settings: Settings) -> Check:
    """Whether tasks go to workers of this folder's version."""
    if settings.worker_deployment is None:
        return Check("versions", Health.OK, "off: every worker takes every run")
    client: Client = await reach_temporal(call.env)
    told, ours = await deployment(client, settings.worker_deployment), version(settings)
    if told.current is None:
        what = f"no version of {told.name} is current, so that its workers get no task; run `python -m starter deploy`"
        return Check("versions", Health.FAILED, what)
    if told.current != ours:
        what = f"{told.current} of {told.name} is current, this folder is {ours}; run `python -m starter deploy`"
        return Check("versions", Health.WARNING, what)
    return Check("versions", Health.OK, f"{ours} of {told.name} is current")
