"""Schedules of the namespace: which are missing, and adding them. One that is there stays as operators have left it."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.service import RPCError

from starter.handing_over import ANSWER_WITHIN, meaning
from workflows.identity import RECONCILE_SCHEDULE, TASK_QUEUE, reconcile_id
from workflows.reconcile import Reconcile, ReconcileInput

CATCH_UP_WITHIN = timedelta(days=1)
"""What a server that was down has missed is made up for once; each run looks back for days anyway."""


def reconcile_daily() -> Schedule:
    """At 3:17 in Warsaw, and not while the comparison of the day before still goes."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            Reconcile.run,
            ReconcileInput(),
            id=reconcile_id(),
            task_queue=TASK_QUEUE,
            static_summary="Compare gateway, records and invoices of the last days",
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(3)], minute=[ScheduleRange(17)])],
            time_zone_name="Europe/Warsaw",
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP_WITHIN),
    )


async def add_missing(client: Client) -> tuple[str, ...]:
    """Add what is missing and say what was added."""
    try:
        await client.create_schedule(RECONCILE_SCHEDULE, reconcile_daily(), rpc_timeout=ANSWER_WITHIN)
    except ScheduleAlreadyRunningError:
        return ()
    except RPCError as error:
        raise meaning(error, client.namespace) from None
    return (RECONCILE_SCHEDULE,)
