"""A client of the wFirma stand-in that spells requests on its own."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from xml.etree.ElementTree import Element

import aiohttp
from defusedxml.ElementTree import fromstring

from invoicing.sandbox.autopay.desk import AutopayOptions
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from invoicing.sandbox.wfirma.accounts import Account
from invoicing.sandbox.wfirma.desk import WfirmaOptions
from tests.contract.sandbox.stage import HeldClock

HEADERS = {"accessKey": "sandbox-access", "secretKey": "sandbox-secret", "appKey": "sandbox-app"}
PARTY = {
    "name": "Spółdzielnia Szulc", "tax_id_type": "nip", "nip": "1234563218", "street": "Rodzinna 15/85",
    "zip": "87-807", "city": "Świdwin",
}  # fmt: skip


def lines(*given: tuple[str, str, str, str]) -> dict[str, Any]:
    """Name, count, price, rate of each."""
    return {
        str(at): {"invoicecontent": {"name": name, "count": count, "price": price, "vat": vat}}
        for at, (name, count, price, vat) in enumerate(given)
    }


def invoice(**fields: Any) -> dict[str, Any]:
    """A request for one invoice of one line, changed."""
    made = {"contractor": PARTY, "type": "normal", "invoicecontents": lines(("Porada", "1", "100.00", "23")), **fields}
    return {"invoices": {"0": {"invoice": made}}}


class Caller:
    """Calls in JSON or XML, and the control calls."""

    def __init__(self, running: RunningSandbox, clock: HeldClock, session: aiohttp.ClientSession) -> None:
        self.running = running
        self.clock = clock
        self.session = session
        self.headers = dict(HEADERS)

    async def raw(
        self, path: str, body: bytes | str = b"", query: str = "inputFormat=json", method: str = "POST"
    ) -> tuple[int, str, bytes]:
        url = f"{self.running.wfirma_url}/{path}?{query}"
        async with self.session.request(method, url, data=body, headers=self.headers) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def json(self, path: str, body: Any = None, query: str = "", method: str = "POST") -> dict[str, Any]:
        told = json.dumps(body) if body is not None else ""
        _, kind, answer = await self.raw(path, told, f"inputFormat=json&{query}", method)
        assert kind == "application/json"
        found: dict[str, Any] = json.loads(answer)
        return found

    async def xml(self, path: str, body: str = "") -> Element:
        _, kind, answer = await self.raw(path, body.encode(), "")
        assert kind == "application/xml"
        return fromstring(answer)

    async def code(self, path: str, body: Any = None, query: str = "", method: str = "POST") -> str:
        found: str = (await self.json(path, body, query, method))["status"]["code"]
        return found

    async def add(self, **fields: Any) -> dict[str, Any]:
        """Add an invoice and give back its record."""
        answer = await self.json("invoices/add", invoice(**fields))
        assert answer["status"] == {"code": "OK"}, answer
        found: dict[str, Any] = answer["invoices"]["0"]["invoice"]
        return found

    async def find(self, module: str, *conditions: tuple[str, str, str], **parameters: Any) -> dict[str, Any]:
        asked = {
            str(at): {"condition": {"field": field, "operator": operator, "value": value}}
            for at, (field, operator, value) in enumerate(conditions)
        }
        return await self.json(f"{module}/find", {module: {"parameters": {"conditions": asked, **parameters}}})

    async def numbers(self, *conditions: tuple[str, str, str], **parameters: Any) -> list[str]:
        """Full numbers of the invoices found."""
        found = (await self.find("invoices", *conditions, **parameters))["invoices"]
        return [found[key]["invoice"]["fullnumber"] for key in found if key.isdigit()]

    async def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = f"{self.running.wfirma_url}/_sandbox/{path}"
        async with self.session.request(method, url, json=body) as answer:
            return answer.status, None if answer.status == 204 else await answer.json()

    async def fault(self, fault: str, operation: str = "any", **other: Any) -> None:
        status, told = await self.control("POST", "faults", {"fault": fault, "operation": operation, **other})
        assert status == 201, told


@asynccontextmanager
async def open_caller(*accounts: Account, **options: Any) -> AsyncIterator[Caller]:
    """The stand-ins on free ports, and a caller."""
    clock = HeldClock()
    made = SandboxOptions(
        autopay=AutopayOptions(port=0),
        mail=MailOptions(smtp_port=0, mailbox_port=0),
        wfirma=WfirmaOptions(accounts=(Account(), *accounts), **options),
    )
    async with sandbox(made, clock) as running, aiohttp.ClientSession() as session:
        yield Caller(running, clock, session)
