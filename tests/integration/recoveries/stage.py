"""A stage for failures and recoveries: the wired application on a real database before the stand-ins, without a server.

What a workflow would do between two activities is done by `step`, `parked` and `carry_out`, with the workflows' own
functions where these decide something.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
import httpx
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from activities.billing_data import ValidateInput
from activities.delivery import Postman
from activities.experts import NotifyInput
from activities.failures import FailureDetail
from activities.invoices import GenerateInput
from activities.mail import EmailInput
from activities.payments import ChargeInput
from activities.recording import FailureRecorder
from activities.records import ParkInput, ResumeInput
from activities.sweeping import SweepActivities, Sweeper
from invoicing.bootstrap import application, utc_now
from invoicing.domain.decisions import Decided, DecisionKind
from invoicing.domain.experts import ExpertInput
from invoicing.domain.records import Event, MailKind
from invoicing.domain.state import Step
from invoicing.ports import Mail
from invoicing.sandbox.autopay.desk import Action, AutopayOptions
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.clock import WallClock
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from invoicing.sandbox.wfirma.accounts import APP_KEY
from invoicing.settings import load
from invoicing.web.app import create_app
from invoicing.web.parts import parts_of
from tests.integration.recoveries.engine import Engine
from tests.integration.recoveries.journal import Journal
from tests.integration.recoveries.messages import itn
from tests.integration.recoveries.seen import Seen
from tests.stage import SANDBOX_KEY, SECRETS_KEYS, WFIRMA_KEYS
from tests.stage_samples import EXPERT, document
from workflows import acts, parking, policies
from workflows.acts import carried_out, record_not_carried_out
from workflows.messages import Decision

EURO: Mapping[str, Any] = {
    "currency": "EUR",
    "lines": [
        {"description": "Konsultacja", "quantity": "1", "unit": "szt.", "unit_price": "100.00", "vat_rate": "23"}
    ],
}
"""Changes that make a case one whose tax is stated in PLN, too."""

MOST = {Step.INVOICE: policies.invoice_retry(policies.Timing()).maximum_attempts}
"""Steps with a last attempt."""

ARGUMENTS: Mapping[Step, Any] = {
    Step.VALIDATE: ValidateInput,
    Step.CHARGE: ChargeInput,
    Step.INVOICE: GenerateInput,
    Step.EMAIL: EmailInput,
    Step.NOTIFY: NotifyInput,
}


@dataclass
class Ahead:
    """The machine's clock, moved ahead where a test has no time to wait."""

    by: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.by

    def advance(self, pause: timedelta) -> None:
        self.by += pause


