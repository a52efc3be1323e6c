"""What a test can see of a pipeline on the stage: what people, the gateway, the mail server and Temporal know."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.api.history.v1 import History
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from invoicing import bootstrap
from invoicing.domain.labels import Role
from invoicing.domain.records import Event, StoredAlert
from invoicing.domain.state import CaseState
from invoicing.presenting import state_record
from invoicing.sandbox.autopay.ledger import Status, Transaction
from invoicing.sandbox.mail.mailbox import StoredMessage
from invoicing.sandbox.running import RunningSandbox
from invoicing.storage import tables
from tests.stage_samples import PATIENCE, Overdue, until
from tests.stage_temporal import TemporalServer
from workflows import identity


class Process(Protocol):
    """What a stage does with a process of its own."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """How it ended; waits for that."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it."""


@dataclass
class Seen:
    """Everything of one pipeline, to be looked at: ledger and mailbox, database, histories, processes."""

    server: TemporalServer
    folder: Path
    env: dict[str, str]
    app: bootstrap.Application
    box: RunningSandbox
    temporal: Client
    processes: list[Process] = field(default_factory=list)
    restarts: int = 0
    sweeps: int = 0

    # --- processes

    async def is_ready(self, process: Process) -> None:
        """Until a process has given its sign of life."""

        async def seen() -> bool:
            assert process.poll() is None, self.logs()
            return any(worker.name.endswith(f":{process.pid}") for worker in await self.app.store.workers())

        await until(seen, f"process {process.pid} starts")

    def logs(self) -> str:
        """What the processes printed, for the report of a failed test."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-4000:]}" for path in sorted(self.folder.glob("*.log")))

    # --- what the stand-ins know

    def transactions(self, order_id: str) -> list[Transaction]:
        """What the gateway's ledger holds of an order."""
        return self.box.autopay.ledger.anywhere(order_id)

    def ledger(self, case_id: str) -> list[Transaction]:
        """What the gateway's ledger holds of a case, over all its orders."""
        orders = (f"{case_id}-{number}" for number in range(1, 20))
        return [item for order in orders for item in self.transactions(order)]

    def successes(self, case_id: str) -> list[Transaction]:
        """Money that the gateway took for a case."""
        return [item for item in self.ledger(case_id) if item.status is Status.SUCCESS]

    def requests(self, order_id: str) -> Mapping[str, int]:
        """How often the gateway was asked about an order, by operation."""
        return self.box.autopay.ledger.requests.get(order_id, {})

    def issued(self, case_id: str) -> list[dict[str, Any]]:
        """Documents of a case in the books at wFirma, oldest first."""
        shown = (books.shown(document) for books, document in self.box.wfirma.documents())
        return [item for item in shown if item["id_external"].startswith(f"{case_id}-")]

    def mails(self, case_id: str) -> list[StoredMessage]:
        """Accepted mails of a case, in order of arrival."""
        return [mail for mail in self.box.mailbox.find() if f".{case_id}." in mail.message_id]

    # --- what people see

    async def state(self, case_id: str) -> CaseState:
        """The state record."""
        return (await self.app.intake.facts(case_id)).state

    async def shown(self, case_id: str, role: Role = Role.OPS) -> dict[str, Any]:
        """The state record as the API answers it."""
        return state_record(await self.app.intake.facts(case_id), role, "pl")

    async def when(
        self, case_id: str, holds: Callable[[CaseState], object], what: str, within: float = PATIENCE
    ) -> CaseState:
        """The state record, once something holds."""

        async def look() -> CaseState | None:
            state = await self.state(case_id)
            return state if holds(state) else None

        try:
            return await until(look, f"{case_id}: {what}", within)
        except Overdue as late:
            raise Overdue(f"{late}\n{await self.state(case_id)}\n{self.logs()}") from None

    async def ended(self, case_id: str, within: float = PATIENCE) -> CaseState:
        """The state record of a case whose run has ended."""
        await self.run_ended(case_id, within)
        return await self.state(case_id)

    async def run_ended(self, case_id: str, within: float = PATIENCE) -> WorkflowHandle[Any, Any]:
        """Until the newest run of a case has completed well."""
        handle = self.run(case_id)

        async def closed() -> WorkflowExecutionStatus | None:
            with contextlib.suppress(RPCError):
                status = (await handle.describe()).status
                return status if status is not WorkflowExecutionStatus.RUNNING else None
            return None

        try:
            status = await until(closed, f"{case_id}: the run ends", within)
        except Overdue as late:
            raise Overdue(f"{late}\n{await self.state(case_id)}\n{self.logs()}") from None
        assert status is WorkflowExecutionStatus.COMPLETED, f"{case_id}: {status}\n{self.logs()}"
        return handle

    async def alerts(self, case_id: str, *, open_only: bool = True) -> list[StoredAlert]:
        """Alerts of a case, newest first."""
        found = await self.app.store.alerts(open_only=open_only, after_id=0, limit=500)
        return [alert for alert in found if alert.case_id == case_id]

    async def events(self, case_id: str) -> list[Event]:
        """The timeline of a case."""
        return [entry.event for entry in await self.app.store.timeline(case_id)]

    async def rows(self, table: Table, case_id: str | None = None) -> list[dict[str, Any]]:
        """Rows of a table, of one case when it is named."""
        engine = create_async_engine(self.env["DATABASE_URL"])
        try:
            async with engine.connect() as connection:
                query = select(table)
                if case_id is not None:
                    query = query.where(table.c.case_id == case_id)
                return [row._asdict() for row in (await connection.execute(query)).all()]
        finally:
            await engine.dispose()

    async def open_tasks(self, case_id: str) -> list[dict[str, Any]]:
        """What is on the failed lists for a case."""
        return [row for row in await self.rows(tables.failed_tasks, case_id) if row["closed_at"] is None]

    async def parked_times(self, case_id: str, times: int) -> bool:
        """Whether the case was parked so often."""
        return (await self.events(case_id)).count(Event.PARKED) >= times

    async def mailed(self, case_id: str, times: int) -> bool:
        """Whether so many mails of the case were accepted."""
        return len(self.mails(case_id)) >= times

    async def kept(self, case_id: str) -> list[dict[str, Any]]:
        """Kept captures of a case."""
        return [row for row in await self.rows(tables.captures, case_id) if row["kept"]]

    async def inbox_is_empty(self) -> bool:
        """Whether every stored message of the gateway was handed over."""
        return not (await self.app.store.waiting())["inbox"]

    # --- what the history tells

    def run(self, case_id: str) -> WorkflowHandle[Any, Any]:
        """The newest run of a case."""
        return self.temporal.get_workflow_handle(identity.paid_case_id(case_id))

    async def has_run(self, case_id: str) -> bool:
        """Whether Temporal knows a run of the case."""
        try:
            await self.run(case_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True

    async def signalled(self, case_id: str) -> bool:
        """Whether the newest run has taken a signal in a workflow task."""
        events = (await self.history(case_id)).events
        heard = [event.event_id for event in events if event.HasField("workflow_execution_signaled_event_attributes")]
        done = [event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes")]
        return bool(heard and done) and done[-1] > heard[-1]

    async def history(self, case_id: str) -> History:
        """The raw history of the newest run."""
        return History(events=(await self.run(case_id).fetch_history()).events)

    async def completed(self, case_id: str) -> list[str]:
        """Activity types that the newest run completed, in the order of their ends."""
        scheduled: dict[int, str] = {}
        done: list[str] = []
        for event in (await self.history(case_id)).events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                scheduled[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
            if event.HasField("activity_task_completed_event_attributes"):
                done.append(scheduled[event.activity_task_completed_event_attributes.scheduled_event_id])
        return done

    async def activities(self, case_id: str) -> list[str]:
        """Activity types that the newest run scheduled, in order."""
        events = (await self.history(case_id)).events
        return [
            event.activity_task_scheduled_event_attributes.activity_type.name
            for event in events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]

    async def run_id(self, case_id: str) -> str | None:
        return (await self.run(case_id).describe()).run_id if await self.has_run(case_id) else None
