"""Issuers under examination, each before the books it writes: our own database, and the stand-in of wFirma."""

from __future__ import annotations

import asyncio
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from examples.documents import EXPERT
from invoicing.documents.builtin import BuiltinIssuer
from invoicing.documents.pdf.assets import Assets
from invoicing.documents.pdf.invoice import render
from invoicing.domain.invoices import Invoice
from invoicing.gateways.wfirma.client import WfirmaClient
from invoicing.gateways.wfirma.issuer import WfirmaIssuer
from invoicing.gateways.wfirma.notes import StoredNotes
from invoicing.ports import IssueOrder, Issuer
from invoicing.storage.store import SqlCaseStore
from tests.contract.gateways.wfirma_stage import NOON, Stage, facts, open_stage

Wrap = Callable[[Issuer], Issuer]
SELLER: dict[str, Any] = {name: EXPERT[name] for name in ("tax_id", "street", "postal_code", "city", "bank_account")}


def untouched(issuer: Issuer) -> Issuer:
    """The adapter as it is."""
    return issuer


@dataclass(frozen=True)
class Bench(ABC):
    """One adapter, its books and its files; `wrap` is where a sabotaged adapter comes in."""

    store: SqlCaseStore
    stage: Stage
    wrap: Wrap = untouched

    expert: dict[str, Any] = dataclasses.field(default_factory=dict)

    @abstractmethod
    def made(self) -> Issuer:
        """The adapter as a fresh process has it."""

    @abstractmethod
    def dying(self) -> Issuer:
        """An adapter whose process ends when the document exists and nothing more is known of it."""

    @abstractmethod
    async def away(self) -> Issuer:
        """An adapter whose provider cannot be reached."""

    @abstractmethod
    async def books(self) -> list[str]:
        """Case and sequence of every issued document, joined by a dash."""

    def issuer(self) -> Issuer:
        """A fresh process."""
        return self.wrap(self.made())

    async def order(self, case_id: str, sequence: int = 1, **changes: Any) -> IssueOrder:
        """The order of a recorded case."""
        found = facts(case_id, expert={**SELLER, **self.expert})
        async with self.store.transaction() as db:
            await db.record_case(found.document, found.state, NOON)
        return IssueOrder(found.model_copy(update=changes), sequence)


class BuiltinBench(Bench):
    """Our own numbers and PDFs."""

    def made(self) -> Issuer:
        return BuiltinIssuer(self.store, self.stage.documents, render, self.stage.clock)

    def dying(self) -> Issuer:
        def die(invoice: Invoice, assets: Assets, duplicate_on: date | None = None, /) -> bytes:
            raise asyncio.CancelledError

        return BuiltinIssuer(self.store, self.stage.documents, die, self.stage.clock)

    async def away(self) -> Issuer:
        # a folder is no database
        nowhere = SqlCaseStore(f"sqlite+aiosqlite:///{Path(__file__).parent}")
        self.stage.stack.push_async_callback(nowhere.close)
        return self.wrap(BuiltinIssuer(nowhere, self.stage.documents, render, self.stage.clock))

    async def books(self) -> list[str]:
        async with self.store.reading() as db:
            cases = [state.case_id for state in await self.store.statuses([])]
            found = [stored.invoice for case_id in cases for stored in await db.invoices(case_id)]
        return sorted(f"{invoice.case_id}-{invoice.sequence}" for invoice in found)


class _DiesAfterAdd(WfirmaClient):
    async def _post(self, account: Any, path: str, *args: Any, **kwargs: Any) -> Any:
        reply = await super()._post(account, path, *args, **kwargs)
        if path == "invoices/add":
            raise asyncio.CancelledError
        return reply


class WfirmaBench(Bench):
    """The expert's books at wFirma; notes of adds in the database."""

    def made(self) -> Issuer:
        return self._with(self.stage.client())

    def dying(self) -> Issuer:
        client = _DiesAfterAdd(self.stage.running.wfirma_url, "sandbox-app", clock=self.stage.clock)
        self.stage.stack.push_async_callback(client.close)
        return self._with(client)

    async def away(self) -> Issuer:
        await self.stage.fault("out_of_service", times=9)
        return self.issuer()

    def _with(self, client: WfirmaClient) -> Issuer:
        return WfirmaIssuer(client, StoredNotes(self.store), self.stage.documents, self.stage.clock)

    async def books(self) -> list[str]:
        return sorted(item["id_external"] for item in await self.stage.invoices())


@asynccontextmanager
async def open_bench(kind: type[Bench], database_url: str, folder: Path) -> AsyncIterator[Bench]:
    """A bench with empty books."""
    series = "FV/{number}/{month}/{year}" if kind is BuiltinBench else None
    async with open_stage(folder) as stage:
        store = SqlCaseStore(database_url)
        try:
            yield kind(store, stage, expert={"issuer": "builtin" if series else "wfirma", "invoice_series": series})
        finally:
            await store.close()
