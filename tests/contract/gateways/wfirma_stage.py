"""What the tests of the wFirma issuer have in common: facts of a case, a clock to move, notes that outlive an issuer,
and the stand-in behind a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.records import CaseFacts
from invoicing.domain.state import CaseState, PaymentState, PaymentStatus
from invoicing.errors import PaidcaseError
from invoicing.gateways.wfirma.client import WfirmaClient
from invoicing.gateways.wfirma.issuer import WfirmaIssuer
from invoicing.ports import Issued, IssueOrder
from invoicing.sandbox.autopay.desk import AutopayOptions
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from invoicing.sandbox.wfirma.accounts import Account
from invoicing.sandbox.wfirma.desk import WfirmaOptions
from invoicing.storage.files import FileDocumentStore

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LINE: dict[str, Any] = {
    "description": "Konsultacja prawna", "quantity": "1.5", "unit": "godz.", "unit_price": "240.00",
    "discount_percent": "10", "vat_rate": "23",
}  # fmt: skip
COMPANY: dict[str, Any] = {
    "kind": "company", "name": "Przykład sp. z o.o.", "tax_id": "5260250274", "street": "Jasna 6/3",
    "postal_code": "00-013", "city": "Warszawa", "country": "PL", "email": "faktury@example.com",
}  # fmt: skip
PERSON: dict[str, Any] = {
    "kind": "person", "name": "Anna Przykładowa", "street": "Długa 5", "postal_code": "31-146", "city": "Kraków",
    "country": "PL",
}  # fmt: skip
KEYS = {"access_key": "sandbox-access", "secret_key": "sandbox-secret"}
SEVERAL = 12


def facts(
    case_id: str = "2026-000123",
    *,
    billing: dict[str, Any] | None = None,
    expert: dict[str, Any] | None = None,
    language: str = "pl",
    **case: Any,
) -> CaseFacts:
    """A paid case of an expert who keeps his books at wFirma."""
    document = CaseDocument.model_validate(
        {
            "case_id": case_id,
            "expert_id": "exp-1",
            "client": {"id": "cli-7", "email": "anna@example.com", "language": language},
            "lines": [LINE],
            **case,
        }
    )
    seller = {"name": "Jan Przykładowy Doradztwo", "issuer": "wfirma", "wfirma": KEYS, **(expert or {})}
    payment = PaymentState(status=PaymentStatus.COMPLETED, attempt=1, paid_at=NOON - timedelta(days=1), reference="9A")
    return CaseFacts(
        document=document,
        state=CaseState(case_id=case_id, currency=document.currency, payment=payment),
        billing=BillingData.model_validate(COMPANY if billing is None else billing),
        billing_revision=1,
        expert=ExpertDocument.model_validate(seller),
        arrived_at=NOON - timedelta(days=1),
    )


class MovedClock:
    """One time for both sides; it stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = NOON
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def __call__(self) -> datetime:
        return self._now

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            due = asyncio.Event()
            self._sleepers.append((self._now + timedelta(seconds=seconds), due))
            await due.wait()

    async def pause(self, seconds: float) -> None:
        await self.sleep(seconds)

    def advance(self, pause: timedelta) -> None:
        self._now += pause
        for due, event in self._sleepers:
            if due <= self._now:
                event.set()


class KeptNotes:
    """Notes of adds in memory, apart from any issuer, so that they outlive one."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], datetime] = {}

    async def last(self, case_id: str, sequence: int) -> datetime | None:
        return self.rows.get((case_id, sequence))

    async def claim(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        last = self.rows.get((case_id, sequence))
        if last is not None and last > unless_after:
            return False
        self.rows[case_id, sequence] = now
        return True

    async def release(self, case_id: str, sequence: int, claimed_at: datetime) -> None:
        if self.rows.get((case_id, sequence)) == claimed_at:
            del self.rows[case_id, sequence]


@dataclass
class Stage:
    """The stand-in, and our side of it; `issuer` may be replaced as a new process would."""

    running: RunningSandbox
    clock: MovedClock
    documents: FileDocumentStore
    session: aiohttp.ClientSession
    stack: AsyncExitStack
    notes: KeptNotes = field(default_factory=KeptNotes)

    def issuer(self, **options: Any) -> WfirmaIssuer:
        """An issuer as a fresh process has it; only notes and files are shared."""
        return WfirmaIssuer(self.client(**options), self.notes, self.documents, self.clock)

    def client(self, app_key: str = "sandbox-app", **options: Any) -> WfirmaClient:
        client = WfirmaClient(self.running.wfirma_url, app_key, self.clock, **options)
        self.stack.push_async_callback(client.close)
        return client

    async def fault(self, fault: str, operation: str = "any", **other: Any) -> None:
        await self._control("faults", {"fault": fault, "operation": operation, **other})

    async def account(self, **told: Any) -> None:
        await self._control("accounts", told)

    async def _control(self, path: str, body: dict[str, Any]) -> None:
        async with self.session.post(f"{self.running.wfirma_url}/_sandbox/{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()

    async def ledger(self) -> dict[str, Any]:
        async with self.session.get(f"{self.running.wfirma_url}/_sandbox/ledger") as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def invoices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ledger())["invoices"]
        return found

    async def record(self, at: int = 0) -> dict[str, Any]:
        """A document as the stand-in keeps it."""
        books, document = self.running.wfirma.documents()[at]
        return books.shown(document)

    async def call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A call of the API as the expert's own program might make it."""
        headers = {"accessKey": "sandbox-access", "secretKey": "sandbox-secret", "appKey": "sandbox-app"}
        url = f"{self.running.wfirma_url}/{path}?inputFormat=json&outputFormat=json"
        method = "DELETE" if "/delete/" in path else "POST"
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def requests(self) -> dict[str, int]:
        told: dict[str, int] = (await self.ledger())["requests"]
        return told

    async def fault_of(self, order: IssueOrder) -> PaidcaseError:
        """The error with which a new process fails to issue."""
        with pytest.raises(PaidcaseError) as caught:
            await self.issuer().issue(order)
        return caught.value

    async def attempts(self, order: IssueOrder, **options: Any) -> Issued:
        """Try as an activity is retried, each time as a new process, waiting as long as it was told."""
        for _ in range(SEVERAL):
            try:
                return await self.issuer(**options).issue(order)
            except PaidcaseError as fault:
                if not fault.retryable:
                    raise
                self.clock.advance(fault.retry_after or timedelta(seconds=1))
        raise AssertionError("the attempts came to no end")


@asynccontextmanager
async def open_stage(folder: Path, *accounts: Account) -> AsyncIterator[Stage]:
    """The stand-in on free ports, and a stage before it."""
    clock = MovedClock()
    options = SandboxOptions(
        autopay=AutopayOptions(port=0),
        mail=MailOptions(smtp_port=0, mailbox_port=0),
        wfirma=WfirmaOptions(accounts=(Account(), *accounts)),
    )
    async with (
        sandbox(options, clock) as running,
        aiohttp.ClientSession() as session,
        AsyncExitStack() as stack,
    ):
        yield Stage(running, clock, FileDocumentStore(str(folder)), session, stack)
