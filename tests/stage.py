"""The whole pipeline on a stage: real Temporal dev server, real worker processes, a real database, the stand-ins.

A `World` is one namespace of the session's server, one database, one folder of documents and one pair of stand-ins, so
that worlds never meet. The test process plays the API: it records through `Intake` and leaves the rest to the workers.
Nothing here sleeps for a fixed time; `until` looks again every few milliseconds and fails by name at its deadline.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.queueing import decide
from invoicing import bootstrap
from invoicing.domain.cases import BillingData
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.experts import ExpertInput
from invoicing.domain.records import InboxMessage, OutboxKind, OutboxMessage
from invoicing.intake import PaymentAsked
from invoicing.sandbox.autopay import faults as autopay_faults
from invoicing.sandbox.autopay.desk import Action, AutoPayer, AutopayOptions
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.mail import faults as mail_faults
from invoicing.sandbox.running import MailOptions, SandboxOptions, sandbox
from invoicing.sandbox.wfirma import faults as wfirma_faults
from invoicing.sandbox.wfirma.accounts import APP_KEY
from invoicing.settings import load
from tests.stage_samples import BUYER, EXPERT, document, until
from tests.stage_seen import Process, Seen
from tests.stage_temporal import TemporalServer
from tools.temporal import cache, dev_server
from workflows import identity
from workflows.sweep import Sweep, SweepRunsInput, SweepRunsResult

WORKER = ("worker.py",)
SECRET = "a-secret-of-the-stage-and-of-nothing-else"
SANDBOX_KEY = "sandbox-autopay-key"
SECRETS_KEYS = f"stage:{base64.b64encode(bytes(32)).decode()}"
WFIRMA_KEYS = {"access_key": "sandbox-access", "secret_key": "sandbox-secret", "company_id": None}


@dataclass
class World(Seen):
    """What a test does to a pipeline."""

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

    # --- what callers do

    async def record(self, case_id: str, *, paid: bool = False, **changes: Any) -> None:
        """Record a case as the API would."""
        await self.app.intake.record_case(document(case_id, paid=paid, **changes), "service")

    async def pay(self, case_id: str, within: float = 10.0) -> PaymentAsked:
        """Press the button that leads to the payment."""
        return await self.app.intake.ask_for_payment(case_id, None, "client", timedelta(seconds=within))

    async def save_expert(self, expert_id: str = "exp-1", **changes: Any) -> None:
        """Store an expert of the specification."""
        await self.app.experts.save(expert_id, ExpertInput.model_validate({**EXPERT, **changes}), "service")

    async def correct(self, case_id: str, **changes: Any) -> None:
        """Save corrected billing data as a person of ops."""
        await self.app.intake.correct_billing_data(case_id, BillingData.model_validate({**BUYER, **changes}), "ops")

    async def save_unjudged(self, case_id: str, data: Mapping[str, Any]) -> None:
        """A new revision of billing data and its decision, without the judgement of the intake."""
        now = self.app.clock()
        async with self.app.store.transaction() as db:
            revision = await db.save_billing_data(case_id, BillingData.model_validate(data), "ops", now)
            key, body = f"billing-data:{case_id}:{revision}", {"revision": str(revision)}
            await decide(db, case_id, DecisionKind.CORRECT_BILLING_DATA, key, "ops", body, now)

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

    async def regenerate(self, case_id: str, key: str) -> None:
        """Leave the decision to try the invoice again, as ops would; the same key decides once."""
        async with self.app.store.transaction() as db:
            kind, now = DecisionKind.REGENERATE_INVOICE, self.app.clock()
            await decide(db, case_id, kind, f"{kind.value}:{case_id}:{key}", "ops", {}, now)

    async def terminate(self, case_id: str) -> None:
        """End the run from outside, if it still goes."""
        with contextlib.suppress(RPCError):
            await self.run(case_id).terminate("the test ends the run")

    async def delete(self, case_id: str) -> None:
        """Delete the run from Temporal; an open one is unknown at once, a closed one after half a minute."""
        execution = WorkflowExecution(workflow_id=identity.paid_case_id(case_id))
        await self.temporal.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=self.temporal.namespace, workflow_execution=execution)
        )

    async def sweep(self) -> SweepRunsResult:
        """Compare open cases with their runs now; nothing is too young for it."""
        self.sweeps += 1
        found: SweepRunsResult = await self.temporal.execute_workflow(
            Sweep.run,
            SweepRunsInput(young=timedelta(0)),
            id=identity.sweep_id(f"now-{self.sweeps}"),
            task_queue=identity.TASK_QUEUE,
        )
        return found

    async def forget(self, case_id: str) -> None:
        """End the run and let Temporal delete it; a dev server takes half a minute for that."""
        await self.terminate(case_id)
        await self.delete(case_id)

        async def forgotten() -> bool:
            return not await self.has_run(case_id)

        await until(forgotten, "the run is deleted", 90)

    async def start_again(self, case_id: str) -> None:
        """End the run if it still goes, and start the case from the database."""
        await self.terminate(case_id)
        before = await self.run_id(case_id)
        self.restarts += 1
        await self._enqueue(
            OutboxMessage(key=f"start:{case_id}:{self.restarts}", kind=OutboxKind.START, case_id=case_id)
        )

        async def another() -> bool:
            return await self.run_id(case_id) not in {before, None}

        await until(another, "the case starts again")

    async def _enqueue(self, message: OutboxMessage) -> None:
        async with self.app.store.transaction() as db:
            assert await db.enqueue(message, self.app.clock())

    @contextmanager
    def unusable_documents(self) -> Iterator[None]:
        """The folder of documents is not a folder for a while."""
        folder = Path(self.env["DOCUMENTS_URL"])
        away = folder.with_name("documents-away")
        folder.mkdir(exist_ok=True)
        folder.rename(away)
        folder.write_text("not a folder")
        try:
            yield
        finally:
            folder.unlink()
            away.rename(folder)

    # --- what payers and servers do

    def payer(self, prefix: str, action: Action, itn: ItnMode = ItnMode.SEND, after: float = 0.0) -> None:
        """From now on this happens with every transaction of matching orders."""
        self.box.autopay.payers.append(AutoPayer(prefix, action, itn, after, 0.0))

    def act(self, order_id: str, action: Action, itn: ItnMode = ItnMode.SEND) -> None:
        """Act on the newest transaction of an order."""
        self.box.autopay.perform(self.transactions(order_id)[-1], action, itn, 0.0)

    def gateway_fault(self, operation: str, fault: str, prefix: str = "", times: int = 1, **more: Any) -> None:
        """Disturb the next calls of the gateway."""
        switch = {"operation": operation, "fault": fault, "order_prefix": prefix, "times": times, **more}
        self.box.autopay.switches.set(autopay_faults.read_switch(switch))

    def wfirma_fault(self, operation: str, fault: str, about: str = "", times: int = 1, **more: Any) -> None:
        """Disturb the next calls of wFirma whose subject begins so (an id_external begins with its case)."""
        switch = {"operation": operation, "fault": fault, "match": about, "times": times, **more}
        self.box.wfirma.switches.set(wfirma_faults.read_switch(switch))

    async def call_wfirma(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """A call of wFirma as the expert's own program makes it."""
        headers = {"accessKey": WFIRMA_KEYS["access_key"] or "", "secretKey": WFIRMA_KEYS["secret_key"] or ""}
        url = f"{self.box.wfirma_url}/{path}?inputFormat=json&outputFormat=json"
        async with (
            aiohttp.ClientSession(headers={**headers, "appKey": APP_KEY}) as session,
            session.request(method, url, json=dict(body)) as answer,
        ):
            assert (await answer.json())["status"]["code"] == "OK"

    def mail_fault(self, fault: str, recipient: str = "", times: int = 1) -> None:
        """Disturb the next conversations of the mail server."""
        self.box.mail_switches.set(mail_faults.read_switch({"fault": fault, "recipient": recipient, "times": times}))


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
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """A world with its API process and so many of the product's workers; everything ends with the block.

    `template` is an SQLite file with our schema to copy: migrating takes longer, and not at once within one process.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nothing else runs on this loop yet
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
            "WFIRMA_BASE_URL": box.wfirma_url,
            "WFIRMA_APP_KEY": APP_KEY,
            "SECRETS_KEYS": SECRETS_KEYS,
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
            **(settings or {}),
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
