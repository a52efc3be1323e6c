"""Versions of the workers of a deployment: which one is current, and making one current.

Guarantee: a version becomes current only when a worker of it has polled, unless none was current before: tasks that go
to a version without workers wait, and nothing says so but `doctor`.
"""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest, SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import NotFound
from invoicing.ops.runs import ANSWER_WITHIN, meaning

_UNKNOWN = frozenset({RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION})


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the server knows of a deployment; `current` is the build id that new tasks go to, None for unversioned."""

    name: str
    current: str | None = None
    known: tuple[str, ...] = ()
    draining: tuple[str, ...] = ()


async def deployment(client: Client, name: str) -> Deployment:
    """The deployment; an empty one when no worker of it was ever there. Raises `ConnectivityFault`, `SettingsFault`."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name)
    try:
        told = await client.workflow_service.describe_worker_deployment(request, timeout=ANSWER_WITHIN)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Deployment(name)
        raise meaning(error, name) from None
    info, status = told.worker_deployment_info, WorkerDeploymentVersionStatus
    return Deployment(
        name=name,
        current=info.routing_config.current_deployment_version.build_id or None,
        known=tuple(one.deployment_version.build_id for one in info.version_summaries),
        draining=tuple(
            one.deployment_version.build_id
            for one in info.version_summaries
            if one.status == status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING
        ),
    )


async def make_current(client: Client, name: str, build_id: str, *, without_workers: bool = False) -> None:
    """New tasks go to this version from now on; again changes nothing.

    Raises `NotFound("version_unknown")` while no worker of it has polled, `ConnectivityFault`, `SettingsFault`.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=name,
        build_id=build_id,
        identity="paidcase-starter",
        allow_no_pollers=without_workers,
    )
    try:
        await client.workflow_service.set_worker_deployment_current_version(request, timeout=ANSWER_WITHIN)
    except RPCError as error:
        if error.status in _UNKNOWN:
            raise NotFound("version_unknown", f"no worker of version {build_id} has polled yet") from None
        raise meaning(error, name) from None


async def first_version(client: Client, name: str, build_id: str) -> bool:
    """Make the version current where none is, before its workers come; False when one is current already."""
    if (await deployment(client, name)).current is not None:
        return False
    await make_current(client, name, build_id, without_workers=True)
    return True
