"""How long a client who has paid waits for his invoice: from the gateway's message to the invoice in the state record.

The path is production's: the stand-in opens the transaction, its payer pays, the API takes the message, its relay
tells the run, and the worker issues the invoice. One case at a time, so that nothing else is on the way; the clock
starts when the message leaves the gateway, which is before it is confirmed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import time
from typing import Any

import aiohttp

from bench.cases import environment, raw_document
from bench.figures import Bar, Figure, Finding
from bench.load import in_application
from bench.pipeline import fresh_ids, with_seller
from bench.plan import Plan
from bench.processes import BenchFailed, our_api, our_worker, stand_ins, temporal
from bench.timing import Budget
from invoicing.bootstrap import Application
from invoicing.domain.cases import CaseDocument
from invoicing.domain.state import InvoiceStatus
from tools.temporal import dev_server

SECONDS = Bar(2.0, 0.25, at_most=True)
SANDBOX_SERVICE, SANDBOX_KEY = "100001", "sandbox-autopay-key"
PATIENCE = 20.0
LOOK_EVERY = 0.01


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """One payer after another, within the budget; the slowest of them is held against the bar."""
    port = dev_server.free_port()
    url = f"http://127.0.0.1:{port}"
    with temporal(folder, tuned=True) as server, stand_ins(folder, f"{url}/webhooks/autopay/itn") as there:
        env = environment(folder, server.address, there.smtp_port) | {
            "AUTH_SECRET": "a-secret-of-the-bench",
            "AUTOPAY_BASE_URL": there.autopay,
            "AUTOPAY_SERVICE_ID": SANDBOX_SERVICE,
            "AUTOPAY_SHARED_KEY": SANDBOX_KEY,
            "HTTP_PORT": str(port),
            "PUBLIC_URL": url,
        }
        with_seller(env)
        with our_api(folder, env), our_worker(folder, env):
            warm, *waited = in_application(env, partial(_paid, there.autopay, fresh_ids(1 + plan.payers), budget))
    return Finding(_figures(waited or [warm]))


def _figures(waited: Sequence[float]) -> tuple[Figure, ...]:
    title = f"client has paid → invoice is there, the slowest of {len(waited)}"
    return (
        Figure("in_time", title, max(waited), unit="s", bar=SECONDS, note="from the moment the ITN leaves the gateway"),
        Figure("in_time", "… median", median(waited) * 1000, unit="ms"),
    )


async def _paid(autopay: str, case_ids: Sequence[str], budget: Budget, app: Application) -> list[float]:
    """Seconds that each of the payers waited; as many as the budget allows, the first one for warming up."""
    waited: list[float] = []
    async with aiohttp.ClientSession(autopay, timeout=aiohttp.ClientTimeout(total=PATIENCE)) as payer:
        for case_id in case_ids:
            if len(waited) > 1 and budget.left < max(waited[1:]) + 1:
                break
            waited.append(await _one(payer, case_id, app))
    return waited


async def _one(payer: aiohttp.ClientSession, case_id: str, app: Application) -> float:
    case = CaseDocument.model_validate({**raw_document(case_id), "payment": {"method": "autopay"}})
    await app.intake.record_case(case, "bench")
    asked = await app.intake.ask_for_payment(case_id, None, "bench", timedelta(seconds=PATIENCE))
    if asked.redirect_url is None:
        raise BenchFailed("the gateway stand-in gave no address for the payer")
    async with payer.post(f"/_sandbox/orders/{case_id}-1/act", json={"action": "pay"}) as answer:
        answer.raise_for_status()
    until = time() + PATIENCE
    while (await app.intake.facts(case_id)).state.invoice.status is not InvoiceStatus.AVAILABLE:
        if time() > until:
            raise BenchFailed(f"no invoice within {PATIENCE:.0f} s of the payment")
        await asyncio.sleep(LOOK_EVERY)
    there = time()
    async with payer.get(f"/_sandbox/ledger/{case_id}-1") as answer:
        return there - _sent(await answer.json())


def _sent(ledger: dict[str, Any]) -> float:
    """When the first message about the payment left."""
    (transaction,) = ledger["transactions"]
    first = next(itn for itn in transaction["itns"] if itn["status"] == "SUCCESS")
    return datetime.fromisoformat(first["sent_at"]).timestamp()
