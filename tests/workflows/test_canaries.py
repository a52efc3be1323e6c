"""No personal data in Temporal or in logs, over every way a case can take: canaries are looked for where runs write.

Histories are read raw, event by event with every payload, and so are search attributes, memos, summaries, details,
failures of pending activities, and what worker and API print. The plays cover every kind of decision.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
import pytest_asyncio
from pypdf import PdfWriter
from temporalio.client import WorkflowExecution

from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.state import Badge, InvoiceStatus, PaymentStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUYER: Mapping[str, Any] = {
    "kind": "company",
    "name": "Kanarek Nabywca sp. z o.o.",
    "tax_id": "8000000004",
    "street": "Ptasia Klatka 77",
    "postal_code": "81-777",
    "city": "Kanarkowo",
    "country": "PL",
    "email": "kanarek-faktury@example.com",
}
CORRECTED = {**BUYER, "name": "Kanarek Poprawiony S.A."}
SELLER = {
    "name": "Kanarek Ekspert Doradztwo",
    "street": "Gniazdowa 88",
    "city": "Skowronkowo",
    "email": "kanarek-ekspert@example.com",
    "bank_account": "PL27114020040000300201355387",
}
UNREACHABLE = {**SELLER, "email": "kanarek-nieobecny@example.com"}
CLIENT = {"id": "cli-7", "email": "kanarek-klient@example.com", "language": "pl"}
ELSEWHERE = "kanarek-gdzie-indziej@example.com"
REASON = "kanarek-powod zwrotu"
REFERENCE = "KANAREK-PRZELEW-1"
TITLE = "Kanarek Zalacznik"
LINE = "Kanarek porada o rozwodzie"

CANARIES = (
    "Kanarek", "kanarek", "KANAREK", "8000000004", "Ptasia", "81-777", "Gniazdowa", "Skowronkowo",
    "27114020040000300201355387", "payment/continue",
)  # fmt: skip
"""What must never be met; they are spelt without letters that JSON would escape."""

Play = Callable[[World], Awaitable[None]]


def lines() -> list[dict[str, Any]]:
    return [{"description": LINE, "quantity": "1", "unit": "godz.", "unit_price": "200.00", "vat_rate": "23"}]


async def recorded(stage: World, case_id: str, *, paid: bool = False, **changes: Any) -> None:
    fields: dict[str, Any] = {"client": CLIENT, "billing_data": dict(BUYER), "lines": lines()}
    if paid:
        fields["payment"] = {"method": "external", "reference": REFERENCE, "paid_at": "2026-11-22T10:00:00Z"}
    await stage.record(case_id, **{**fields, **changes})


async def paid_by_gateway(stage: World, case_id: str) -> None:
    await recorded(stage, case_id)
    assert (await stage.pay(case_id, within=60)).redirect_url
    stage.act(f"{case_id}-1", Action.PAY)
    await stage.ended(case_id)


async def acted(stage: World, case_id: str, badge: Badge) -> None:
    await stage.when(case_id, lambda state: badge in state.badges, f"it is {badge.value}")


async def resent(stage: World) -> None:
    await paid_by_gateway(stage, "can-resent")
    await stage.app.deciding.resend("can-resent", "ops:Kanarek", ELSEWHERE, "press")
    await until(lambda: stage.mailed("can-resent", 3), "the invoice is mailed elsewhere")


async def refunded(stage: World) -> None:
    await paid_by_gateway(stage, "can-refund")
    await stage.app.deciding.refund("can-refund", "ops:Kanarek", None, REASON, "press")
    await acted(stage, "can-refund", Badge.CORRECTED)


async def corrected_invoice(stage: World) -> None:
    await paid_by_gateway(stage, "can-corr")
    wish = CorrectionRequest.model_validate({"reason": REASON, "billing_data": CORRECTED})
    await stage.app.deciding.correct_invoice("can-corr", "expert:exp-1", wish, None)
    await acted(stage, "can-corr", Badge.CORRECTED)


async def paid_twice(stage: World) -> None:
    await paid_by_gateway(stage, "can-twice")
    twin = stage.box.autopay.ledger.twin(stage.transactions("can-twice-1")[0], "second_payment", stage.app.clock())
    stage.box.autopay.perform(twin, Action.PAY, ItnMode.SEND, 0.0)

    async def given_back() -> bool:
        return [row["status"] for row in await stage.rows(tables.refunds, "can-twice")] == ["done"]

    await until(given_back, "the second payment goes back", 90)


async def corrected_data(stage: World) -> None:
    await recorded(stage, "can-nip", paid=True, billing_data={**BUYER, "tax_id": "8000000005"})
    await stage.when("can-nip", lambda state: state.parked, "it is parked")
    await stage.correct("can-nip", **CORRECTED)
    await stage.ended("can-nip")


async def regenerated(stage: World) -> None:
    stage.wfirma_fault("any", "auth", "can-far", times=1)
    await recorded(stage, "can-far", paid=True, expert_id="exp-far")
    await stage.when("can-far", lambda state: state.parked, "it is parked", 90)
    await stage.app.deciding.take("can-far", DecisionKind.REGENERATE_INVOICE, "ops:Kanarek")
    await stage.ended("can-far", 90)


async def attached(stage: World) -> None:
    writer, content = PdfWriter(), BytesIO()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": TITLE})
    writer.write(content)
    await recorded(stage, "can-hand", paid=True, expert_id="exp-hand")
    await stage.ended("can-hand")
    await stage.app.deciding.attach("can-hand", "expert:exp-hand", content.getvalue(), None)
    await stage.when("can-hand", lambda state: state.invoice.sha256, "the document is the invoice")


async def given_up(stage: World) -> None:
    await recorded(stage, "can-over", paid=True, billing_data={**BUYER, "tax_id": "8000000005"})
    await stage.when("can-over", lambda state: state.parked, "it is parked")
    await stage.app.deciding.take("can-over", DecisionKind.GIVE_UP, "ops:Kanarek")
    await stage.ended("can-over")


async def asked_now(stage: World) -> None:
    await recorded(stage, "can-asked")
    await stage.pay("can-asked", within=60)
    stage.act("can-asked-1", Action.PAY, ItnMode.DROP)
    await stage.app.deciding.take("can-asked", DecisionKind.CHECK_PAYMENT_NOW, "ops:Kanarek")
    await stage.ended("can-asked")


async def paid_elsewhere(stage: World) -> None:
    await recorded(stage, "can-ext")
    await stage.pay("can-ext", within=60)
    gross = (await stage.state("can-ext")).gross
    assert gross is not None
    deciding, now = stage.app.deciding, stage.app.clock()
    await deciding.external_payment("can-ext", "ops:Kanarek", REFERENCE, now, Decimal(gross), None)
    await stage.ended("can-ext", 90)


async def mail_refused(stage: World) -> None:
    refusing = "kanarek-odmowa@example.com"
    stage.mail_fault("550", refusing, times=10)
    await recorded(stage, "can-mail", paid=True, billing_data={**BUYER, "email": refusing})
    await stage.ended("can-mail")
    assert [task["kind"] for task in await stage.open_tasks("can-mail")] == ["email"]


async def expert_mailed_again(stage: World) -> None:
    stage.mail_fault("550", UNREACHABLE["email"])
    await recorded(stage, "can-told", paid=True, expert_id="exp-away")
    await stage.ended("can-told")

    async def failed() -> bool:
        return [task["kind"] for task in await stage.open_tasks("can-told")] == ["notification"]

    await until(failed, "the mail to the expert fails")
    await stage.app.deciding.take("can-told", DecisionKind.RESEND_NOTIFICATION, "ops:Kanarek")
    await until(lambda: stage.mailed("can-told", 2), "the expert is mailed")


async def cancelled(stage: World) -> None:
    await recorded(stage, "can-gone")
    await stage.pay("can-gone", within=60)
    await stage.run("can-gone").cancel()
    await stage.when("can-gone", lambda state: state.closed, "the run has said that it is gone")
    stage.act("can-gone-1", Action.PAY)  # money after the end: a late message
    state = await stage.when("can-gone", lambda state: state.expert_told, "it goes on", 90)
    assert (state.payment.status, state.invoice.status) == (PaymentStatus.COMPLETED, InvoiceStatus.AVAILABLE)


PLAYS: Mapping[Play, frozenset[DecisionKind]] = {
    resent: frozenset({DecisionKind.RESEND_INVOICE}),
    refunded: frozenset({DecisionKind.REFUND}),
    corrected_invoice: frozenset({DecisionKind.CORRECT_INVOICE}),
    paid_twice: frozenset({DecisionKind.REFUND, DecisionKind.LATE_PAYMENT}),
    corrected_data: frozenset({DecisionKind.CORRECT_BILLING_DATA}),
    regenerated: frozenset({DecisionKind.REGENERATE_INVOICE}),
    attached: frozenset({DecisionKind.ATTACH_INVOICE}),
    given_up: frozenset({DecisionKind.GIVE_UP}),
    asked_now: frozenset({DecisionKind.CHECK_PAYMENT_NOW}),
    paid_elsewhere: frozenset({DecisionKind.EXTERNAL_PAYMENT}),
    mail_refused: frozenset(),
    expert_mailed_again: frozenset({DecisionKind.RESEND_NOTIFICATION}),
    cancelled: frozenset({DecisionKind.LATE_PAYMENT}),
}
"""What is played, and the decisions that it takes; the test after the plays sees that they were taken."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"PAYMENT_POLL_INTERVAL": "300ms", "LOG_LEVEL": "debug"}
    async with world(temporal, tmp_path_factory.mktemp("canaries"), settings=settings) as opened:
        await opened.save_expert(**SELLER)
        await opened.save_expert("exp-away", **UNREACHABLE)
        await opened.save_expert("exp-far", **SELLER, issuer="wfirma", invoice_series=None, wfirma=WFIRMA)
        await opened.save_expert("exp-hand", **SELLER, issuer="none", invoice_series=None)
        await asyncio.gather(*(play(opened) for play in PLAYS))
        yield opened


