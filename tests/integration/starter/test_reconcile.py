"""`reconcile` as a process: the table, the document and the exit code say whether all agrees."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities import reconciliation
from activities.reconciliation import PageInput, ReconciliationActivities
from invoicing.domain.payments import Attempt, AttemptState
from invoicing.domain.records import Capture, Event, LogEntry
from invoicing.domain.state import payment_completed
from invoicing.errors import Throttled
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.registry import AutopayServices
from invoicing.storage.store import SqlCaseStore
from tests.unit.starter.commands import AUTOPAY, EXAMPLES, answer, starter

CASE_ID = "2026-000124"
PAID_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = ("--from", "2026-11-20", "--to", "2026-11-20")
GROSS = "398.52"


def clock() -> datetime:
    return PAID_AT


async def paid_and_forgotten(folder: Path) -> None:
    """A recorded case whose money came, and which nothing has invoiced since."""
    starter(folder, "start", EXAMPLES / "case-external.json")
    store = SqlCaseStore(f"sqlite+aiosqlite:///{folder / 'paidcase.db'}", clock)
    try:
        async with store.transaction() as db:
            state = (await db.facts(CASE_ID)).state
            capture = Capture(
                service_id="external", remote_id=f"{CASE_ID}:x", case_id=CASE_ID, order_id="x",
                amount=Decimal(GROSS), currency="PLN", kept=True, captured_at=PAID_AT, via="external",
            )  # fmt: skip
            await db.add_capture(capture)
            await db.save(payment_completed(state, attempt=0, remote_id=None, paid_at=PAID_AT, reference="x"))
            await db.log(LogEntry(case_id=CASE_ID, event=Event.PAYMENT_COMPLETED, at=PAID_AT))
    finally:
        await store.close()


async def test_a_difference_is_a_row_a_document_and_exit_code_one(folder: Path) -> None:
    await paid_and_forgotten(folder)
    shown, told = starter(folder, "reconcile", *DAY), starter(folder, "reconcile", *DAY, "--json")
    assert (shown.returncode, told.returncode) == (1, 1), shown.stderr
    for word in (CASE_ID, "paid_not_invoiced", f"{GROSS} PLN", "0.00 PLN"):
        assert word in shown.stdout
    assert answer(told) == {
        "cases": 1,
        "unasked": 0,
        "differences": [
            {
                "case_id": CASE_ID,
                "kind": "paid_not_invoiced",
                "subject": "x",
                "expected": f"{GROSS} PLN",
                "found": "0.00 PLN",
            }
        ],
    }
    alerts = answer(starter(folder, "alerts", "--json"))["items"]
    assert [alert["code"] for alert in alerts if alert["code"] == "reconciliation_difference"] == []


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [({}, 1, "1 orders or refunds could not be asked about"), (AUTOPAY, 3, "gateway_unreachable")],
    ids=["its service is not configured any more", "the gateway does not answer"],
)
async def test_an_order_that_cannot_be_asked_about_is_not_taken_for_agreement(
    folder: Path, settings: dict[str, str], code: int, said: str
) -> None:
    await paid_and_forgotten(folder)
    store = SqlCaseStore(f"sqlite+aiosqlite:///{folder / 'paidcase.db'}", clock)
    try:
        async with store.transaction() as db:
            sent = Attempt(
                case_id=CASE_ID, attempt=1, order_id=f"{CASE_ID}-1", service_id="100001", amount=Decimal(GROSS),
                currency="PLN", state=AttemptState.DEAD, sent_at=PAID_AT,
            )  # fmt: skip
            await db.save_attempt(sent)
    finally:
        await store.close()
    done = starter(folder, "reconcile", *DAY, **settings)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


async def test_an_order_at_its_limit_is_waited_for_three_times_and_then_left_out() -> None:
    async def at_the_limit(service_id: str, order_id: str) -> str:
        raise Throttled("provider_limit")

    heard: list[bool] = []
    for attempt in range(1, 6):
        env = ActivityEnvironment()
        env.info = dataclasses.replace(env.info, attempt=attempt)
        try:
            heard.append(await env.run(ReconciliationActivities._asked, at_the_limit, "100001", "o-1") is None)
        except Throttled:
            heard.append(False)
    assert heard == [False, False, False, True, True]


async def test_a_case_is_met_once_however_its_lines_fall_on_pages(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "LINES", 3)
    store = SqlCaseStore(f"sqlite+aiosqlite:///{folder / 'paidcase.db'}", clock)
    days = {"old": -3, "a": 0, "b": 0, "c": 0, "new": 2}
    order = ["old", "old", "old", "old", "a", "b", "a", "c", "c", "b", "a", "new", "new"]
    try:
        async with store.transaction() as db:
            for case_id in order:
                at = PAID_AT + timedelta(days=days[case_id])
                await db.log(LogEntry(case_id=case_id, event=Event.CASE_RECORDED, at=at))
        comparing = ReconciliationActivities(store, AutopayGateway(AutopayServices([]), clock), clock)
        page = PageInput(since=PAID_AT - timedelta(days=1), until=PAID_AT + timedelta(days=1))
        met: list[str] = []
        last = False
        while not last:
            places, last = await comparing.places(page)
            met += [place.case_id for place in places if place.case_id is not None]
            page = page.model_copy(update={"after_id": places[-1].id})
    finally:
        await store.close()
    assert met == ["a", "b", "c"]


async def test_days_in_which_nothing_happened_have_no_difference(folder: Path) -> None:
    await paid_and_forgotten(folder)
    done = starter(folder, "reconcile", "--from", "2026-11-18", "--to", "2026-11-19", "--json")
    assert (done.returncode, answer(done)) == (0, {"cases": 0, "unasked": 0, "differences": []})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--from"),
        (("--from", "yesterday", "--to", "2026-11-20"), "2026-11-22"),
        (("--from", "2026-11-21", "--to", "2026-11-20"), "exchange them"),
    ],
    ids=["no days", "no date", "days the wrong way round"],
)
def test_wrong_days_are_wrong_usage(folder: Path, arguments: tuple[str, ...], told: str) -> None:
    done = starter(folder, "reconcile", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
