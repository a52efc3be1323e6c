"""Records the histories that the replay tests hold against today's code: `python -m tests.replay.record [NAME…]`.

Guarantee: real runs on the dev server with the product's worker; nothing is stripped. Names of machines and processes
(`identity`, sticky queues) become constants, and a history that holds personal data is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

from temporalio.api.history.v1 import History
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from invoicing.domain.brownouts import Gate
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.state import Badge, PaymentStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from tests.replay import recoveries
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import BUYER, personal_data_in, until
from tests.stage_temporal import SOON_LONG, temporal_server
from workflows import identity
from workflows.reconcile import Reconcile, ReconcileInput
from workflows.sweep import Sweep, SweepRunsInput

HISTORIES = Path(__file__).with_name("histories")
IDENTITY = "worker@paidcase"

Play = Callable[[World], Awaitable[str | tuple[str, str]]]
"""Plays a case; gives back the id of the workflow whose history is kept, and its run where that is not the newest."""


async def happy_external(stage: World) -> str:
    """Arrives paid."""
    await stage.record("rec-external", paid=True)
    await stage.ended("rec-external")
    return identity.paid_case_id("rec-external")


async def happy_autopay(stage: World) -> str:
    """Paid by the gateway's message."""
    await stage.record("rec-autopay")
    await stage.pay("rec-autopay", 20)
    stage.act("rec-autopay-1", Action.PAY)
    await stage.ended("rec-autopay")
    return identity.paid_case_id("rec-autopay")


async def polled(stage: World) -> str:
    """No message comes; the payment is found by asking."""
    await stage.record("rec-polled")
    await stage.pay("rec-polled", 20)
    stage.act("rec-polled-1", Action.PAY, ItnMode.DROP)
    await stage.ended("rec-polled")
    return identity.paid_case_id("rec-polled")


async def told_while_polling(stage: World) -> str:
    """The message comes after asking has begun."""
    await stage.record("rec-told")
    await stage.pay("rec-told", 20)

    async def asked() -> bool:
        return stage.requests("rec-told-1").get("status", 0) >= 2

    await until(asked, "the gateway is asked twice")
    stage.act("rec-told-1", Action.PAY)
    await stage.ended("rec-told")
    return identity.paid_case_id("rec-told")


async def refused_then_paid(stage: World) -> str:
    """The gateway refuses the first start, the second attempt is paid."""
    stage.gateway_fault("start", "refuse", "rec-refused-1", reason="START_AMOUNT_OUT_OF_RANGE")
    await stage.record("rec-refused")
    await stage.pay("rec-refused", 20)
    await stage.pay("rec-refused", 20)
    stage.act("rec-refused-2", Action.PAY)
    await stage.ended("rec-refused")
    return identity.paid_case_id("rec-refused")


async def cancelled(stage: World) -> str:
    """The payer cancels, and pays by a second attempt."""
    await stage.record("rec-cancelled")
    await stage.pay("rec-cancelled", 20)
    stage.act("rec-cancelled-1", Action.CANCEL)
    await stage.when("rec-cancelled", lambda state: state.payment.status is PaymentStatus.FAILED, "it failed")
    await stage.pay("rec-cancelled", 20)
    stage.act("rec-cancelled-2", Action.PAY)
    await stage.ended("rec-cancelled")
    return identity.paid_case_id("rec-cancelled")


async def failed_round_parked(stage: World) -> str:
    """Three attempts at the invoice fail; the run is open and waits."""
    await _failed_round(stage, "rec-failed")
    return identity.paid_case_id("rec-failed")


async def failed_round_regenerated(stage: World) -> str:
    """Three attempts at the invoice fail, and a person has it tried again."""
    await _failed_round(stage, "rec-again")
    await stage.regenerate("rec-again", "rec-again-press")
    await stage.ended("rec-again")
    return identity.paid_case_id("rec-again")


