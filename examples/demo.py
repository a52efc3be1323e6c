"""`make demo`: sample cases through a real Temporal server, and what became of each, read from the API.

Starts everything on loopback, runs the samples, prints a table and the addresses, and stays up until Ctrl-C. With
`EXIT=1` it stops by itself: 0 when every case ended as it must, 1 when one did not, 2 when something did not start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from examples.demo_cases import EXPERTS, SAMPLES, Sample
from examples.demo_stage import DATA, Addresses, ProcessEnded, stage
from invoicing.leaving import leave

WITHIN = 60.0
LOOK_EVERY = 0.2
console = Console(width=None if sys.stdout.isatty() else 170)


async def token(role: str, env: dict[str, str]) -> str:
    """A bearer token, by the command that people use."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter", "token", role, env=env, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode().strip().splitlines()[-1]


class Desk:
    """The API as the demonstration uses it."""

    def __init__(self, http: aiohttp.ClientSession, where: Addresses, service: str, ops: str) -> None:
        self._http = http
        self._where = where
        self._service = {"Authorization": f"Bearer {service}"}
        self._ops = {"Authorization": f"Bearer {ops}"}

    async def call(self, method: str, path: str, body: Any = None, *, ops: bool = False) -> dict[str, Any]:
        """One call of the API. Raises for any answer that is not a success."""
        headers = self._ops if ops else self._service
        async with self._http.request(method, self._where.api + path, json=body, headers=headers) as answer:
            document: dict[str, Any] = await answer.json(content_type=None)
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path} answered {answer.status} {document.get('code')}")
            return document

    async def behave(self, sample: Sample) -> None:
        """Tell the stand-ins how the client of this case behaves, and how often wFirma fails."""
        if sample.payer is not None:
            await self._pays(sample, sample.payer)
        if sample.failures:
            fault = {"operation": "invoices/find", "fault": "out_of_service", "match": sample.case_id}
            await self._tell(f"{self._where.wfirma}/_sandbox/faults", {**fault, "times": sample.failures})

    async def _pays(self, sample: Sample, payer: Mapping[str, Any]) -> None:
        await self._tell(f"{self._where.autopay}/_sandbox/auto", {"order_prefix": sample.case_id, **payer})

    async def _tell(self, address: str, rule: dict[str, Any]) -> None:
        async with self._http.post(address, json=rule) as answer:
            answer.raise_for_status()

    async def cure(self, sample: Sample, record: dict[str, Any]) -> bool:
        """Do what the people of this case do when it needs them; False while it does not."""
        path = f"/v1/cases/{sample.case_id}"
        if sample.attached is not None and record["invoice"]["status"] == "manual":
            await self.attach(f"{path}/invoice/attachment", await asyncio.to_thread(sample.attached.read_bytes))
        elif sample.payer_again is not None and record["invoice"]["status"] == "pay_again":
            await self._pays(sample, sample.payer_again)
            await self.call("POST", f"{path}/payment", {})
        elif sample.correction is not None and record["parked"]:
            await self.call("PUT", f"{path}/billing-data", dict(sample.correction), ops=True)
        elif sample.regenerated and record["parked"]:
            await self.call("POST", f"{path}/invoice/regenerate", {}, ops=True)
        else:
            return False
        return True

    async def attach(self, path: str, content: bytes) -> None:
        """Upload a PDF."""
        headers = {**self._ops, "Content-Type": "application/pdf"}
        async with self._http.put(self._where.api + path, data=content, headers=headers) as answer:
            answer.raise_for_status()

    async def is_dead(self, order_id: str) -> bool:
        """Whether the gateway was asked about an order and told to cancel it, and has no money for it."""
        async with self._http.get(f"{self._where.autopay}/_sandbox/ledger/{order_id}") as answer:
            told = await answer.json()
        asked = {"status", "cancel"} <= set(told["requests"])
        return asked and all(item["status"] == "FAILURE" for item in told["transactions"])

    async def events(self, case_id: str) -> set[str]:
        """What the timeline of a case tells."""
        return {item["event"] for item in (await self.call("GET", f"/v1/cases/{case_id}/timeline", ops=True))["items"]}

    async def alerts(self) -> set[tuple[str, str]]:
        """Case and code of every open alert."""
        page = await self.call("GET", "/v1/alerts?open=true&limit=100", ops=True)
        return {(item["case_id"], item["code"]) for item in page["items"]}


