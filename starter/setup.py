"""`setup`: bring database and Temporal to what this version needs. May be repeated; changes only what is missing."""

from __future__ import annotations

import argparse

from invoicing.bootstrap import prepare_database
from invoicing.ops.deploying import first_version
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.deploy import version
from starter.handing_over import reach_temporal
from starter.outcomes import ExitCode
from starter.schedules import add_missing
from starter.search_attributes import register_missing


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""
    parser.epilog = "The Temporal namespace must exist; the database is created only where it is a file."


def run(call: Call) -> int:
    """First the database, which needs nobody, then Temporal."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    settings = call.settings()
    revision = await prepare_database(settings)
    call.out.line(f"database: schema {revision}")
    client = await reach_temporal(call.env)
    added = await register_missing(client)
    told = f"added {', '.join(added)}" if added else "complete"
    call.out.line(f"temporal: namespace {client.namespace}, search attributes {told}")
    scheduled = await add_missing(client)
    call.out.line(f"temporal: schedules {'added ' + ', '.join(scheduled) if scheduled else 'complete'}")
    first = None
    if settings.worker_deployment is not None:
        ours = version(settings)
        # without a current version the first workers would get no task; a later one is made current by `deploy`
        first = ours if await first_version(client, settings.worker_deployment, ours) else None
        told = f"{first} is the first current one" if first else "left to `deploy`"
        call.out.line(f"temporal: versions of {settings.worker_deployment}: {told}")
    call.out.result(
        {
            "database": {"schema": revision},
            "temporal": {
                "namespace": client.namespace,
                "search_attributes_added": added,
                "schedules_added": scheduled,
                "first_version": first,
            },
        }
    )
    return ExitCode.OK
