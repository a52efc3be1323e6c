"""Worker processes killed with SIGKILL at named points: one payment, one number, no gap, hardly a second mail.

Each point has a world of its own with three cases: the worker dies for the sake of the first, wherever the others are
then, and a second worker repairs all of them. The ledger of the stand-in decides about money, its mailbox about mail.
"""

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from invoicing.domain.state import CaseState, InvoiceStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from tests.faults.stage import armed, unarmed
from tests.stage import world
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAYING = (
    "between claim and delivery",
    "deciding on charge",
    "before charge",
    "before the intent",
    "between intent and request",
    "between answer and record",
    "after charge",
    "before watch_payment",
    "after watch_payment",
)
"""Points on the way to the money; the payer pays at once, and no message of the gateway arrives."""

PAID = (
    "between delivery and record",
    "before validate_billing_data",
    "after validate_billing_data",
    "deciding on generate_invoice",
    "between number and document",
    "between document and row",
    "between invoice and state",
    "after generate_invoice",
    "before the mail",
    "between mail and record",
    "after email_invoice",
    "deciding on notify_expert",
    "between notice and mail",
    "after notify_expert",
)
"""Points of a case that arrives paid."""

VICTIM, BESIDE = "case-0", ("case-1", "case-2")
ALL = (VICTIM, *BESIDE)
AT_ONCE = 5
"""Worlds that live at the same time; most of their life is waiting for a time limit."""


@dataclass(frozen=True)
class Told:
    """What is left of a world when all its cases have ended."""

    states: dict[str, CaseState]
    kept: dict[str, list[dict[str, Any]]]
    paid: dict[str, list[str]]
    starts: list[int]
    invoices: list[dict[str, Any]]
    copies: Counter[str]
    notices: list[str]
    open_alerts: list[str]
    open_tasks: list[dict[str, Any]]


async def killed_at(point: str, server: TemporalServer, folder: Path, template: Path) -> Told:
    """Kill a worker at the point, let another one repair, and say what is left."""
    settings = {"PAYMENT_POLL_INTERVAL": "300ms"}
    async with world(server, folder, workers=0, api=False, template=template, settings=settings) as stage:
        stage.payer("case-", Action.PAY, ItnMode.DROP)
        for case_id in ALL:
            await stage.record(case_id, paid=point in PAID)
        if point in PAYING:
            await asyncio.gather(*(stage.pay(case_id, 0.01) for case_id in ALL))
        victim = armed(stage, point, VICTIM)
        ended = await asyncio.to_thread(victim.wait, 90)
        assert ended == -signal.SIGKILL, stage.logs()
        unarmed(stage)
        states = {case_id: await stage.ended(case_id, 90) for case_id in ALL}
        orders = [f"{case_id}-{number}" for case_id in ALL for number in range(1, 5)]
        return Told(
            states=states,
            kept={case_id: await stage.kept(case_id) for case_id in ALL},
            paid={case_id: [item.remote_id for item in stage.successes(case_id)] for case_id in ALL},
            starts=[stage.requests(order).get("start", 0) for order in orders],
            invoices=await stage.rows(tables.invoices),
            copies=Counter(mail.message_id for mail in stage.box.mailbox.find()),
            notices=sorted(row["key"] for row in await stage.rows(tables.notices)),
            open_alerts=[alert.code for case_id in ALL for alert in await stage.alerts(case_id)],
            open_tasks=[task for case_id in ALL for task in await stage.open_tasks(case_id)],
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def worlds(
    temporal: TemporalServer, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, "asyncio.Task[Told]"]:
    """Every point at once, a few at a time."""
    folder, turn = tmp_path_factory.mktemp("killed"), asyncio.Semaphore(AT_ONCE)

    async def in_turn(point: str) -> Told:
        async with turn:
            return await killed_at(point, temporal, folder / point.replace(" ", "-"), template)

    return {point: asyncio.create_task(in_turn(point)) for point in (*PAYING, *PAID)}


@pytest.mark.parametrize("point", (*PAYING, *PAID))
async def test_a_kill_leaves_one_payment_one_number_and_no_gap(
    worlds: dict[str, "asyncio.Task[Told]"], point: str
) -> None:
    told = await worlds[point]
    for case_id in ALL:
        state = told.states[case_id]
        assert (state.invoice.status, state.parked, state.badges) == (InvoiceStatus.AVAILABLE, None, ())
        (kept,) = told.kept[case_id]
        assert told.paid[case_id] == ([kept["remote_id"]] if point in PAYING else [])
    assert max(told.starts) <= 1, "no order is posted twice"
    numbers = {row["case_id"]: row["full_number"] for row in told.invoices}
    assert numbers == {case_id: told.states[case_id].invoice.number for case_id in ALL}
    assert sorted(row["ordinal"] for row in told.invoices) == [1, 2, 3]
    assert told.open_alerts == []
    assert told.open_tasks == []


@pytest.mark.parametrize("point", (*PAYING, *PAID))
async def test_a_kill_costs_at_most_one_more_copy_of_a_mail(
    worlds: dict[str, "asyncio.Task[Told]"], point: str
) -> None:
    told = await worlds[point]
    ids = {f"<{kind}.{case_id}.1@example.com>" for case_id in ALL for kind in ("invoice", "expert-paid")}
    assert set(told.copies) == ids
    assert max(told.copies.values()) <= 2
    assert told.notices == [f"expert-paid:{case_id}:1" for case_id in ALL]


async def test_a_mail_accepted_before_the_kill_is_the_one_that_is_sent_again(
    worlds: dict[str, "asyncio.Task[Told]"],
) -> None:
    assert (await worlds["between mail and record"]).copies[f"<invoice.{VICTIM}.1@example.com>"] == 2
    assert (await worlds["before the mail"]).copies[f"<invoice.{VICTIM}.1@example.com>"] == 1