@dataclass
class KnownRuns:
    """What the engine knows of its runs: all of them are there unless a test says otherwise."""

    gone: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    ended: set[tuple[str, int]] = field(default_factory=set)
    forgotten: dict[tuple[str, int], str] = field(default_factory=dict)

    async def missing(self, case_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(self.gone & set(case_ids))

    async def unfollowed(self, acts: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        return {act: ended for act, ended in self.forgotten.items() if act in acts}

    async def stuck(self) -> Mapping[str, str]:
        return dict.fromkeys(sorted(self.failing), "it fails")

    async def cut_short(self, since: datetime) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(self.ended))


@dataclass
class Play(Seen):
    """What a play does to one application."""

    clock: Ahead
    env: dict[str, str]
    runs: KnownRuns
    engine: Engine
    journal: Journal
    http: httpx.AsyncClient

    # --- callers

    async def paid(self, case_id: str, expert: str = "exp-1", **changes: Any) -> None:
        """A case that arrived paid, validated and charged."""
        await self.app.intake.record_case(document(case_id, paid=True, expert_id=expert, **changes), "service")
        for step in (Step.VALIDATE, Step.CHARGE):
            await self.step(case_id, step)

    async def invoiced(self, case_id: str, expert: str = "exp-1", **changes: Any) -> None:
        """A paid case with its invoice."""
        await self.paid(case_id, expert, **changes)
        await self.step(case_id, Step.INVOICE)

    async def asked(self, case_id: str, expert: str = "exp-1", **changes: Any) -> None:
        """A case whose client has pressed the button, validated."""
        await self.app.intake.record_case(document(case_id, expert_id=expert, **changes), "service")
        await self.app.intake.ask_for_payment(case_id, None, "client", timedelta(0))
        await self.step(case_id, Step.VALIDATE)

    async def opened(self, case_id: str, **changes: Any) -> None:
        """A case whose payment is open at the gateway."""
        await self.asked(case_id, **changes)
        await self.step(case_id, Step.CHARGE)

    async def kept(self, case_id: str, **changes: Any) -> None:
        """A case with a payment through the gateway."""
        await self.opened(case_id, **changes)
        self.pay(case_id)
        await self.checked(case_id)

    async def decide(self, case_id: str, kind: DecisionKind) -> None:
        """Take a decision as the API does, under a key of its own."""
        await self.app.deciding.take(case_id, kind, "ops", key=self.key())

    async def checked(self, case_id: str) -> None:
        """A person asks for the payment, and the gateway answers."""
        await self.decide(case_id, DecisionKind.CHECK_PAYMENT_NOW)
        await self.carry_out(case_id)

    async def refund(self, case_id: str, amount: Decimal | None = None) -> None:
        """Decide a refund of so much, or of all."""
        await self.app.deciding.refund(case_id, "ops", amount, "reklamacja", self.key())

    async def acknowledge(self, alert_id: int) -> None:
        """A person of ops looks after an alert."""
        token = self.app.tokens.issue("ops", utc_now(), name="ops-1")
        answer = await self.http.post(
            f"/v1/alerts/{alert_id}/acknowledge", headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200, answer.text

    def key(self) -> str:
        """A key that nobody has used."""
        return f"press-{len(self.journal.units)}"

    async def decided(self, case_id: str) -> Decided:
        """The newest decision of a case."""
        rows = await self.rows("SELECT MAX(number) AS number FROM decisions WHERE case_id = :case", case=case_id)
        async with self.app.store.reading() as db:
            return await db.decision(case_id, rows[0].number)

    async def carry_out(self, case_id: str, *, fails: bool = False) -> None:
        """Carry the newest decision out, as the run or an act of its own does."""
        await self.act(await self.decided(case_id), fails=fails)

    async def act(self, decided: Decided, *, fails: bool = False) -> None:
        """Carry a decision out; one that stops must be expected to."""
        inbox = decided.body.get("inbox_id")
        told = Decision(
            number=decided.number, key=decided.key, kind=decided.kind, actor=decided.actor,
            inbox_id=None if inbox is None else int(inbox),
        )  # fmt: skip
        before = len(self.journal.units)
        with self._acting():
            await carried_out(decided.case_id, self.app.timing, told)
        lines = [line for unit in self.journal.units[before:] for line in unit.lines]
        assert fails is any(line.event == "step_failed" for line in lines), lines

    def _acting(self) -> AbstractContextManager[object]:
        """Acts of the workflows run their activities on this worker."""
        return patch.object(acts, "workflow", self.engine)

    async def not_carried_out(self, case_id: str, failure: FailureDetail) -> None:
        """The newest decision stopped with this failure."""
        decided = await self.decided(case_id)
        told = Decision(number=decided.number, key=decided.key, kind=decided.kind, actor=decided.actor)
        with self._acting():
            await record_not_carried_out(case_id, told, failure)

    async def cancelled(self, case_id: str) -> None:
        """An act of its own is cancelled from outside."""
        await self.not_carried_out(case_id, FailureDetail(code="run_cancelled", outcome_known=False))

    async def external(self, case_id: str) -> None:
        """Decide that the money came another way; the same each time, without a key of the caller's."""
        amount = Decimal("398.52")
        paid_at = datetime(2026, 11, 22, 10, tzinfo=UTC)
        await self.app.deciding.external_payment(case_id, "ops", "TR-1", paid_at, amount, None)

    # --- what the run does

    async def step(self, case_id: str, step: Step, **more: Any) -> Any:
        """A step that goes well."""
        return await self.engine.run(step.value, ARGUMENTS[step](case_id=case_id, **more), MOST.get(step, 0))

    async def failing(self, case_id: str, step: Step, **more: Any) -> FailureDetail:
        """The failure with which a step cannot go on."""
        return await self.engine.failing(step.value, ARGUMENTS[step](case_id=case_id, **more), MOST.get(step, 0))

    async def parked(self, case_id: str, step: Step, failure: FailureDetail) -> None:
        """The run records that the step waits for a person."""
        shown = parking.shown(step, failure)
        await self.engine.run("record_parked", ParkInput(case_id=case_id, step=step, failure=shown))

    async def begun_again(self, case_id: str, step: Step) -> None:
        """A person has decided: the run records that the step is tried again."""
        await self.engine.run("record_resumed", ResumeInput(case_id=case_id, step=step, actor="ops"))

    async def resumed(self, case_id: str, step: Step, **more: Any) -> None:
        """A person has decided: the step is tried again, and goes well."""
        await self.begun_again(case_id, step)
        await self.step(case_id, step, **more)

    async def mailed(self, case_id: str) -> None:
        """A mail about the case that has nothing to do with anything is sent."""
        postman = Postman(self.app.store, self.app.mailer, self.clock)
        mail = Mail(f"note.{case_id}@example.com", "note@example.com", "Notatka", "Notatka", "pl")
        kind, event = MailKind.REFUND, Event.REFUND_MAILED
        await postman.deliver(case_id, kind, Step.EMAIL, mail, timedelta(hours=1), event)

    # --- what payers and servers do

    def pay(self, case_id: str, attempt: int = 1, action: Action = Action.PAY) -> None:
        """The payer acts; the gateway's own message is lost."""
        (item,) = self.box.autopay.ledger.anywhere(f"{case_id}-{attempt}")
        self.box.autopay.perform(item, action, ItnMode.DROP, 0.0)

    async def receive(self, message: str) -> str:
        """The gateway tells us; our answer."""
        answer = await self.http.post("/webhooks/autopay/itn", data={"transactions": message})
        return answer.text

    async def receive_paid(self, case_id: str) -> None:
        """The gateway tells of the money that it has."""
        (item,) = self.box.autopay.ledger.anywhere(f"{case_id}-1")
        assert ">CONFIRMED<" in await self.receive(itn(f"{case_id}-1", remote_id=item.remote_id))

    async def inbox_id(self, case_id: str) -> int:
        """The stored message of a case."""
        (row,) = await self.rows("SELECT id FROM inbox WHERE case_id = :case", case=case_id)
        return int(row.id)

    def mend(self) -> None:
        """Everything outside works again."""
        for switches in (self.box.autopay.switches, self.box.wfirma.switches, self.box.mail_switches):
            switches.clear()
        self.engine.frozen.clear()

    async def delete_at_wfirma(self, case_id: str) -> None:
        """The expert deletes the case's documents in his books."""
        for books, item in self.box.wfirma.documents():
            if (shown := books.shown(item))["id_external"].startswith(f"{case_id}-"):
                await self._call_wfirma("DELETE", f"invoices/delete/{shown['id']}")

    async def _call_wfirma(self, method: str, path: str) -> None:
        headers = {"accessKey": str(WFIRMA_KEYS["access_key"]), "secretKey": str(WFIRMA_KEYS["secret_key"])}
        url = f"{self.box.wfirma_url}/{path}?inputFormat=json&outputFormat=json"
        async with (
            aiohttp.ClientSession(headers={**headers, "appKey": APP_KEY}) as session,
            session.request(method, url, json={}) as answer,
        ):
            assert (await answer.json())["status"]["code"] == "OK"

    @asynccontextmanager
    async def with_settings(self, **changes: str | None) -> AsyncIterator[Play]:
        """A worker with other settings takes over for a while; None takes a setting away."""
        env = {name: value for name, value in {**self.env, **changes}.items() if value is not None}
        async with _played(env, self.box, self.clock, self.runs, self.journal, self.sql) as other:
            yield other


@asynccontextmanager
async def _played(
    env: dict[str, str], box: RunningSandbox, clock: Ahead, runs: KnownRuns, journal: Journal, sql: AsyncEngine
) -> AsyncIterator[Play]:
    async with application(load(env, for_api=True), clock) as app:
        app.store.work = journal.work  # type: ignore[attr-defined]  # the class of its units of work
        sweep = SweepActivities(Sweeper(app.store, runs, clock))
        activities = (*app.activities, sweep.sweep_cases, sweep.sweep_acts)
        engine = Engine(activities, FailureRecorder(app.store, clock), clock.advance)
        transport = httpx.ASGITransport(create_app(parts_of(app, None, redirect_within=timedelta(0))))
        async with httpx.AsyncClient(transport=transport, base_url="http://paidcase.test") as http:
            yield Play(app, box, sql, clock, env, runs, engine, journal, http)


def settings(folder: Path, box: RunningSandbox) -> dict[str, str]:
    """Variables of an application before the stand-ins."""
    return {
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'paidcase.db'}",
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
        "AUTH_SECRET": "a-secret-of-the-stage-and-of-nothing-else",
        "BROWNOUT_GOVERNOR": "off",
        "EXCHANGE_RATES_FILE": str(_rates(folder)),
    }


def _rates(folder: Path) -> Path:
    """A rate of the euro for every day that a test may meet."""
    days = [date(2026, 11, 1) + timedelta(days=n) for n in range((utc_now().date() - date(2026, 11, 1)).days + 30)]
    path = folder / "rates.csv"
    rows = [f"{day},EUR,4.2571,{day:%j}/A/NBP/{day:%Y}" for day in days]
    path.write_text("\n".join(["date,currency,rate,table", *rows, ""]))
    return path


@asynccontextmanager
async def played(folder: Path, database_url: str | None = None) -> AsyncIterator[Play]:
    """The application on a migrated database, with experts of both kinds."""
    options = SandboxOptions(autopay=AutopayOptions(port=0), mail=MailOptions(smtp_port=0, mailbox_port=0))
    async with sandbox(options, WallClock(time_scale=1e-6)) as box:
        env = settings(folder, box) | ({"DATABASE_URL": database_url} if database_url else {})
        sql = create_async_engine(env["DATABASE_URL"])
        try:
            async with _played(env, box, Ahead(), KnownRuns(), Journal(), sql) as play:
                for expert_id, changes in EXPERTS.items():
                    saved = ExpertInput.model_validate({**EXPERT, **changes})
                    await play.app.experts.save(expert_id, saved, "service")
                yield play
        finally:
            await sql.dispose()


EXPERTS: Mapping[str, Mapping[str, Any]] = {
    "exp-1": {},
    "exp-wfirma": {"issuer": "wfirma", "invoice_series": None, "wfirma": WFIRMA_KEYS},
    "exp-second": {"issuer": "wfirma", "invoice_series": None, "wfirma": WFIRMA_KEYS},
    "exp-third": {"issuer": "wfirma", "invoice_series": None, "wfirma": WFIRMA_KEYS},
}