async def _failed_round(stage: World, case_id: str) -> None:
    with stage.unusable_documents():
        await stage.record(case_id, paid=True)

        async def told() -> bool:
            return await stage.has_run(case_id) and "notify_expert" in await stage.completed(case_id)

        await until(told, "the expert is told", 60)


async def bad_data_parked_then_corrected(stage: World) -> str:
    """Arrives paid with a wrong tax id, which is corrected."""
    await stage.record("rec-nip", paid=True, billing_data={**BUYER, "tax_id": "1111111112"})
    await stage.when("rec-nip", lambda state: state.parked, "it is parked")
    await stage.correct("rec-nip")
    await stage.ended("rec-nip")
    return identity.paid_case_id("rec-nip")


async def by_hand(stage: World) -> str:
    """The expert has no issuer."""
    await stage.save_expert("exp-hand", issuer="none")
    await stage.record("rec-hand", paid=True, expert_id="exp-hand")
    await stage.ended("rec-hand")
    return identity.paid_case_id("rec-hand")


async def held_then_let_go(stage: World) -> str:
    """The issuer's provider is away before anything was attempted, and comes back."""
    await _held(stage, "rec-held")
    stage.box.wfirma.switches.clear()
    await stage.ended("rec-held")
    return identity.paid_case_id("rec-held")


async def held_then_regenerated(stage: World) -> str:
    """A person does not wait for the provider, and the round fails."""
    await _held(stage, "rec-sent")
    await stage.regenerate("rec-sent", "rec-sent-press")
    await stage.when("rec-sent", lambda state: state.parked, "the round has failed")

    async def told() -> bool:
        return "notify_expert" in await stage.completed("rec-sent")

    await until(told, "the expert is told", 60)
    return identity.paid_case_id("rec-sent")


async def held_then_given_up(stage: World) -> str:
    """A person decides that nothing is tried."""
    await _held(stage, "rec-left")
    await stage.app.deciding.take("rec-left", DecisionKind.GIVE_UP, "ops")
    await stage.ended("rec-left")
    return identity.paid_case_id("rec-left")


