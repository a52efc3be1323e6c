"""Schedules of the namespace: which are missing, and adding them. One that is there stays as operators have left it."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.service import RPCError

from starter.handing_over import ANSWER_WITHIN, meaning
from workflows.identity import RECONCILE_SCHEDULE, SWEEP_SCHEDULE, TASK_QUEUE, reconcile_id, sweep_id
from workflows.reconcile import Reconcile, ReconcileInput
from workflows.sweep import Sweep, SweepRunsInput

CATCH_UP_WITHIN = timedelta(days=1)
"""What a server that was down has missed is made up for once; each run looks back for days anyway."""

SWEEP_EVERY = timedelta(minutes=10)


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


def sweep_often() -> Schedule:
    """Every ten minutes; what was missed is not made up for, because the next sweep sees all."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            Sweep.run,
            SweepRunsInput(),
            id=sweep_id(),
            task_queue=TASK_QUEUE,
            static_summary="Compare open cases with their runs",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=SWEEP_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=SWEEP_EVERY),
    )


SCHEDULES = {RECONCILE_SCHEDULE: reconcile_daily, SWEEP_SCHEDULE: sweep_often}


async def add_missing(client: Client) -> tuple[str, ...]:
    """Add what is missing and say what was added."""
    added: list[str] = []
    for name, schedule in SCHEDULES.items():
        try:
            await client.create_schedule(name, schedule(), rpc_timeout=ANSWER_WITHIN)
        except ScheduleAlreadyRunningError:
            continue
        except RPCError as error:
            raise meaning(error, client.namespace) from None
        added.append(name)
    return tuple(added)
