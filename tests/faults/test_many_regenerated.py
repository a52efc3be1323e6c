"""Five hundred parked cases regenerated in one call, the worker killed twice in between: one invoice, one mail each.

The cases wait for an expert who was not recorded. They are put into that state by the product's own activity, and their
runs begin where continue-as-new would have left them, because what is proved here begins with the call.
"""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
from sqlalchemy import update
from sqlalchemy.ext.asyncio import create_async_engine

from activities.failures import FailureDetail
from activities.records import ParkInput, RecordActivities
from invoicing.domain.state import InvoiceStatus, PaymentStatus, Step
from invoicing.errors import Cause
from invoicing.storage import tables
from tests.faults.stage import unarmed
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from workflows import identity
from workflows.messages import PaidCaseInput, Waiting
from workflows.paid_case import PaidCase

MANY = 500
CASES = [f"many-{number:03}" for number in range(MANY)]
EXPERT = "exp-late"
KILLED_AT = (MANY // 5, MANY // 2)
"""So many invoices are there when a worker is killed."""

FAILURE = FailureDetail(cause=Cause.SETTINGS, code="expert_unknown")


async def parked_cases(stage: World) -> None:
    """The record, the alert and the run of every case."""
    records, turn = RecordActivities(stage.app.store, stage.app.clock), asyncio.Semaphore(16)
    for case_id in CASES:
        await stage.record(case_id, paid=True, expert_id=EXPERT)
        await records.record_parked(ParkInput(case_id=case_id, step=Step.VALIDATE, failure=FAILURE))
    engine = create_async_engine(stage.env["DATABASE_URL"])
    async with engine.begin() as connection:  # their runs are begun here and now
        await connection.execute(update(tables.outbox).values(delivered_at=stage.app.clock()))
    await engine.dispose()
    waiting = Waiting(step=Step.VALIDATE, failure=FAILURE, payment=PaymentStatus.COMPLETED)

    async def begin(case_id: str) -> None:
        async with turn:
            await stage.temporal.start_workflow(
                PaidCase.run,
                PaidCaseInput(
                    case_id=case_id,
                    expert_id=EXPERT,
                    client_id="cli-7",
                    timing=stage.app.timing,
                    waiting=waiting,
                ),
                id=identity.paid_case_id(case_id),
                task_queue=identity.TASK_QUEUE,
            )

    await asyncio.gather(*(begin(case_id) for case_id in CASES))


async def invoiced(stage: World, many: int) -> bool:
    return len(await stage.rows(tables.invoices)) >= many


async def test_five_hundred_parked_cases_are_regenerated_once_each_whoever_dies(
    temporal: TemporalServer, template: Path, tmp_path: Path
) -> None:
    async with world(temporal, tmp_path, workers=0, api=False, template=template) as stage:
        await parked_cases(stage)
        await stage.is_ready(stage.start_api())
        worker = unarmed(stage)
        await stage.save_expert(EXPERT, email=None)
        token = stage.app.tokens.issue("ops", stage.app.clock())
        async with httpx.AsyncClient(base_url=stage.env["PUBLIC_URL"], timeout=60) as client:
            told = await client.post(
                "/v1/failed-tasks/regenerate",
                json={"case_ids": CASES},
                headers={"Authorization": f"Bearer {token}"},
            )
        assert told.status_code == 200, told.text
        assert all(item["accepted"] for item in told.json()["items"])
        for many in KILLED_AT:
            await until(lambda many=many: invoiced(stage, many), f"{many} invoices are there", 120)  # type: ignore[misc] # mypy cannot infer a lambda with a default
            worker.kill()
            worker.wait()
            worker = unarmed(stage)

        async def all_told() -> bool:
            states = await stage.app.store.statuses(CASES)
            return all(state.expert_told for state in states)

        await until(all_told, "every case has ended", 180)
        for state in await stage.app.store.statuses(CASES):
            assert (state.invoice.status, state.parked, state.badges) == (InvoiceStatus.AVAILABLE, None, ())
        rows = await stage.rows(tables.invoices)
        assert sorted(row["ordinal"] for row in rows) == list(range(1, MANY + 1)), "no gap and no second invoice"
        assert {row["case_id"] for row in rows} == set(CASES)
        assert not [alert for alert in await stage.app.store.alerts(open_only=True, after_id=0, limit=10)]

        async def all_mailed() -> bool:
            return len({mail.message_id for mail in stage.box.mailbox.find()}) == MANY

        await until(all_mailed, "the client of every case has his mail", 60)
        copies = Counter(mail.message_id for mail in stage.box.mailbox.find())
        assert max(copies.values()) <= 2, "a copy more only where a worker died between a mail and its record"
        assert sum(copies.values()) - len(copies) <= 2 * 100, "never more than a worker had under way"
