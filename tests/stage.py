"""The whole pipeline on a stage: real Temporal dev server, real worker processes, a real database, the stand-ins.

A `World` is one namespace of the session's server, one database, one folder of documents and one pair of stand-ins, so
that worlds never meet. The test process plays the API: it records through `Intake` and leaves the rest to the workers.
Nothing here sleeps for a fixed time; `until` looks again every few milliseconds and fails by name at its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from invoicing import bootstrap
from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.labels import Role
from invoicing.domain.records import Event, InboxMessage, OutboxKind, OutboxMessage, StoredAlert
from invoicing.domain.state import CaseState
from invoicing.intake import PaymentAsked
from invoicing.presenting import state_record
from invoicing.sandbox.autopay import faults as autopay_faults
from invoicing.sandbox.autopay.desk import Action, AutopayOptions, AutoPayer
from invoicing.sandbox.autopay.ledger import Status, Transaction
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.mail import faults as mail_faults
from invoicing.sandbox.mail.mailbox import StoredMessage
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from invoicing.settings import load
from invoicing.storage import tables
from tools.temporal import cache, dev_server, provide
from workflows import identity

T = TypeVar("T")

PATIENCE = 30.0
WORKER = ("worker.py",)
NAMESPACES = 60
SECRET = "a-secret-of-the-stage-and-of-nothing-else"
SANDBOX_KEY = "sandbox-autopay-key"

BUYER: Mapping[str, Any] = {
    "kind": "company",
    "name": "Przykład sp. z o.o.",
    "tax_id": "5260250274",
    "street": "Jasna 6/3",
    "postal_code": "00-013",
    "city": "Warszawa",
    "country": "PL",
    "email": "faktury@example.com",
}
EXPERT: Mapping[str, Any] = {
    "name": "Jan Przykładowy Doradztwo",
    "tax_id": "1234563218",
    "street": "Prosta 1",
    "postal_code": "00-001",
    "city": "Warszawa",
    "country": "PL",
    "email": "ekspert@example.com",
    "language": "pl",
    "bank_account": "PL61109010140000071219812874",
    "vat_status": "active",
    "exemption_basis": None,
    "issuer": "builtin",
    "invoice_series": "FV/{number}/{month}/{year}",
}
PAID = {"method": "external", "reference": "TR-2026-11-22", "paid_at": "2026-11-22T10:00:00Z"}
"""Payment of a case that arrives paid."""

PERSONAL = (
    "Przykład", "Przyk\\u0142ad", "5260250274", "Jasna", "00-013", "faktury@example.com", "anna@example.com",
    "Jan Przyk", "1234563218", "Prosta 1", "00-001", "ekspert@example.com", "PL61109010140000071219812874",
    "61109010140000071219812874", "Konsultacja prawna", "payment/continue",
)  # fmt: skip
"""What must never be met in a history, an id or a search attribute: names, addresses, tax ids, mails, payers' links."""


class Overdue(AssertionError):
    """What a test waited for did not come."""