async def run_sample(desk: Desk, sample: Sample) -> bool:
    """Bring one case in, behave as its people do, and wait until it stands where it must."""
    await desk.behave(sample)
    await desk.call("POST", "/v1/cases", sample.document())
    path = f"/v1/cases/{sample.case_id}"
    if not sample.external:
        await desk.call("POST", f"{path}/payment", {})
    cures = (sample.correction, sample.attached, sample.payer_again)
    cured = not sample.regenerated and all(cure is None for cure in cures)
    deadline = asyncio.get_running_loop().time() + WITHIN
    while asyncio.get_running_loop().time() < deadline:
        record = await desk.call("GET", path, ops=True)
        if not cured:
            cured = await desk.cure(sample, record)
        elif await _stands(desk, sample, record):
            return True
        await asyncio.sleep(LOOK_EVERY)
    return False


async def _stands(desk: Desk, sample: Sample, record: dict[str, Any]) -> bool:
    ending = sample.ending
    if (record["payment"]["status"], record["invoice"]["status"]) != (ending.payment, ending.invoice):
        return False
    if bool(record["parked"]) is not ending.parked or ending.attempts not in {None, record["invoice"]["attempts"]}:
        return False
    if not {(sample.case_id, code) for code in ending.alerts} <= await desk.alerts():
        return False
    if not all([await desk.is_dead(order_id) for order_id in ending.dead]):
        return False
    return set(ending.events) <= await desk.events(sample.case_id)


async def show(desk: Desk, ended: dict[str, bool]) -> None:
    """The table of what became of each case; every cell is read from the API."""
    table = Table(title="What became of each case", title_justify="left")
    for heading in ("case", "story", "payment", "invoice cell", "number", "tries", "waits for", "open alerts", "ok"):
        table.add_column(heading)
    alerts = await desk.alerts()
    for sample in SAMPLES:
        record = await desk.call("GET", f"/v1/cases/{sample.case_id}", ops=True)
        table.add_row(
            sample.case_id,
            sample.story,
            record["payment"]["label"] or "",
            record["invoice"]["cell"] or "(empty)",
            record["invoice"]["number"] or "",
            str(record["invoice"]["attempts"] or ""),
            record["parked"]["code"] if record["parked"] else "",
            ", ".join(sorted(code for case, code in alerts if case == sample.case_id)),
            "[green]yes[/]" if ended[sample.case_id] else "[red]NO[/]",
        )
    console.print(table)


async def main() -> int:
    """Run the demonstration."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(f"Starting Temporal, stand-ins, worker and API; their logs are in {DATA}/")
    try:
        async with stage() as (where, env), aiohttp.ClientSession() as http:
            desk = Desk(http, where, await token("service", env), await token("ops", env))
            for expert_id, expert in EXPERTS.items():
                await desk.call("PUT", f"/v1/experts/{expert_id}", dict(expert))
            results = await asyncio.gather(*(run_sample(desk, sample) for sample in SAMPLES))
            ended = dict(zip((sample.case_id for sample in SAMPLES), results, strict=True))
            await show(desk, ended)
            _addresses(where, await token("ops", env))
            if not os.environ.get("EXIT"):
                console.print("Everything stays up. Ctrl-C stops it.")
                await stop.wait()
            return 0 if all(ended.values()) else 1
    except (ProcessEnded, TimeoutError) as error:
        console.print(f"[red]The demonstration did not start: {error or 'a process was not ready in time'}[/]")
        return 2


def _addresses(where: Addresses, ops: str) -> None:
    console.print(f"Temporal UI   {where.temporal_ui}/namespaces/default/workflows")
    console.print(f"API           {where.api}/openapi.json")
    console.print(f"Payment page  {where.autopay}/ (the address of an open payment is in the answer of /payment)")
    console.print(f"wFirma        {where.wfirma}/ (what it has issued)")
    console.print(f"Mailbox       {where.mailbox}/")
    console.print(f"Token (ops)   {ops}", soft_wrap=True)


if __name__ == "__main__":
    leave(asyncio.run(main()))