async def _held(stage: World, case_id: str) -> None:
    await stage.save_expert("exp-wfirma", issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
    stage.wfirma_fault("any", "out_of_service", times=1_000)
    async with stage.app.store.transaction() as db:
        await db.save_gate(Gate(issuer="wfirma", shut_at=stage.app.clock()))
    await stage.record(case_id, paid=True, expert_id="exp-wfirma")

    async def waits() -> bool:
        return await stage.has_run(case_id) and "wait_for_provider" in await stage.activities(case_id)

    await until(waits, "the case waits for the provider", 60)


async def second_payment_after_the_end(stage: World) -> str:
    """The payer pays once more when all is done."""
    await stage.record("rec-twice")
    await stage.pay("rec-twice", 20)
    stage.act("rec-twice-1", Action.PAY)
    await stage.ended("rec-twice")
    twin = stage.box.autopay.ledger.twin(stage.transactions("rec-twice-1")[0], "second_payment", stage.app.clock())
    stage.box.autopay.perform(twin, Action.PAY, ItnMode.SEND, 0.0)
    return await _acted(stage, "rec-twice")


async def resent_after_the_end(stage: World) -> str:
    """The invoice is mailed once more when all is done."""
    await stage.record("rec-resent", paid=True)
    await stage.ended("rec-resent")
    await stage.app.deciding.resend("rec-resent", "ops", None, "press-1")
    return await _acted(stage, "rec-resent")


async def notified_again_after_the_end(stage: World) -> str:
    """The mail to the expert was refused, and is sent again when all is done."""
    await _refusing(stage, "exp-after")
    await stage.record("rec-told-late", paid=True, expert_id="exp-after")
    await stage.ended("rec-told-late")
    await stage.app.deciding.take("rec-told-late", DecisionKind.RESEND_NOTIFICATION, "ops", key="press-1")
    return await _acted(stage, "rec-told-late")


async def notified_again_while_parked(stage: World) -> str:
    """The sentence about the failed round was refused, and is sent again while the case waits."""
    await _refusing(stage, "exp-round")
    with stage.unusable_documents():
        await stage.record("rec-told-again", paid=True, expert_id="exp-round")

        async def told(times: int = 1) -> bool:
            done = await stage.completed("rec-told-again") if await stage.has_run("rec-told-again") else []
            return done.count("notify_expert") == times

        await until(told, "the mail was refused", 60)
    await stage.app.deciding.take("rec-told-again", DecisionKind.RESEND_NOTIFICATION, "ops", key="press-1")
    await until(lambda: told(2), "the mail is sent again", 60)
    return identity.paid_case_id("rec-told-again")


async def _refusing(stage: World, expert_id: str) -> None:
    """An expert whose first mail is refused."""
    await stage.save_expert(expert_id, email=f"{expert_id}@example.com")
    stage.mail_fault("550", f"{expert_id}@example.com")


async def corrected_after_the_end(stage: World) -> str:
    """The invoice gets another buyer when all is done."""
    await stage.record("rec-corrected", paid=True)
    await stage.ended("rec-corrected")
    data = {**BUYER, "street": "Jasna 7"}
    await stage.app.deciding.correct_invoice("rec-corrected", "ops", _wish(billing_data=data), "press-1")
    return await _acted(stage, "rec-corrected")


async def corrected_while_open(stage: World) -> str:
    """The invoice is corrected while its mail still waits for the server."""
    stage.mail_fault("451", "late@example.com", times=1000)
    await stage.record("rec-early", paid=True, billing_data={**BUYER, "email": "late@example.com"})
    await stage.when("rec-early", lambda state: state.invoice.sha256, "it is invoiced")
    await stage.app.deciding.correct_invoice("rec-early", "ops", _wish(to_zero=True), "press-1")
    await stage.when("rec-early", lambda state: Badge.CORRECTED in state.badges, "it is corrected")
    stage.box.mail_switches.clear()
    await stage.ended("rec-early")
    return identity.paid_case_id("rec-early")


def _wish(**fields: object) -> CorrectionRequest:
    return CorrectionRequest.model_validate({"reason": "Jasna 7, nie 6/3", **fields})


async def reconciled(stage: World) -> str:
    """A payment that nobody heard of is found by the comparison of the day."""
    await stage.record("rec-unheard")
    await stage.pay("rec-unheard", 20)
    stage.act("rec-unheard-1", Action.PAY, ItnMode.DROP)
    workflow_id = identity.reconcile_id("2026-11-23")
    asked = ReconcileInput(settles_within=timedelta(0))
    await stage.temporal.execute_workflow(Reconcile.run, asked, id=workflow_id, task_queue=identity.TASK_QUEUE)
    return workflow_id


async def swept(stage: World) -> str:
    """The run of a case was terminated; the sweep finds it."""
    await stage.record("rec-gone")
    await stage.pay("rec-gone", 20)
    await stage.terminate("rec-gone")
    workflow_id = identity.sweep_id("2026-11-23")
    asked = SweepRunsInput(young=timedelta(0))
    await stage.temporal.execute_workflow(Sweep.run, asked, id=workflow_id, task_queue=identity.TASK_QUEUE)
    return workflow_id


async def cancelled_while_waiting(stage: World) -> str:
    """An operator cancels the run that waits for the money."""
    await stage.record("rec-ended")
    await stage.pay("rec-ended", 20)
    await stage.run("rec-ended").cancel()
    await stage.when("rec-ended", lambda state: state.parked, "the run has said that it is gone")
    return identity.paid_case_id("rec-ended")


async def _acted(stage: World, case_id: str) -> str:
    workflow_id = identity.case_action_id(case_id, 1)
    handle = stage.temporal.get_workflow_handle(workflow_id)

    async def ended() -> bool:
        with contextlib.suppress(RPCError):
            return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
        return False

    await until(ended, f"{workflow_id} ends", 60)
    return workflow_id


async def unpaid(stage: World) -> str:
    """Nobody pays."""
    await stage.record("rec-unpaid")
    await stage.pay("rec-unpaid", 20)
    await stage.ended("rec-unpaid", 60)
    return identity.paid_case_id("rec-unpaid")


PATIENT = {"PAYMENT_POLL_INTERVAL": "1s"}
IMPATIENT = {"BROWNOUT_PROBE_INTERVAL": "300ms"}
HASTY = {"PAYMENT_VALIDITY": "2s", "PAYMENT_ABANDON_AFTER": "4s", "PAYMENT_POLL_INTERVAL": "500ms"}

PLAYS: Mapping[str, tuple[Mapping[str, str], tuple[Play, ...]]] = {
    "patient": (
        PATIENT,
        (
            happy_external,
            happy_autopay,
            polled,
            told_while_polling,
            refused_then_paid,
            cancelled,
            failed_round_parked,
            failed_round_regenerated,
            bad_data_parked_then_corrected,
            by_hand,
            second_payment_after_the_end,
            resent_after_the_end,
            notified_again_after_the_end,
            notified_again_while_parked,
            corrected_after_the_end,
            corrected_while_open,
            recoveries.settings_fault_parked,
            recoveries.limit_parked,
            recoveries.internal_fault_parked,
            recoveries.unknown_outcome_found,
            recoveries.refunded_while_parked,
            recoveries.refunded_after_the_end,
            recoveries.given_up,
            recoveries.given_up_past_us,
            recoveries.given_up_late,
            recoveries.attached_while_parked,
            recoveries.checked_then_paid_another_way,
            recoveries.redone,
        ),
    ),
    "long": (PATIENT, (recoveries.continued_as_new, recoveries.continued_then_regenerated)),
    "hasty": (HASTY, (unpaid,)),
    "impatient": (IMPATIENT, (held_then_let_go, held_then_regenerated, held_then_given_up)),
    "unheard": ({}, (reconciled, swept, cancelled_while_waiting)),
}
"""What is played in which world."""

FLAGS = {"long": SOON_LONG}
"""Worlds that need a server of their own."""


def without_machines(text: str) -> str:
    """The history with constants for what names a machine or a process."""
    text = re.sub(r'("identity": )"[^"]*"', rf'\1"{IDENTITY}"', text)
    text = re.sub(r'("stackTrace": )"(?:[^"\\]|\\.)*"', r'\1""', text)  # its lines name folders of the machine
    return re.sub(r'"[0-9]+@[^"]*-[0-9a-f]{8,}"', '"sticky-queue"', text)


async def record(names: set[str]) -> None:
    """Play every case that is named, or all, and write their histories."""
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="paidcase-record-") as folder:
        for name, (settings, plays) in PLAYS.items():
            wanted = [play for play in plays if not names or play.__name__ in names]
            if not wanted:
                continue
            place = Path(folder) / name
            place.mkdir()
            with temporal_server(place, flags=FLAGS.get(name, ())) as server:
                async with world(server, place / "world", settings=settings) as stage:
                    for play in wanted:
                        await _write(stage, play)


async def _write(stage: World, play: Play) -> None:
    played = await play(stage)
    workflow_id, run_id = played if isinstance(played, tuple) else (played, None)
    history = await stage.temporal.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    if found := personal_data_in(History(events=history.events).SerializeToString()):
        raise SystemExit(f"{play.__name__}: the history holds personal data: {', '.join(found)}")
    path = HISTORIES / f"{play.__name__}.json"
    path.write_text(without_machines(history.to_json()) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(history.events)} events")


if __name__ == "__main__":
    asyncio.run(record(set(sys.argv[1:])))
