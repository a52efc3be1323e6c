"""Temporal's server and PostgreSQL killed with SIGKILL in the middle of cases, and started again on what they kept.

Cases wait for their money, for an answer of the issuer, for a mail server, for a person, and for what he has decided;
each reaches its right end, and nothing is charged, invoiced, refunded or decided twice.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.domain.state import Badge, CaseState, InvoiceStatus, PaymentStatus
from invoicing.errors import ConnectivityFault
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.faults.stage import unarmed
from tests.fixtures_postgres import create_database, mortal_postgres
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import temporal_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMES = {"INVOICE_RETRY_INTERVAL": "3s", "PAYMENT_POLL_INTERVAL": "1s", "MAIL_RETRY_INTERVAL": "300ms"}
TOLD, UNTOLD, LATER = "itn-told", "itn-untold", "itn-later"
PAYING = [TOLD, UNTOLD, LATER]
GENERATING, MAILING, CORRECTED = "generating-1", "mailing-1", "corrected-1"
PRESSED, REFUNDED = "pressed-1", "refunded-1"
ALL = [*PAYING, GENERATING, MAILING, CORRECTED, PRESSED, REFUNDED]
GREY = "grey@example.com"


async def begun(stage: World) -> None:
    """Every case is in the middle of something."""
    await stage.save_expert("exp-far", issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
    stage.mail_fault("451", GREY, times=100_000)
    stage.wfirma_fault("invoices/add", "hang", GENERATING, seconds=3)
    with stage.unusable_documents():
        for case_id in (PRESSED, REFUNDED):
            await stage.record(case_id)
            assert (await stage.pay(case_id, 30)).redirect_url
            stage.act(f"{case_id}-1", Action.PAY)
        for case_id in (PRESSED, REFUNDED):
            await stage.when(case_id, lambda state: state.parked, "it is parked")
    for case_id in PAYING:
        await stage.record(case_id)
        assert (await stage.pay(case_id, 30)).redirect_url
    await stage.record(CORRECTED, paid=True, billing_data={**BUYER, "tax_id": "1111111112"})
    await stage.record(MAILING, paid=True, billing_data={**BUYER, "email": GREY})
    await stage.when(CORRECTED, lambda state: state.parked, "it is parked")
    await stage.when(MAILING, lambda state: state.invoiced, "it is invoiced")
    await stage.record(GENERATING, paid=True, expert_id="exp-far")
    await stage.when(GENERATING, lambda state: state.paid, "the issuer is asked")


async def press(stage: World) -> None:
    """Two decisions, each under its key."""
    await stage.app.deciding.take(PRESSED, DecisionKind.REGENERATE_INVOICE, "ops", key="once")
    await stage.app.deciding.refund(REFUNDED, "ops", Decimal("10"), "test", "once")


async def answers(stage: World) -> bool:
    try:
        await stage.app.store.ping()
    except ConnectivityFault:
        return False
    return True


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("restarted")
    with mortal_postgres() as postgres, temporal_server(folder, on_file=True) as temporal:
        url = create_database(postgres.address, "cases")
        async with world(temporal, folder, workers=0, database_url=url, settings=TIMES) as opened:
            for _ in range(2):
                await opened.is_ready(unarmed(opened))
            await begun(opened)

            temporal.kill()
            await press(opened)
            opened.act(f"{TOLD}-1", Action.PAY)
            await until(lambda: confirmed(opened), "the message is stored")
            await asyncio.to_thread(postgres.kill)
            opened.act(f"{UNTOLD}-1", Action.PAY)
            with pytest.raises(ConnectivityFault):  # a caller hears so, and may press again under his key
                await press(opened)
            await asyncio.to_thread(postgres.start)
            temporal.start()

            await until(lambda: answers(opened), "the database answers")
            await press(opened)
            await opened.correct(CORRECTED)
            opened.act(f"{LATER}-1", Action.PAY)
            opened.box.mail_switches.clear()
            yield opened


async def confirmed(stage: World) -> bool:
    return (await stage.app.store.waiting())["inbox"] == 1


async def ended(stage: World, case_id: str) -> CaseState:
    """The state of a case that has reached its end; a part of a refunded one goes on only after a press."""
    if case_id == REFUNDED:

        async def mailed() -> bool:
            return Event.REFUND_MAILED in await stage.events(case_id)

        await until(mailed, "the refund is mailed", 90)
        await stage.app.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, "ops", key="then")
    return await stage.ended(case_id, 90)


@pytest.mark.parametrize("case_id", ALL)
async def test_a_case_reaches_its_right_end_once(stage: World, case_id: str) -> None:
    state = await ended(stage, case_id)
    badges = (Badge.PARTLY_REFUNDED,) if case_id == REFUNDED else ()
    assert (state.payment.status, state.invoice.status) == (PaymentStatus.COMPLETED, InvoiceStatus.AVAILABLE)
    assert (state.parked, state.badges, state.expert_told) == (None, badges, True)
    assert len(await stage.kept(case_id)) == 1
    made: list[dict[str, Any]] = stage.issued(case_id) if case_id == GENERATING else []
    assert len(made or await stage.rows(tables.invoices, case_id)) == 1
    if case_id in (*PAYING, PRESSED, REFUNDED):
        assert len(stage.successes(case_id)) == stage.requests(f"{case_id}-1")["start"] == 1
    kinds = Counter(mail.message_id.strip("<").split(".")[0] for mail in stage.mails(case_id))
    assert {"invoice", "expert-paid"} <= set(kinds)
    assert sum(kinds.values()) <= len(kinds) + 1, "a copy more only where the record of a mail was lost"
    assert await stage.alerts(case_id) == []
    assert await stage.open_tasks(case_id) == []


async def test_what_was_decided_in_between_is_decided_and_done_once(stage: World) -> None:
    await ended(stage, PRESSED)
    await ended(stage, REFUNDED)
    assert [row["kind"] for row in await stage.rows(tables.decisions, PRESSED)] == ["regenerate_invoice"]
    assert [row["status"] for row in await stage.rows(tables.refunds, REFUNDED)] == ["done"]
    (order,) = list(stage.box.autopay.refunds)
    assert (order.amount, order.over) == ("10.00", True)


async def test_own_numbers_have_no_gap(stage: World) -> None:
    for case_id in ALL:
        await ended(stage, case_id)
    ordinals = sorted(row["ordinal"] for row in await stage.rows(tables.invoices))
    assert ordinals == list(range(1, len(ALL)))
