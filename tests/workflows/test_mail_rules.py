"""Mail as surely as SMTP allows: later means again, no means a failed task, a lost answer means once more."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from invoicing.domain.failure_records import failures_of
from invoicing.domain.records import Event
from invoicing.domain.state import InvoiceStatus, Step
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("mail"), settings={"MAIL_GIVE_UP_AFTER": "5s"}) as opened:
        yield opened


async def mailed(stage: World, case_id: str) -> dict[str, object]:
    """The row of the invoice's mail, once the case has ended; every case has an address of its own."""
    data = {**BUYER, "email": address(case_id)}
    await stage.record(case_id, paid=True, billing_data=data)
    state = await stage.ended(case_id)
    assert (state.invoice.status, state.parked) == (InvoiceStatus.AVAILABLE, None)
    (row,) = [row for row in await stage.rows(tables.deliveries, case_id) if row["kind"] == "invoice"]
    return row


def address(case_id: str) -> str:
    return f"{case_id}@example.com"


def copies(stage: World, case_id: str) -> int:
    return stage.box.mailbox.copies(f"<invoice.{case_id}.1@example.com>")


@pytest.mark.parametrize("fault", ["421", "451", "drop_before_data"])
async def test_later_is_tried_again_until_it_is_sent(stage: World, fault: str) -> None:
    case_id = f"later-{fault.replace('_', '-')}"
    stage.mail_fault(fault, address(case_id), times=2)
    row = await mailed(stage, case_id)
    assert (row["status"], copies(stage, case_id)) == ("sent", 1)
    assert row["tries"] in {2, 3}, "a kept connection that proves dead is replaced within one try"
    assert await stage.open_tasks(case_id) == []
    code, answer = ("mail_undeliverable", "unreachable") if fault.startswith("drop") else ("mail_deferred", "later")
    records = failures_of(await stage.app.store.timeline(case_id))
    assert {(one.step, one.code, one.answer.value) for one in records} == {(Step.EMAIL, code, answer)}
    assert [one.attempt for one in records] == list(range(1, int(str(row["tries"]))))


async def test_a_server_that_refuses_connections_is_tried_again(stage: World) -> None:
    stage.mail_fault("refuse_connection", times=2)
    stage.mail_fault("421", address("refused-1"))  # makes the kept connection unusable, so that a new one is refused
    row = await mailed(stage, "refused-1")
    assert (row["status"], copies(stage, "refused-1")) == ("sent", 1)
    stage.box.mail_switches.clear()


async def test_a_definite_no_is_not_tried_again_and_becomes_a_failed_task(stage: World) -> None:
    stage.mail_fault("550", address("no-1"), times=5)
    row = await mailed(stage, "no-1")
    assert (row["status"], row["tries"], copies(stage, "no-1")) == ("failed", 1, 0)
    assert [(task["kind"], task["code"]) for task in await stage.open_tasks("no-1")] == [("email", "mail_refused")]
    assert Event.MAIL_FAILED in await stage.events("no-1")
    (told,) = stage.mails("no-1")
    assert told.recipients == ("ekspert@example.com",), "the case goes on without the mail"


async def test_a_mail_that_is_sent_again_makes_good_the_one_that_failed(stage: World) -> None:
    stage.mail_fault("550", address("again-1"))
    assert (await mailed(stage, "again-1"))["status"] == "failed"
    (alert,) = await stage.alerts("again-1")
    assert (alert.code, alert.step, alert.details) == ("mail_refused", Step.EMAIL, {"mail": "invoice"})
    await stage.app.deciding.resend("again-1", "ops", None, "press-1")

    async def is_sent() -> bool:
        return Event.INVOICE_MAILED in await stage.events("again-1")

    await until(is_sent, "the second mail is sent")
    assert (await stage.open_tasks("again-1"), await stage.alerts("again-1")) == ([], [])


async def test_a_lost_answer_is_sent_once_more_under_the_same_message_id(stage: World) -> None:
    stage.mail_fault("drop_after_data", address("lost-1"))
    row = await mailed(stage, "lost-1")
    assert (row["status"], copies(stage, "lost-1")) == ("sent", 2)


async def test_two_lost_answers_end_as_unknown_and_become_a_failed_task(stage: World) -> None:
    stage.mail_fault("drop_after_data", address("lost-2"), times=5)
    row = await mailed(stage, "lost-2")
    assert (row["status"], copies(stage, "lost-2")) == ("unknown", 2)
    assert [(task["kind"], task["code"]) for task in await stage.open_tasks("lost-2")] == [
        ("email", "mail_outcome_unknown")
    ]


async def test_a_mail_that_is_deferred_for_too_long_becomes_a_failed_task(stage: World) -> None:
    stage.mail_fault("451", address("never-1"), times=1_000_000)
    row = await mailed(stage, "never-1")
    assert (row["status"], row["code"], copies(stage, "never-1")) == ("failed", "mail_undeliverable", 0)
    assert [task["kind"] for task in await stage.open_tasks("never-1")] == ["email"]


async def test_the_experts_mail_follows_the_same_rules_and_its_notification_does_not_wait(stage: World) -> None:
    await stage.save_expert("exp-no", email="expert-no@example.com")
    stage.mail_fault("550", "expert-no@example.com", times=5)
    await stage.record("expert-1", paid=True, expert_id="exp-no")
    await stage.ended("expert-1")
    assert [row["kind"] for row in await stage.rows(tables.notices, "expert-1")] == ["expert-paid"]
    assert [(task["kind"], task["code"]) for task in await stage.open_tasks("expert-1")] == [
        ("notification", "mail_refused")
    ]


async def test_a_run_started_again_does_not_send_what_was_refused(stage: World) -> None:
    stage.mail_fault("550", address("no-2"))
    before = await mailed(stage, "no-2")
    await stage.start_again("no-2")
    await stage.ended("no-2")
    (row,) = [row for row in await stage.rows(tables.deliveries, "no-2") if row["kind"] == "invoice"]
    assert row == before
    assert copies(stage, "no-2") == 0


async def test_without_an_address_of_the_buyer_the_client_gets_the_invoice(stage: World) -> None:
    await stage.record("client-1", paid=True, billing_data={**BUYER, "email": None})
    await stage.ended("client-1")

    async def arrived() -> bool:
        return bool(stage.mails("client-1"))

    await until(arrived, "the mail arrives")
    assert stage.mails("client-1")[0].recipients == ("anna@example.com",)
