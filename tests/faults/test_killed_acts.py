"""Workers killed with SIGKILL inside refunds and the other acts: nothing is asked, given back, corrected or told twice.

One world; every case has its own point, at which a worker dies once for its sake, and another one takes its place. A
worker here does one activity at a time, so a death hits no other act. The ledger of the stand-in decides about money.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.payments import AttemptState
from invoicing.domain.records import Event
from invoicing.domain.state import Badge, CaseState, InvoiceStatus
from invoicing.intake import PaymentAnswer
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.autopay.refunds import Refund
from invoicing.storage import tables
from tests.faults.stage import killed_for_all, unarmed
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERING = (
    "before commit 1 of refund_payment",
    "after commit 1 of refund_payment",
    "after refund 1 of refund_payment",
    "after commit 2 of refund_payment",
    "after refund_status 1 of watch_refund",
    "before commit 1 of watch_refund",
    "after commit 1 of watch_refund",
)
"""Around every call and commit with which money goes back; what is before a request follows the commit before it."""

WHOLE = (
    *ORDERING,
    "after commit 1 of email_refund",
    "after send 1 of email_refund",
    "after commit 2 of email_refund",
    "before commit 1 of correct_after_refund",
    "after commit 1 of correct_after_refund",
    "after put 1 of correct_after_refund",
    "after commit 2 of correct_after_refund",
    "after commit 3 of correct_after_refund",
    "after commit 1 of email_correction",
    "after send 1 of email_correction",
    "after commit 2 of email_correction",
)
"""All that is left is given back after the run has closed: refund, mail, correction to zero, its mail."""

PARTLY = ("after refund 1 of refund_payment", "after commit 1 of correct_after_refund")
LATE = ("before commit 1 of record_notification", "after commit 1 of record_notification", *ORDERING[1:3])
"""A second payment of a case whose run has closed: recorded as a duplicate and given back."""

EXTERNAL = (
    "after status 1 of settle_attempts",
    "after cancel 1 of settle_attempts",
    "before commit 1 of settle_attempts",
    "after commit 1 of settle_attempts",
    "before commit 1 of record_external_payment",
    "after commit 1 of record_external_payment",
)
"""Other money for a case with an open attempt, which is closed first."""

RACING = (
    "after status 1 of settle_attempts",
    "before commit 1 of settle_attempts",
    "after commit 1 of settle_attempts",
)
"""The same, and the payer has paid by the gateway in the meantime: that payment is the one."""

CHECKING = (
    "after status 1 of check_payment",
    "before commit 1 of check_payment",
    "after commit 1 of check_payment",
)

TELLING = (
    "after commit 1 of notify_expert",
    "after send 1 of notify_expert",
    "after commit 2 of notify_expert",
)
"""A mail to the expert that was refused is sent again after the run has closed."""

PARTS = {
    "whole": WHOLE,
    "partly": PARTLY,
    "late": LATE,
    "told": TELLING,
    "outside": EXTERNAL,
    "racing": RACING,
    "check": CHECKING,
}
POINTS = {f"{part}-{number}": point for part, points in PARTS.items() for number, point in enumerate(points)}
INVOICED = [case_id for case_id in POINTS if case_id.startswith(("whole", "partly", "late", "told"))]
AMOUNT, PART = "398.52", "100.00"


def of(part: str) -> Mapping[str, str]:
    """The cases of a part, each with its point."""
    return {case_id: point for case_id, point in POINTS.items() if case_id.startswith(part)}


async def invoiced(stage: World) -> None:
    """Cases paid by the gateway and invoiced, with their runs closed, and cases with an open attempt."""
    workers = [unarmed(stage) for _ in range(2)]
    await stage.save_expert("exp-away", email="away@example.com")
    stage.mail_fault("550", "away@example.com", times=len(TELLING))
    for case_id in POINTS:
        await stage.record(case_id, expert_id="exp-away" if case_id in of("told") else "exp-1")
    asked = await asyncio.gather(*(stage.pay(case_id, 60) for case_id in POINTS))
    assert all(one.answer is PaymentAnswer.OPEN for one in asked)
    for case_id in INVOICED:
        stage.act(f"{case_id}-1", Action.PAY)
    for case_id in INVOICED:
        await stage.run_ended(case_id)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait, 60)


async def paid_again(stage: World) -> None:
    """Second payments of closed cases; the API takes the messages, and is gone when they are acted upon."""
    for case_id in of("late"):
        twin = stage.box.autopay.ledger.twin(stage.ledger(case_id)[0], "second_payment", stage.app.clock())
        stage.box.autopay.perform(twin, Action.PAY, ItnMode.SEND, 0.0)

    async def told() -> bool:
        return len(await stage.rows(tables.inbox)) == len(INVOICED) + len(LATE)

    await until(told, "the second payments are in the inbox")
    api = stage.processes[0]
    api.send_signal(signal.SIGTERM)
    await asyncio.to_thread(api.wait, 60)


async def decided(stage: World) -> None:
    """What ops decide, while no worker is there to act on it."""
    for case_id in (*of("whole"), *of("partly")):
        amount = Decimal(PART) if case_id in of("partly") else None
        await stage.app.deciding.refund(case_id, "ops", amount, "not needed any more", "once")
    for case_id in of("told"):
        await stage.app.deciding.take(case_id, DecisionKind.RESEND_NOTIFICATION, "ops", key="once")
    for case_id in (*of("racing"), *of("check")):
        stage.act(f"{case_id}-1", Action.PAY, ItnMode.DROP)
    for case_id in of("check"):
        await stage.app.deciding.take(case_id, DecisionKind.CHECK_PAYMENT_NOW, "ops")
    for case_id in (*of("outside"), *of("racing")):
        paid_at = stage.app.clock() - timedelta(hours=1)
        await stage.app.deciding.external_payment(case_id, "ops", "TRANSFER-1", paid_at, Decimal(AMOUNT), None)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    temporal: TemporalServer, template: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder, settings = tmp_path_factory.mktemp("acts"), {"PAYMENT_POLL_INTERVAL": "1h"}
    async with world(temporal, folder, workers=0, template=template, settings=settings) as opened:
        await invoiced(opened)
        await paid_again(opened)
        await decided(opened)
        opened.env["PAYMENT_POLL_INTERVAL"] = "300ms"  # of the workers to come, who hand the acts over
        await killed_for_all(opened, POINTS)
        yield opened


async def when(stage: World, case_id: str, event: Event) -> CaseState:
    """The state record once the timeline tells of the last thing that happens."""

    async def told() -> bool:
        return event in await stage.events(case_id)

    await until(told, f"{case_id}: {event.value}", 60)
    return await stage.state(case_id)


async def nothing_is_left_over(stage: World, case_id: str) -> None:
    """No alert, no failed task, one kept payment, each thing told once."""

    async def quiet() -> bool:
        return not await stage.alerts(case_id) and not await stage.open_tasks(case_id)

    await until(quiet, f"{case_id}: alerts and tasks are closed")
    assert len(await stage.kept(case_id)) == 1
    again = {event: times for event, times in Counter(await stage.events(case_id)).items() if times > 1}
    corrected = Badge.CORRECTED in (await stage.state(case_id)).badges
    assert again == ({Event.INVOICE_MAILED: 2} if corrected else {})


def orders(stage: World, case_id: str) -> list[Refund]:
    """Refund orders in the ledger."""
    mine = {item.remote_id for item in stage.ledger(case_id)}
    return [order for order in stage.box.autopay.refunds if order.transaction.remote_id in mine]


async def copies(stage: World, case_id: str, *kinds: str) -> None:
    """Exactly these mails, at most one of them twice."""
    found = Counter(mail.message_id for mail in stage.mails(case_id))
    assert set(found) == {f"<{kind}.{case_id}.1@example.com>" for kind in ("invoice", "expert-paid", *kinds)}
    assert sum(found.values()) <= len(found) + 1


@pytest.mark.parametrize(("case_id", "point"), of("whole").items(), ids=WHOLE)
async def test_a_whole_refund_is_ordered_once_and_corrected_to_zero_once(
    stage: World, case_id: str, point: str
) -> None:
    state = await when(stage, case_id, Event.INVOICE_CORRECTED)
    assert set(state.badges) == {Badge.REFUNDED, Badge.CORRECTED}
    (order,) = orders(stage, case_id)
    assert (order.amount, order.over, order.times_asked <= 2) == (AMOUNT, True, True)
    assert [row["status"] for row in await stage.rows(tables.refunds, case_id)] == ["done"]
    assert sorted(row["sequence"] for row in await stage.rows(tables.invoices, case_id)) == [1, 2]

    async def mailed() -> bool:
        return (await stage.events(case_id)).count(Event.INVOICE_MAILED) == 2

    await until(mailed, f"{case_id}: the correction is mailed and that is recorded")
    await nothing_is_left_over(stage, case_id)
    await copies(stage, case_id, "refund", "correction")


async def test_the_numbers_of_the_corrections_have_no_gap(stage: World) -> None:
    for case_id in of("whole"):
        await when(stage, case_id, Event.INVOICE_CORRECTED)
    rows = await stage.rows(tables.invoices)
    for sequence, many in ((1, len(INVOICED)), (2, len(WHOLE))):
        ordinals = sorted(row["ordinal"] for row in rows if row["sequence"] == sequence)
        assert ordinals[:many] == list(range(1, many + 1))


@pytest.mark.parametrize(("case_id", "point"), of("partly").items(), ids=PARTLY)
async def test_a_part_is_given_back_once_and_a_correction_proposed_once(stage: World, case_id: str, point: str) -> None:
    async def proposed() -> bool:
        return [alert.code for alert in await stage.alerts(case_id)] == ["correction_proposed"]

    await until(proposed, f"{case_id}: a correction is proposed", 60)
    (order,) = orders(stage, case_id)
    assert (order.amount, order.times_asked <= 2) == (PART, True)
    assert (await stage.state(case_id)).badges == (Badge.PARTLY_REFUNDED,)
    assert len(await stage.rows(tables.invoices, case_id)) == 1
    assert len(await stage.alerts(case_id, open_only=False)) == 1
    await copies(stage, case_id, "refund")


@pytest.mark.parametrize(("case_id", "point"), of("late").items(), ids=LATE)
async def test_late_money_of_a_closed_case_goes_back_once_and_makes_no_second_invoice(
    stage: World, case_id: str, point: str
) -> None:
    state = await when(stage, case_id, Event.REFUND_MAILED)
    assert (state.badges, len(stage.successes(case_id))) == ((), 2)
    (kept,) = await stage.kept(case_id)
    (order,) = orders(stage, case_id)
    assert order.transaction.remote_id != kept["remote_id"]
    assert order.times_asked <= 2
    assert len(await stage.rows(tables.invoices, case_id)) == 1
    await nothing_is_left_over(stage, case_id)


@pytest.mark.parametrize(("case_id", "point"), of("told").items(), ids=TELLING)
async def test_an_expert_is_mailed_again_and_told_in_the_app_no_second_time(
    stage: World, case_id: str, point: str
) -> None:
    await when(stage, case_id, Event.EXPERT_NOTIFIED)
    await nothing_is_left_over(stage, case_id)
    assert [row["kind"] for row in await stage.rows(tables.notices, case_id)] == ["expert-paid"]
    sent = [mail.message_id for mail in stage.mails(case_id) if mail.message_id.startswith("<expert")]
    assert sent == [f"<expert-paid.{case_id}.1-1@example.com>"] * (2 if "send" in point else 1)


@pytest.mark.parametrize(("case_id", "point"), of("outside").items(), ids=EXTERNAL)
async def test_other_money_is_counted_once_after_the_open_attempt_is_dead(
    stage: World, case_id: str, point: str
) -> None:
    state = await stage.ended(case_id)
    assert (state.invoice.status, state.badges, state.parked) == (InvoiceStatus.AVAILABLE, (), None)
    (kept,) = await stage.kept(case_id)
    assert (kept["via"], stage.successes(case_id)) == ("external", [])
    assert [row["state"] for row in await stage.rows(tables.payment_attempts, case_id)] == [AttemptState.DEAD]
    assert stage.requests(f"{case_id}-1")["start"] == 1
    await nothing_is_left_over(stage, case_id)
    await copies(stage, case_id)


@pytest.mark.parametrize(("case_id", "point"), of("racing").items(), ids=RACING)
async def test_a_payment_found_while_closing_the_attempt_is_the_one_that_is_kept(
    stage: World, case_id: str, point: str
) -> None:
    state = await stage.ended(case_id)
    (kept,) = await stage.kept(case_id)
    (success,) = stage.successes(case_id)
    assert (kept["remote_id"], state.payment.attempt) == (success.remote_id, 1)
    assert (state.invoice.status, orders(stage, case_id)) == (InvoiceStatus.AVAILABLE, [])
    await nothing_is_left_over(stage, case_id)
    await copies(stage, case_id)


@pytest.mark.parametrize(("case_id", "point"), of("check").items(), ids=CHECKING)
async def test_a_payment_found_by_a_check_is_kept_once(stage: World, case_id: str, point: str) -> None:
    state = await stage.ended(case_id)
    (kept,) = await stage.kept(case_id)
    (success,) = stage.successes(case_id)
    assert (kept["remote_id"], state.invoice.status) == (success.remote_id, InvoiceStatus.AVAILABLE)
    await nothing_is_left_over(stage, case_id)
    await copies(stage, case_id)