WFIRMA = {"access_key": "sandbox-access", "secret_key": "sandbox-secret", "company_id": None}
SECRETS = ("sandbox-access", "sandbox-secret")


def met(text: str) -> list[str]:
    return [canary for canary in (*CANARIES, *SECRETS) if canary in text]


async def written(stage: World, run: WorkflowExecution) -> str:
    """Everything that Temporal keeps and shows of a run, payloads decoded."""
    handle = stage.temporal.get_workflow_handle(run.id, run_id=run.run_id)
    history = await handle.fetch_history()
    raw = b"".join(event.SerializeToString() for event in history.events).decode("utf-8", "replace")
    described = (await handle.describe()).raw_description.SerializeToString().decode("utf-8", "replace")
    details = str(await handle.query("__temporal_workflow_metadata"))
    return "\n".join((run.id, raw, history.to_json(), described, details))


async def test_every_kind_of_decision_is_played_and_was_taken(stage: World) -> None:
    assert frozenset[DecisionKind]().union(*PLAYS.values()) == set(DecisionKind)
    taken = {row["kind"] for row in await stage.rows(tables.decisions)}
    assert taken == {kind.value for kind in DecisionKind}


async def test_no_canary_is_in_a_history_an_attribute_an_id_a_summary_or_a_failure(stage: World) -> None:
    seen: list[str] = []
    async for run in stage.temporal.list_workflows(""):
        found = met(await written(stage, run))
        assert found == [], f"{run.id}: {found}"
        seen.append(run.workflow_type)
    assert seen.count("PaidCase") >= len(PLAYS)
    assert seen.count("CaseAction") >= 4


