"""Cases that nothing disturbs: already paid, paid by a message, found paid by asking, left to the expert."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from invoicing.domain.labels import Role
from invoicing.domain.records import Event
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.ledger import Status
from invoicing.sandbox.autopay.messages import Answer
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.mail.mailbox import attachments_of, parse
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import personal_data_in, until
from tests.stage_temporal import TemporalServer
from workflows import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIVE = ["validate_billing_data", "charge", "generate_invoice", "email_invoice", "notify_expert"]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("happy"), settings={"PAYMENT_POLL_INTERVAL": "300ms"}) as opened:
        await opened.save_expert("exp-hand", issuer="none")
        yield opened


async def test_a_case_that_arrives_paid_ends_invoiced_mailed_and_told(stage: World) -> None:
    await stage.record("ext-1", paid=True)
    await stage.ended("ext-1")
    shown = await stage.shown("ext-1", Role.CLIENT)
    invoice = shown.pop("invoice")
    assert shown == {
        "case_id": "ext-1",
        "workflow_id": "paid-case-ext-1",
        "version": shown["version"],
        "case_status": {"code": "in_preparation", "label": "W PRZYGOTOWANIU"},
        "payment": {
            "status": "completed",
            "label": "Zrealizowana",
            "amount": "398.52",
            "currency": "PLN",
            "remote_id": None,
            "paid_at": "2026-11-22T10:00:00Z",
        },
        "totals": {"net": "324.00", "vat": "74.52", "gross": "398.52"},
        "badges": [],
        "parked": None,
        "actions": ["download"],
    }
    assert (invoice["status"], invoice["cell"], invoice["attempts"]) == ("available", "Pobierz fakturę", 1)
    pdf = await stage.app.documents.get(invoice["sha256"])
    to_client, to_expert = stage.mails("ext-1")
    assert to_client.recipients == ("faktury@example.com",)
    assert to_client.raw is not None
    assert [part.data for part in attachments_of(parse(to_client.raw))] == [pdf]
    assert to_expert.recipients == ("ekspert@example.com",)
    assert [row["kind"] for row in await stage.rows(tables.notices, "ext-1")] == ["expert-paid"]
    assert await stage.alerts("ext-1", open_only=False) == []


async def test_ops_see_exactly_the_five_activities_in_order(stage: World) -> None:
    await stage.record("ext-2", paid=True)
    await stage.ended("ext-2")
    assert await stage.activities("ext-2") == FIVE


async def test_a_happy_history_stays_within_45_events_and_10_kibibytes(stage: World) -> None:
    await stage.record("ext-3", paid=True)
    await stage.ended("ext-3")
    history = await stage.history("ext-3")
    assert len(history.events) <= 45
    assert history.ByteSize() <= 10 * 1024


async def test_a_run_reads_as_a_story_and_carries_its_search_attributes(stage: World) -> None:
    await stage.record("ext-4", paid=True)
    handle = await stage.run_ended("ext-4")
    told = await handle.describe()
    assert await told.static_summary() == "Case ext-4, 398.52 PLN"
    attributes = {pair.key.name: pair.value for pair in told.typed_search_attributes}
    attributes.pop("BuildIds")  # the server's own
    assert attributes == {
        "CaseId": "ext-4",
        "ExpertId": "exp-1",
        "ClientId": "cli-7",
        "PaymentStatus": "completed",
        "InvoiceStatus": "available",
        "Parked": False,
    }
    metadata = await handle.query("__temporal_workflow_metadata")
    assert "- ✔ Invoice mailed" in metadata.current_details
    history = await stage.history("ext-4")
    scheduled = [e for e in history.events if e.HasField("activity_task_scheduled_event_attributes")]
    assert all(event.user_metadata.summary.data for event in scheduled)


async def test_the_search_attributes_find_the_case(stage: World) -> None:
    await stage.record("ext-5", paid=True)
    await stage.ended("ext-5")

    async def found() -> list[str]:
        query = "CaseId = 'ext-5' AND InvoiceStatus = 'available' AND PaymentStatus = 'completed' AND Parked = false"
        return [run.id async for run in stage.temporal.list_workflows(query)]

    assert await until(found, "the run is listed") == [identity.paid_case_id("ext-5")]


async def test_a_message_of_the_gateway_pays_the_case(stage: World) -> None:
    stage.payer("itn-", Action.LEAVE)
    await stage.record("itn-1")
    assert not await stage.has_run("itn-1"), "pricing a case only records it"
    asked = await stage.pay("itn-1")
    assert asked.redirect_url is not None
    shown = await stage.shown("itn-1", Role.CLIENT)
    assert (shown["payment"]["label"], shown["invoice"]["cell"]) == ("Realizowana", "Spróbuj ponownie")
    stage.act("itn-1-1", Action.PAY)
    state = await stage.ended("itn-1")
    (paid,) = stage.successes("itn-1")
    (kept,) = await stage.kept("itn-1")
    assert (state.payment.remote_id, kept["remote_id"], kept["via"]) == (paid.remote_id, paid.remote_id, "itn")
    assert [itn.answer for itn in paid.itns] == [Answer.CONFIRMED]
    assert len(stage.mails("itn-1")) == 2


async def test_a_payment_without_a_message_is_found_by_asking(stage: World) -> None:
    stage.payer("poll-", Action.PAY, ItnMode.DROP)
    await stage.record("poll-1")
    await stage.pay("poll-1")
    await stage.ended("poll-1")
    assert [row["via"] for row in await stage.kept("poll-1")] == ["poll"]
    assert await stage.activities("poll-1") == [*FIVE[:2], "watch_payment", *FIVE[2:]]


async def test_asking_many_times_costs_the_history_nothing(stage: World) -> None:
    stage.payer("slow-", Action.LEAVE)
    await stage.record("slow-1")
    await stage.pay("slow-1")

    async def asked_thrice() -> bool:
        return stage.requests("slow-1-1").get("status", 0) >= 3

    await until(asked_thrice, "the gateway is asked three times")
    assert (await stage.activities("slow-1")).count("watch_payment") == 1
    stage.act("slow-1-1", Action.PAY)
    await stage.ended("slow-1")
    assert len((await stage.history("slow-1")).events) <= 60
    timers = [e for e in (await stage.history("slow-1")).events if e.HasField("timer_started_event_attributes")]
    assert len(timers) == 2, "the pause before polling and the time until the case is given up, nothing more"


async def test_an_expert_without_issuer_is_asked_to_attach_the_invoice(stage: World) -> None:
    await stage.record("hand-1", paid=True, expert_id="exp-hand")
    await stage.ended("hand-1")
    shown = await stage.shown("hand-1")
    assert (shown["invoice"]["status"], shown["invoice"]["cell"], shown["invoice"]["number"]) == ("manual", None, None)
    assert [mail.subject for mail in stage.mails("hand-1")] == ["Dołącz fakturę do sprawy nr hand-1"]
    assert await stage.activities("hand-1") == ["validate_billing_data", "charge", "generate_invoice", "notify_expert"]


async def test_every_message_of_the_gateway_five_times_has_one_effect(stage: World) -> None:
    stage.payer("five-", Action.PAY, ItnMode.FIVE_TIMES, after=0.2)
    await stage.record("five-1")
    await stage.pay("five-1")
    await stage.ended("five-1")
    assert len(await stage.kept("five-1")) == 1
    assert (await stage.events("five-1")).count(Event.PAYMENT_COMPLETED) == 1
    assert [row["status"] for row in await stage.rows(tables.inbox, "five-1")] == [Status.SUCCESS.value]
    assert len(stage.mails("five-1")) == 2


async def test_no_history_and_no_search_attribute_holds_personal_data(stage: World) -> None:
    stage.payer("priv-", Action.PAY)
    await stage.record("priv-1")
    await stage.pay("priv-1")
    await stage.record("priv-2", paid=True)
    await stage.ended("priv-1")
    await stage.ended("priv-2")
    for case_id in ("priv-1", "priv-2"):
        history = await stage.history(case_id)
        raw = history.SerializeToString()
        assert b"398.52" in raw, "the search looks at payloads as they are"
        assert personal_data_in(raw) == []
        told = (await stage.run(case_id).describe()).raw_description
        assert personal_data_in(told.SerializeToString()) == []
