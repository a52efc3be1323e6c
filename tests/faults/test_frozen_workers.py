"""A worker frozen with SIGSTOP at a named point; another takes over; the frozen one thaws and changes nothing twice.

Each point has a world of its own with one case.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from invoicing.domain.payments import AttemptState
from invoicing.domain.records import Event
from invoicing.domain.state import CaseState, InvoiceStatus, PaymentStatus
from invoicing.intake import PaymentAnswer
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from tests.faults.stage import Forked, armed, ended_of, mark_of, unarmed
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASE = "ice-1"
AT_ONCE = 6
CHARGING = ("before the intent", "between intent and request", "between answer and record")
LATER = (
    "between number and document",
    "between document and row",
    "between invoice and state",
    "before the mail",
    "between mail and record",
    "between notice and mail",
)
BOOKS = ("before invoices/add 1 of generate_invoice", "after invoices/add 1 of generate_invoice")
"""Around the request for an invoice at wFirma."""


@dataclass(frozen=True)
class Charge:
    """What is left of a frozen charge."""

    link: str | None
    link_after: str | None
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    starts: list[int]
    state: CaseState
    kept: int
    successes: int


@dataclass(frozen=True)
class Rest:
    """What is left of a freeze behind the payment."""

    before: CaseState
    after: CaseState
    issued: int
    ordinals: list[int]
    notices: list[str]
    deliveries: list[str]
    copies: Counter[str]


async def frozen(stage: World, point: str, *, paid: bool) -> Forked:
    """A worker that froze at the point, and another one that is well."""
    ice = armed(stage, point, CASE, signal.SIGSTOP)
    await stage.record(CASE, paid=paid)
    if not paid:
        await stage.pay(CASE, 0.01)

    async def struck() -> bool:
        return mark_of(stage, CASE).exists()

    await until(struck, f"a worker freezes: {point}", 60)
    unarmed(stage)
    return ice


async def thaw(stage: World, ice: Forked) -> None:
    """Let the frozen worker go on, until its old execution has ended."""
    ice.send_signal(signal.SIGCONT)

    async def ended() -> bool:
        return ended_of(stage, CASE).exists()

    await until(ended, "the frozen execution ends", 60)


async def charge(stage: World, point: str) -> Charge:
    ice = await frozen(stage, point, paid=False)
    await stage.when(CASE, lambda state: state.payment.status is PaymentStatus.OPEN, "another worker opens it", 90)
    asked = await stage.pay(CASE, 30)
    assert asked.answer is PaymentAnswer.OPEN
    before = await stage.rows(tables.payment_attempts, CASE)
    await thaw(stage, ice)
    again = await stage.pay(CASE, 5)
    after = await stage.rows(tables.payment_attempts, CASE)
    starts = [stage.requests(row["order_id"]).get("start", 0) for row in after]
    stage.act(after[-1]["order_id"], Action.PAY, ItnMode.DROP)
    state = await stage.ended(CASE, 60)
    kept = len(await stage.kept(CASE))
    return Charge(
        asked.redirect_url, again.redirect_url, before, after, starts, state, kept, len(stage.successes(CASE))
    )


async def rest(stage: World, point: str) -> Rest:
    ice = await frozen(stage, point, paid=True)
    before = await stage.ended(CASE, 90)
    await thaw(stage, ice)
    return Rest(
        before=before,
        after=await stage.state(CASE),
        issued=(await stage.events(CASE)).count(Event.INVOICE_ISSUED),
        ordinals=[row["ordinal"] for row in await stage.rows(tables.invoices)],
        notices=[row["key"] for row in await stage.rows(tables.notices)],
        deliveries=[row["status"] for row in await stage.rows(tables.deliveries)],
        copies=Counter(mail.message_id for mail in stage.box.mailbox.find()),
    )


@dataclass(frozen=True)
class Books:
    """What is left of a freeze around the request for an invoice."""

    before: CaseState
    after: CaseState
    documents: list[str]
    asked: int
    issued: int


async def books(stage: World, point: str) -> Books:
    await stage.save_expert(issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
    ice = await frozen(stage, point, paid=True)
    before = await stage.ended(CASE, 90)
    await thaw(stage, ice)
    return Books(
        before=before,
        after=await stage.state(CASE),
        documents=[item["fullnumber"] for item in stage.issued(CASE)],
        asked=stage.box.wfirma.requests["invoices/add"],
        issued=(await stage.events(CASE)).count(Event.INVOICE_ISSUED),
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def worlds(
    temporal: TemporalServer, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, "asyncio.Task[Any]"]:
    """Every point at once, a few at a time."""
    folder, turn = tmp_path_factory.mktemp("frozen"), asyncio.Semaphore(AT_ONCE)

    async def in_turn(point: str, play: Callable[[World, str], Awaitable[Any]]) -> Any:
        async with turn:
            here, settings = folder / point.replace(" ", "-").replace("/", "-"), {"PAYMENT_POLL_INTERVAL": "500ms"}
            async with world(temporal, here, workers=0, template=template, api=False, settings=settings) as stage:
                return await play(stage, point)

    plays: dict[str, Callable[[World, str], Awaitable[Any]]] = {
        **dict.fromkeys(BOOKS, books), **dict.fromkeys(CHARGING, charge), **dict.fromkeys(LATER, rest),
    }  # fmt: skip
    return {point: asyncio.create_task(in_turn(point, play)) for point, play in plays.items()}


@pytest.mark.parametrize("point", BOOKS)
async def test_a_thawed_worker_asks_wfirma_for_no_second_invoice(
    worlds: dict[str, "asyncio.Task[Books]"], point: str
) -> None:
    told = await worlds[point]
    assert told.before.invoice.status is InvoiceStatus.AVAILABLE
    assert told.after == told.before
    assert told.documents == [told.before.invoice.number]
    assert (told.asked, told.issued) == (1, 1), "no request leaves twice, or too late"


@pytest.mark.parametrize("point", CHARGING)
async def test_a_charge_that_was_taken_over_keeps_its_link_and_its_one_payment(
    worlds: dict[str, "asyncio.Task[Charge]"], point: str
) -> None:
    told = await worlds[point]
    assert told.link is not None
    assert told.link_after == told.link, "the payer's link is not replaced by a late one"
    assert told.after == told.before, "a late execution changes no attempt"
    assert [row["state"] for row in told.after[:-1]] == [AttemptState.DEAD] * (len(told.after) - 1)
    assert max(told.starts) <= 1, "no order is posted twice"
    assert (told.state.invoice.status, told.kept, told.successes) == (InvoiceStatus.AVAILABLE, 1, 1)


@pytest.mark.parametrize("point", LATER)
async def test_what_a_thawed_worker_does_changes_nothing_twice(
    worlds: dict[str, "asyncio.Task[Rest]"], point: str
) -> None:
    told = await worlds[point]
    assert told.before.invoice.status is InvoiceStatus.AVAILABLE
    assert told.after == told.before
    assert (told.issued, told.ordinals, told.notices) == (1, [1], [f"expert-paid:{CASE}:1"])
    assert told.deliveries == ["sent", "sent"]
    assert set(told.copies) == {f"<invoice.{CASE}.1@example.com>", f"<expert-paid.{CASE}.1@example.com>"}
    assert max(told.copies.values()) <= 2