async def test_no_canary_is_in_what_worker_and_api_print(stage: World) -> None:
    logs = sorted(stage.folder.glob("*.log"))
    assert len(logs) >= 2
    for log in logs:
        assert log.stat().st_size > 0
        assert met(log.read_text(encoding="utf-8", errors="replace")) == [], log.name


async def test_the_canaries_are_where_they_belong(stage: World) -> None:
    """What is looked for is really there to be found."""
    documents = json.dumps([row["document"] for row in await stage.rows(tables.cases)], ensure_ascii=False)
    data = json.dumps([row["data"] for row in await stage.rows(tables.billing_data)], ensure_ascii=False)
    bodies = json.dumps([row["body"] for row in await stage.rows(tables.decisions)], ensure_ascii=False)
    assert {"Kanarek", "kanarek", "KANAREK"} <= set(met(documents))
    assert {"Ptasia", "81-777", "8000000004"} <= set(met(data))
    assert {"kanarek", "KANAREK"} <= set(met(bodies))


async def test_every_activity_and_timer_of_every_run_tells_what_it_is_for(stage: World) -> None:
    told = 0
    async for run in stage.temporal.list_workflows(""):
        history = await stage.temporal.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        for event in history.events:
            if event.HasField("activity_task_scheduled_event_attributes") or event.HasField(
                "timer_started_event_attributes"
            ):
                assert event.user_metadata.summary.data, f"{run.id}: event {event.event_id} has no summary"
                told += 1
        assert history.events[0].user_metadata.summary.data, f"{run.id} has no summary"
    assert told > 50
