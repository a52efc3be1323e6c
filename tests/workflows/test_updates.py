"""Updates of an open run: refused without a trace when they are none of ours, one effect however often they come.

Each of the seven decisions is recorded twice at once, told the run again and again under other update ids, and handed
over twice more when the run has closed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from invoicing.documents.pdf.invoice import render
from invoicing.domain.decisions import Decided, DecisionKind
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import BUYER, until
from tests.stage_temporal import TemporalServer
from tests.unit.documents.samples import invoice
from workflows import identity
from workflows.messages import Decision

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD_NIP = {**BUYER, "tax_id": "1111111112"}
GREY = "grey@example.com"
PRESSED = 2


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"PAYMENT_POLL_INTERVAL": "500ms"}  # a refund is followed by polls
    async with world(temporal, tmp_path_factory.mktemp("updates"), settings=settings) as opened:
        yield opened


# --- a refused update


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def open_run(stage: World) -> str:
    """A parked case with one decision taken in and carried out: a part of its money is back."""
    case_id = "open-1"
    await parked(stage, case_id)
    await stage.app.deciding.refund(case_id, "ops", Decimal("10"), "test", "once")
    await refunded(stage, case_id)

    async def rests() -> bool:
        return (await stage.history(case_id)).events[-1].HasField("workflow_task_completed_event_attributes")

    await until(rests, "the run waits")
    return case_id


async def parked(stage: World, case_id: str) -> None:
    with stage.unusable_documents():
        await paid(stage, case_id)
        await stage.when(case_id, lambda state: state.parked, "it is parked")


async def paid(stage: World, case_id: str, **changes: Any) -> None:
    await stage.record(case_id, **changes)
    await stage.pay(case_id, 20)
    stage.act(f"{case_id}-1", Action.PAY)


async def refunded(stage: World, case_id: str) -> None:
    async def ended() -> bool:
        return "correct_after_refund" in await stage.completed(case_id)

    await until(ended, f"{case_id}: the refund has ended")


async def still(stage: World, case_id: str) -> dict[str, Any]:
    """Everything that a refused update could change."""
    described = await stage.run(case_id).describe()
    metadata = await stage.run(case_id).query("__temporal_workflow_metadata")
    return {
        "events": described.history_length,
        "attributes": {pair.key.name: pair.value for pair in described.typed_search_attributes},
        "details": metadata.current_details,
        "state": await stage.state(case_id),
        "timeline": len(await stage.app.store.timeline(case_id)),
        "decisions": await stage.rows(tables.decisions, case_id),
        "alerts": await stage.alerts(case_id, open_only=False),
    }


TAKEN = {"number": 1, "key": "refund:open-1:once", "kind": "refund", "actor": "ops"}
WRONG = {
    "of another kind": ("give_up", TAKEN, "the update is give_up, the decision is refund"),
    "without its number": ("refund", {**TAKEN, "number": 0}, "the number and the key"),
    "without its key": ("refund", {**TAKEN, "key": ""}, "the number and the key"),
    "under a number that is taken": ("refund", {**TAKEN, "key": "refund:open-1:twice"}, "taken in as another one"),
    "under a key that is taken": ("refund", {**TAKEN, "number": 2}, "taken in as another one"),
    "late money without its message": (
        "late_payment", {"number": 2, "key": "inbox:1", "kind": "late_payment"}, "names its message",
    ),
    "of another shape": ("refund", {"amount": "10.00"}, "Failed decoding arguments"),
    "nobody knows": ("pay_out", TAKEN, "expected but not found"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_update_that_is_none_of_ours_is_refused_with_the_reason_and_leaves_no_trace(
    stage: World, open_run: str, wrong: str
) -> None:
    update, decision, reason = WRONG[wrong]
    before = await still(stage, open_run)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await stage.run(open_run).execute_update(update, decision)
    assert isinstance(refused.value.cause, ApplicationError)
    assert reason in refused.value.cause.message
    assert await still(stage, open_run) == before


async def test_a_closed_run_takes_no_update(stage: World) -> None:
    await stage.record("closed-1", paid=True)
    await stage.ended("closed-1")
    before = (await stage.run("closed-1").describe()).history_length
    with pytest.raises(RPCError, match="already completed"):
        await stage.run("closed-1").execute_update("refund", TAKEN)
    assert (await stage.run("closed-1").describe()).history_length == before


@pytest.mark.parametrize("kind", [DecisionKind.REFUND, DecisionKind.GIVE_UP, DecisionKind.ATTACH_INVOICE])
async def test_a_decision_that_the_database_does_not_know_moves_nothing_and_stops_no_run(
    stage: World, kind: DecisionKind
) -> None:
    case_id = f"forged-{kind.value[:4]}"
    await parked(stage, case_id)
    forged = Decision(number=77, key=f"{kind.value}:{case_id}:forged", kind=kind)
    await stage.run(case_id).execute_update(kind.value, forged)

    async def told() -> bool:
        return any(alert.details.get("decision") == "77" for alert in await stage.alerts(case_id))

    await until(told, "ops are told")
    if kind is not DecisionKind.GIVE_UP:
        await stage.regenerate(case_id, "once")
    state = await stage.ended(case_id)
    assert (state.invoice.status, state.badges) == (InvoiceStatus.AVAILABLE, ())
    assert await stage.rows(tables.refunds, case_id) == []
    assert {alert.code for alert in await stage.alerts(case_id)} == {"decision_unknown"}


# --- the same decision again

Press = Callable[[World, str], Awaitable[object]]


async def corrected(stage: World, case_id: str) -> None:
    await stage.correct(case_id)


def taking(kind: DecisionKind) -> Press:
    async def press(stage: World, case_id: str) -> None:
        await stage.app.deciding.take(case_id, kind, "ops", key="once")

    return press


async def resent(stage: World, case_id: str) -> None:
    await stage.app.deciding.resend(case_id, "ops", f"other-{case_id}@example.com", "once")


async def attached(stage: World, case_id: str) -> None:
    await stage.app.deciding.attach(case_id, "ops", render(invoice()), "once")


async def given_back(stage: World, case_id: str) -> None:
    await stage.app.deciding.refund(case_id, "ops", Decimal("10"), "test", "once")


async def bad_data(stage: World, case_id: str) -> None:
    await stage.record(case_id, paid=True, billing_data=BAD_NIP)
    await stage.when(case_id, lambda state: state.parked, "it is parked")


async def unmailed(stage: World, case_id: str) -> None:
    stage.mail_fault("451", GREY, times=100_000)
    await paid(stage, case_id, billing_data={**BUYER, "email": GREY})
    await stage.when(case_id, lambda state: state.invoiced, "the invoice is stored")


async def clicked(stage: World, case_id: str) -> None:
    await stage.record(case_id)
    await stage.pay(case_id, 20)
    await stage.when(case_id, lambda state: state.payment.status is PaymentStatus.OPEN, "the payment is open")


async def nothing(stage: World, case_id: str) -> None:
    """The decision itself ends the run."""


async def mail_works(stage: World, case_id: str) -> None:
    stage.box.mail_switches.clear()


async def payer_pays(stage: World, case_id: str) -> None:
    stage.act(f"{case_id}-1", Action.PAY)


async def pressed_on(stage: World, case_id: str) -> None:
    await refunded(stage, case_id)
    await stage.regenerate(case_id, "then")


PLAYS: dict[DecisionKind, tuple[Press, Press, Press]] = {
    DecisionKind.CORRECT_BILLING_DATA: (bad_data, corrected, nothing),
    DecisionKind.REGENERATE_INVOICE: (parked, taking(DecisionKind.REGENERATE_INVOICE), nothing),
    DecisionKind.RESEND_INVOICE: (unmailed, resent, mail_works),
    DecisionKind.ATTACH_INVOICE: (parked, attached, nothing),
    DecisionKind.REFUND: (parked, given_back, pressed_on),
    DecisionKind.GIVE_UP: (parked, taking(DecisionKind.GIVE_UP), nothing),
    DecisionKind.CHECK_PAYMENT_NOW: (clicked, taking(DecisionKind.CHECK_PAYMENT_NOW), payer_pays),
}
"""The seven of the specification: how a case comes to where it makes sense, the decision, and what ends the run."""


async def effects(stage: World, case_id: str) -> dict[str, Any]:
    """Everything that a case may have only so many of."""
    mine = {item.remote_id for item in stage.ledger(case_id)}
    return {
        "captures": len(await stage.rows(tables.captures, case_id)),
        "invoices": len(await stage.rows(tables.invoices, case_id)),
        "archived": len(await stage.rows(tables.archive, case_id)),
        "refunds": len([order for order in stage.box.autopay.refunds if order.transaction.remote_id in mine]),
        "notices": len(await stage.rows(tables.notices, case_id)),
        "mails": sorted(mail.message_id for mail in stage.mails(case_id)),
        "starts": stage.requests(f"{case_id}-1").get("start", 0),
        "decisions": len(await stage.rows(tables.decisions, case_id)),
        "state": (await stage.state(case_id)).model_copy(update={"version": 0}),
    }


async def decided(stage: World, case_id: str, kind: DecisionKind) -> Decided:
    """The decision of this kind, which is recorded once."""
    (row,) = [row for row in await stage.rows(tables.decisions, case_id) if row["kind"] == kind.value]
    async with stage.app.store.reading() as db:
        return await db.decision(case_id, row["number"])


async def all_done(stage: World, case_id: str) -> None:
    """Until the newest run has completed and nothing is on its way to another."""
    while True:
        await stage.run_ended(case_id)
        run_id = await stage.run_id(case_id)

        async def handed() -> bool:
            return not (await stage.app.store.waiting())["outbox"]

        await until(handed, "everything is handed over")
        if await stage.run_id(case_id) == run_id:
            return


@pytest.mark.parametrize("kind", PLAYS)
async def test_a_decision_has_one_effect_however_often_it_comes_and_also_when_the_run_has_closed(
    stage: World, kind: DecisionKind
) -> None:
    bring, press, let_end = PLAYS[kind]
    case_id = f"twice-{kind.value.split('_')[0]}-{kind.value[-4:]}".replace("_", "-")
    await bring(stage, case_id)
    await asyncio.gather(*(press(stage, case_id) for _ in range(PRESSED)))
    taken = await decided(stage, case_id, kind)
    again = Decision(number=taken.number, key=taken.key, kind=kind, actor="ops")

    async def told(number: int) -> None:
        try:
            await stage.run(case_id).execute_update(kind.value, again, id=f"again-{number}")
        except RPCError as error:  # the decision itself may have ended the run meanwhile
            assert "already completed" in str(error)

    await asyncio.gather(*(told(number) for number in range(PRESSED)))
    await let_end(stage, case_id)
    await all_done(stage, case_id)
    before = await effects(stage, case_id)

    relay = stage.app.relay(stage.temporal)
    await asyncio.gather(*(relay._decide(case_id, taken.number) for _ in range(PRESSED)))
    # a Temporal that knows the run knows the update as well; one that has forgotten both lets the act begin
    await asyncio.gather(*(relay._act(case_id, again) for _ in range(PRESSED)))
    act = stage.temporal.get_workflow_handle(identity.case_action_id(case_id, taken.number))
    assert (await act.result())["done"] is True
    assert (await act.describe()).status is WorkflowExecutionStatus.COMPLETED
    await relay._act(case_id, again)
    await all_done(stage, case_id)
    assert await effects(stage, case_id) == before
    left = ["correction_proposed"] if kind is DecisionKind.REFUND else []  # a part is back, all is invoiced
    assert [alert.code for alert in await stage.alerts(case_id)] == left
