"""A storm of gateway messages: 500 a second of which nine in ten are bad, and what the good ones feel of it.

The real API in a process of its own, on SQLite, beside a Temporal server to which its relay hands what is good; good
messages alone and good messages amid the storm take turns. Latency counts from the moment at which a message was due to
leave, so that a sender who falls behind cannot make the receiver look fast. `python -m bench.itn_storm` runs it alone,
in about a minute.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from statistics import median, quantiles

import aiohttp
import uvloop
from rich.console import Console

from bench.cases import raw_document
from bench.figures import Bar, Figure, Finding
from bench.load import in_application
from bench.plan import Plan, plan
from bench.processes import BenchFailed, Running, our_api, temporal
from bench.table import table
from bench.timing import Budget, ratio_of, rounds
from invoicing.bootstrap import Application, prepare_database
from invoicing.domain.cases import CaseDocument
from invoicing.domain.payments import Attempt, AttemptState
from invoicing.domain.state import CaseState
from invoicing.settings import load
from tools.temporal import dev_server

PER_SECOND = 500
BAD_OF_TEN = 9
SECONDS = 4.0
ROUNDS = 4
SLOWER = Bar(2.0, 1.2, at_most=True)

SERVICE, KEY = "100001", "bench-autopay-key"
CASES, AMOUNT = 50, "398.52"
PATH = "/webhooks/autopay/itn"
PATIENCE = 30.0

_ids = count(1)


def itn(remote_id: str, *, service_id: str = SERVICE, order_id: str = "", key: str = KEY, prologue: str = "") -> str:
    """One message as the gateway sends it; with another key its hash does not fit."""
    values = (
        order_id or f"storm-{int(remote_id[1:]) % CASES}-1",
        remote_id,
        AMOUNT,
        "PLN",
        "106",
        "20261122110000",
        "SUCCESS",
        "AUTHORIZED",
    )
    names = (
        "orderID", "remoteID", "amount", "currency", "gatewayID", "paymentDate", "paymentStatus",
        "paymentStatusDetails",
    )  # fmt: skip
    leaves = "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, values, strict=True))
    told = hashlib.sha256("|".join((service_id, *values, key)).encode()).hexdigest()
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>{prologue}<transactionList><serviceID>{service_id}</serviceID>'
        f"<transactions><transaction>{leaves}</transaction></transactions><hash>{told}</hash></transactionList>"
    )
    return base64.b64encode(document.encode()).decode()


def _bomb() -> str:
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
    return itn("90", prologue=f'<!DOCTYPE t [<!ENTITY e0 "ha">{laughs}]>')


BAD: tuple[Callable[[str], str], ...] = (
    lambda remote_id: itn(remote_id, key="another key"),
    lambda remote_id: itn(remote_id, key="another key"),
    lambda remote_id: itn(remote_id, order_id=f"other-{remote_id}", key="another key"),
    lambda remote_id: itn(remote_id, service_id="999999"),
    lambda _: _bomb(),
    lambda _: "!" * 3000,
    lambda _: base64.b64encode(b"<a>" * 2000).decode(),
    lambda _: "A" * 40_000,
)
"""Junk of every kind: forged, about strangers, not Base64, not XML, with entities, too large."""


@dataclass
class Wind:
    """What one round of messages met."""

    good: list[float] = field(default_factory=list)
    bad: int = 0


async def storm(address: str, *, bad: bool, seconds: float = SECONDS) -> Wind:
    """Send good messages at their pace, amid bad ones or alone; every good one must be confirmed, no bad one."""
    wind, chance = Wind(), Random(7)  # noqa: S311  # which junk comes next is no secret
    loop, gap = asyncio.get_running_loop(), 1 / PER_SECOND
    connections = aiohttp.TCPConnector(limit=64)
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(address, connector=connections, timeout=timeout) as session:
        began = loop.time() + 0.1

        async def send(number: int, genuine: bool) -> None:
            remote_id = f"9{next(_ids):09}"
            message = itn(remote_id) if genuine else chance.choice(BAD)(remote_id)
            due = began + number * gap
            await asyncio.sleep(max(0.0, due - loop.time()))
            async with session.post(PATH, data={"transactions": message}) as answer:
                confirmed = "<confirmation>CONFIRMED<" in await answer.text()
            if confirmed is not genuine:
                raise BenchFailed(f"a {'good' if genuine else 'bad'} message was answered {answer.status}")
            if genuine:
                wind.good.append(loop.time() - due)
            else:
                wind.bad += 1

        sent = [(number, number % 10 >= BAD_OF_TEN) for number in range(int(seconds * PER_SECOND))]
        await asyncio.gather(*(send(number, genuine) for number, genuine in sent if bad or genuine))
    return wind


def measure(sizes: Plan, folder: Path, budget: Budget) -> Finding:
    """Calm and storm in turns, within the budget."""
    with temporal(folder, tuned=True) as server, receiver(folder, server.address) as (address, api):
        rivals = {
            "storm": lambda: uvloop.run(storm(address, bad=True)),
            "calm": lambda: uvloop.run(storm(address, bad=False)),
        }
        uvloop.run(storm(address, bad=True, seconds=0.5))  # what is imported and planned once is not measured
        before = api.cpu
        found = rounds(rivals, min(ROUNDS, sizes.rounds), budget)
        used = api.cpu - before
    title = f"good messages amid {PER_SECOND}/s of which 90 % bad, median"
    figures = [
        _compared(found, title, _typical, SLOWER, "rival: the good ones alone"),
        _compared(found, "… 95th percentile", _slow),
    ]
    handled = sum(len(w.good) + w.bad for side in found.values() for w in side)
    figures.append(Figure("itn_storm", "CPU of the API per message", used / handled * 1000, unit="ms"))
    return Finding(tuple(figures))


def _typical(wind: Wind) -> float:
    return median(wind.good)


def _slow(wind: Wind) -> float:
    return quantiles(wind.good, n=20)[-1]


def _compared(
    found: Mapping[str, list[Wind]], what: str, value: Callable[[Wind], float], bar: Bar | None = None, note: str = ""
) -> Figure:
    ours, rival = (median(value(wind) for wind in found[side]) * 1000 for side in ("storm", "calm"))
    return Figure("itn_storm", what, ours, rival, "ms", ratio_of(found, "storm", "calm", value), bar, note)


@contextmanager
def receiver(folder: Path, temporal_address: str) -> Iterator[tuple[str, Running]]:
    """The API as a process, with open orders in its database."""
    env = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/storm.db",
        "DOCUMENTS_URL": str(folder / "documents"),
        "AUTH_SECRET": "a-secret-of-the-bench",
        "AUTOPAY_BASE_URL": "http://127.0.0.1:9",
        "AUTOPAY_SERVICE_ID": SERVICE,
        "AUTOPAY_SHARED_KEY": KEY,
        "TEMPORAL_ADDRESS": temporal_address,
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(dev_server.free_port()),
        "LOG_LEVEL": "error",
    }
    uvloop.run(prepare_database(load(env)))
    in_application(env, _orders)
    with our_api(folder, env) as api:
        yield f"http://127.0.0.1:{env['HTTP_PORT']}", api


async def _orders(app: Application) -> None:
    now = app.clock()
    async with app.store.transaction() as db:
        for number in range(CASES):
            case_id = f"storm-{number}"
            document = CaseDocument.model_validate({**raw_document(case_id), "payment": {"method": "autopay"}})
            attempt = Attempt(
                case_id=case_id,
                attempt=1,
                order_id=f"{case_id}-1",
                service_id=SERVICE,
                amount=Decimal(AMOUNT),
                currency="PLN",
                state=AttemptState.OPEN,
                sent_at=now,
                valid_until=now + timedelta(days=3),
            )
            await db.record_case(document, CaseState(case_id=case_id, currency="PLN", gross=Decimal(AMOUNT)), now)
            await db.save_attempt(attempt)


def main() -> int:
    """Measure and print; 1 when the good messages were slowed by more than the bar."""
    with tempfile.TemporaryDirectory(prefix="paidcase-storm-") as folder:
        finding = measure(plan(quick=False, long=False), Path(folder), Budget(80.0))
    Console(width=160).print(table(finding.figures))
    judged = finding.figures[0].judged
    return 0 if judged is not None and judged <= SLOWER.limit else 1


if __name__ == "__main__":
    sys.exit(main())