async def until(condition: Callable[[], Awaitable[T | None]], what: str, within: float = PATIENCE) -> T:
    """The first true answer of a condition; `Overdue` after so many seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = await condition()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise Overdue(f"within {within} s: {what}")
        await asyncio.sleep(0.03)


def document(case_id: str, *, paid: bool = False, **changes: Any) -> CaseDocument:
    """The case of the specification, to be paid through the gateway or already paid."""
    fields: dict[str, Any] = {
        "case_id": case_id,
        "expert_id": "exp-1",
        "client": {"id": "cli-7", "email": "anna@example.com", "language": "pl"},
        "billing_data": dict(BUYER),
        "currency": "PLN",
        "prices": "net",
        "lines": [
            {
                "description": "Konsultacja prawna",
                "quantity": "1.5",
                "unit": "godz.",
                "unit_price": "240.00",
                "discount_percent": "10",
                "vat_rate": "23",
            }
        ],
        "payment": dict(PAID) if paid else {"method": "autopay"},
    }
    return CaseDocument.model_validate({**fields, **changes})


# --- the Temporal server ---------------------------------------------------------------------------------------------


@dataclass
class TemporalServer:
    """A dev server with many namespaces; each world takes its own."""

    address: str
    binary: Path
    log: Path
    database: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    _taken: int = 0

    def start(self) -> None:
        """Start it on its address; it is ready when a client has connected."""
        env = {"TEMPORAL_ADDRESS": self.address}
        if self.database is not None:
            env["TEMPORAL_DB"] = str(self.database)
        line = dev_server.command(self.binary, env) + [f"--namespace=w{number}" for number in range(NAMESPACES)]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def stop(self) -> None:
        """End it by its pid; a file keeps its state."""
        if self.process is not None:
            end(self.process, signal.SIGTERM)
            self.process = None

    def namespace(self) -> str:
        """A namespace nobody else has."""
        self._taken += 1
        return f"w{self._taken - 1}"


@contextmanager
def temporal_server(folder: Path, *, on_file: bool = False) -> Iterator[TemporalServer]:
    """A running dev server, in memory or with its state in a file."""
    binary = provide.provide("cli", os.environ, provide.to_stderr)
    server = TemporalServer(
        address=f"127.0.0.1:{dev_server.free_port()}",
        binary=binary,
        log=folder / "temporal.log",
        database=folder / "temporal.db" if on_file else None,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> int:
    """Signal a process of ours and reap it."""
    if process.poll() is None:
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=30)
        process.kill()
    return process.wait()


# --- a world ---------------------------------------------------------------------------------------------------------


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
class World:
    """Everything of one pipeline, and what a test does to it."""

    server: TemporalServer
    folder: Path
    env: dict[str, str]
    app: bootstrap.Application
    box: RunningSandbox
    temporal: Client
    processes: list[Process] = field(default_factory=list)
    restarts: int = 0

    # --- processes

    def start_worker(self, *command: str, **env: str) -> subprocess.Popen[bytes]:
        """A worker process; the product's own entry point unless another command is given."""
        return self._process(command or WORKER, env, f"worker-{len(self.processes)}.log")

    def start_api(self) -> subprocess.Popen[bytes]:
        """The HTTP API, which takes the gateway's messages and runs a relay of its own."""
        return self._process(("-m", "invoicing.web"), {}, "api.log")

    def _process(self, command: Sequence[str], env: Mapping[str, str], log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=cache.ROOT, env={**os.environ, **self.env, **env},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def stop_processes(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
        for process in self.processes:
            process.wait()

    async def is_ready(self, process: Process) -> None:
        """Until a process has given its sign of life."""

        async def seen() -> bool:
            assert process.poll() is None, self.logs()
            return any(worker.name.endswith(f":{process.pid}") for worker in await self.app.store.workers())

        await until(seen, f"process {process.pid} starts")

    def logs(self) -> str:
        """What the processes printed, for the report of a failed test."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-4000:]}" for path in sorted(self.folder.glob("*.log")))

    # --- what callers do

    async def record(self, case_id: str, *, paid: bool = False, **changes: Any) -> None:
        """Record a case as the API would."""
        await self.app.intake.record_case(document(case_id, paid=paid, **changes), "service")

    async def pay(self, case_id: str, within: float = 10.0) -> PaymentAsked:
        """Press the button that leads to the payment."""
        return await self.app.intake.ask_for_payment(case_id, None, "client", timedelta(seconds=within))

    async def save_expert(self, expert_id: str = "exp-1", **changes: Any) -> None:
        """Store an expert of the specification."""
        await self.app.intake.save_expert(expert_id, ExpertDocument.model_validate({**EXPERT, **changes}))

    async def correct(self, case_id: str, **changes: Any) -> None:
        """Save corrected billing data as a person of ops."""
        await self.app.intake.correct_billing_data(case_id, BillingData.model_validate({**BUYER, **changes}), "ops")

    async def save_unjudged(self, case_id: str, data: Mapping[str, Any]) -> None:
        """A new revision of billing data and its message to the run, without the judgement of the intake."""
        now = self.app.clock()
        async with self.app.store.transaction() as db:
            revision = await db.save_billing_data(case_id, BillingData.model_validate(data), "ops", now)
            key = f"billing-data:{case_id}:{revision}"
            assert await db.enqueue(OutboxMessage(key=key, kind=OutboxKind.BILLING_DATA, case_id=case_id), now)

    async def receive_unknown(self, case_id: str) -> None:
        """A message in the inbox that names an order nobody has opened."""
        message = InboxMessage(
            service_id="100001",
            order_id=f"{case_id}-99",
            remote_id="9UNKNOWN99",
            status="SUCCESS",
            amount=Decimal("398.52"),
            currency="PLN",
            details=None,
            paid_at=None,
            case_id=case_id,
            received_at=self.app.clock(),
        )
        async with self.app.store.transaction() as db:
            assert await db.receive(message)

    async def inbox_is_empty(self) -> bool:
        """Whether every stored message of the gateway was handed over."""
        return not (await self.app.store.waiting())["inbox"]

    async def regenerate(self, case_id: str, key: str) -> None:
        """Leave the decision to try the invoice again, as ops would."""
        await self._enqueue(OutboxMessage(key=key, kind=OutboxKind.REGENERATE, case_id=case_id, body={"actor": "ops"}))

    async def terminate(self, case_id: str) -> None:
        """End the run from outside, if it still goes."""
        with contextlib.suppress(RPCError):
            await self.run(case_id).terminate("the test ends the run")

    async def forget(self, case_id: str) -> None:
        """End the run and let Temporal delete it; a dev server takes half a minute for that."""
        await self.terminate(case_id)
        execution = WorkflowExecution(workflow_id=identity.paid_case_id(case_id))
        await self.temporal.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=self.temporal.namespace, workflow_execution=execution)
        )

        async def forgotten() -> bool:
            return not await self.has_run(case_id)

        await until(forgotten, "the run is deleted", 90)

    async def start_again(self, case_id: str) -> None:
        """End the run if it still goes, and start the case from the database."""
        await self.terminate(case_id)
        before = await self._run_id(case_id)
        self.restarts += 1
        await self._enqueue(
            OutboxMessage(key=f"start:{case_id}:{self.restarts}", kind=OutboxKind.START, case_id=case_id)
        )

        async def another() -> bool:
            return await self._run_id(case_id) not in {before, None}

        await until(another, "the case starts again")

    async def _run_id(self, case_id: str) -> str | None:
        return (await self.run(case_id).describe()).run_id if await self.has_run(case_id) else None

    async def _enqueue(self, message: OutboxMessage) -> None:
        async with self.app.store.transaction() as db:
            assert await db.enqueue(message, self.app.clock())

    # --- what payers and servers do

    def payer(self, prefix: str, action: Action, itn: ItnMode = ItnMode.SEND, after: float = 0.0) -> None:
        """From now on this happens with every transaction of matching orders."""
        self.box.autopay.payers.append(AutoPayer(prefix, action, itn, after, 0.0))

    def act(self, order_id: str, action: Action, itn: ItnMode = ItnMode.SEND) -> None:
        """Act on the newest transaction of an order."""
        self.box.autopay.perform(self.transactions(order_id)[-1], action, itn, 0.0)

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

    def gateway_fault(self, operation: str, fault: str, prefix: str = "", times: int = 1, **more: Any) -> None:
        """Disturb the next calls of the gateway."""
        switch = {"operation": operation, "fault": fault, "order_prefix": prefix, "times": times, **more}
        self.box.autopay.switches.set(autopay_faults.read_switch(switch))

    def mail_fault(self, fault: str, recipient: str = "", times: int = 1) -> None:
        """Disturb the next conversations of the mail server."""
        self.box.mail_switches.set(
            mail_faults.read_switch({"fault": fault, "recipient": recipient, "times": times})
        )

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


def personal_data_in(raw: bytes) -> list[str]:
    """Which canaries are met in raw bytes."""
    text = raw.decode("utf-8", errors="replace")
    return [canary for canary in PERSONAL if canary in text]


async def _connected(env: Mapping[str, str]) -> Client | None:
    try:
        return await bootstrap.connect_temporal(env, lazy=False)
    except RuntimeError:
        return None


@asynccontextmanager
async def world(
    server: TemporalServer,
    folder: Path,
    *,
    workers: int = 1,
    api: bool = True,
    template: Path | None = None,
    database_url: str | None = None,
    **settings: str,
) -> AsyncIterator[World]:
    """A world with its API process and so many of the product's workers; everything ends with the block.

    `template` is an SQLite file with our schema to copy: migrating takes longer, and not at once within one process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if template is not None:
        shutil.copy(template, folder / "paidcase.db")
    port = dev_server.free_port()
    options = SandboxOptions(
        autopay=AutopayOptions(port=0, itn_url=f"http://127.0.0.1:{port}/webhooks/autopay/itn"),
        mail=MailOptions(smtp_port=0, mailbox_port=0),
    )
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(sandbox(options))
        env = {
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_NAMESPACE": server.namespace(),
            "DATABASE_URL": database_url or f"sqlite+aiosqlite:///{folder / 'paidcase.db'}",
            "DOCUMENTS_URL": str(folder / "documents"),
            "AUTOPAY_BASE_URL": box.autopay_url,
            "AUTOPAY_SERVICE_ID": "100001",
            "AUTOPAY_SHARED_KEY": SANDBOX_KEY,
            "SMTP_HOST": box.smtp_host,
            "SMTP_PORT": str(box.smtp_port),
            "SMTP_SECURITY": "none",
            "MAIL_FROM": "sklep@example.com",
            "AUTH_SECRET": SECRET,
            "HTTP_PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "PAYMENT_POLL_INTERVAL": "1h",
            "INVOICE_RETRY_INTERVAL": "100ms",
            "MAIL_RETRY_INTERVAL": "100ms",
            "LOG_LEVEL": "info",
            **settings,
        }
        loaded = load(env, for_api=True)
        if template is None:
            await bootstrap.prepare_database(loaded)
        app = await stack.enter_async_context(bootstrap.application(loaded))
        temporal = await until(lambda: _connected(env), "Temporal answers")
        stage = World(server, folder, env, app, box, temporal)
        stack.callback(stage.stop_processes)
        started: list[Process] = [stage.start_api()] if api else []
        started += [stage.start_worker() for _ in range(workers)]
        await stage.save_expert()
        for process in started:
            await stage.is_ready(process)
        yield stage

