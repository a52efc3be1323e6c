"""Plays of what goes wrong and is cured: a failure of every cause, decisions, runs that are continued or sent back."""

from __future__ import annotations

import contextlib
from pathlib import Path

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.queueing import decide
from invoicing.documents.pdf.invoice import render
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.state import CaseState, Step
from invoicing.errors import Cause
from invoicing.ops import redoing
from invoicing.sandbox.autopay.desk import Action
from tests.stage import WFIRMA_KEYS, World
from tests.stage_samples import until
from tests.unit.documents.samples import invoice
from workflows import identity
from workflows.messages import Decision

BOOKKEEPER = "exp-wfirma"
"""An expert whose invoices are made at wFirma."""


async def settings_fault_parked(stage: World) -> str:
    """The bookkeeping service refuses the expert's keys."""
    await _save_bookkeeper(stage)
    stage.wfirma_fault("any", "access_denied", "rec-settings", times=9)
    await stage.record("rec-settings", paid=True, expert_id=BOOKKEEPER)
    await _parked(stage, "rec-settings", Cause.SETTINGS)
    return identity.paid_case_id("rec-settings")


async def limit_parked(stage: World) -> str:
    """The bookkeeping service asks for patience three times."""
    await _save_bookkeeper(stage)
    stage.wfirma_fault("any", "http_429", "rec-limit", times=9, reason="1")
    await stage.record("rec-limit", paid=True, expert_id=BOOKKEEPER)
    await _parked(stage, "rec-limit", Cause.LIMIT)
    return identity.paid_case_id("rec-limit")


async def internal_fault_parked(stage: World) -> str:
    """The stored document is not the one that was stored, which the mail finds when the server is back."""
    stage.mail_fault("451", times=1000)
    await stage.record("rec-internal", paid=True)
    state = await stage.when("rec-internal", lambda state: state.invoice.sha256, "it is invoiced")
    _spoil(Path(stage.env["DOCUMENTS_URL"]), str(state.invoice.sha256))
    await stage.when("rec-internal", lambda state: state.parked, "it is parked")
    stage.box.mail_switches.clear()
    return identity.paid_case_id("rec-internal")


async def unknown_outcome_found(stage: World) -> str:
    """The answer to the third attempt is lost, and the invoice that it made is found."""
    await _save_bookkeeper(stage)
    stage.wfirma_fault("invoices/find", "out_of_service", "rec-unknown", times=2)
    stage.wfirma_fault("invoices/add", "late_commit", "rec-unknown", seconds=1)
    await stage.record("rec-unknown", paid=True, expert_id=BOOKKEEPER)
    await stage.ended("rec-unknown", 150)
    return identity.paid_case_id("rec-unknown")


async def refunded_while_parked(stage: World) -> str:
    """No invoice can be made, and the client gets his money back."""
    await _paid_and_parked(stage, "rec-refund")
    await stage.app.deciding.refund("rec-refund", "ops", None, "no invoice", "press-1")

    async def told() -> bool:
        return "email_refund" in await stage.completed("rec-refund")

    await until(told, "the client is told")
    return identity.paid_case_id("rec-refund")


async def refunded_after_the_end(stage: World) -> str:
    """An invoiced case is refunded; the correction to zero goes with it."""
    await stage.record("rec-back")
    await stage.pay("rec-back", 20)
    stage.act("rec-back-1", Action.PAY)
    await stage.ended("rec-back")
    await stage.app.deciding.refund("rec-back", "ops", None, "cancelled", "press-1")
    handle = stage.temporal.get_workflow_handle(identity.case_action_id("rec-back", 1))

    async def ended() -> bool:
        with contextlib.suppress(RPCError):
            return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
        return False

    await until(ended, "the act ends")
    return handle.id


async def given_up(stage: World) -> str:
    """A person decides that nothing more is tried."""
    await _failed_round(stage, "rec-up")
    await stage.app.deciding.take("rec-up", DecisionKind.GIVE_UP, "ops")
    await stage.ended("rec-up")
    return identity.paid_case_id("rec-up")


async def given_up_past_us(stage: World) -> str:
    """Somebody tells the run that it is given up, and the database knows of no such decision: it goes on."""
    await _failed_round(stage, "rec-past")
    kind = DecisionKind.GIVE_UP
    await stage.run("rec-past").execute_update(kind.value, Decision(number=77, key="give_up:rec-past:x", kind=kind))
    await stage.ended("rec-past")
    return identity.paid_case_id("rec-past")


async def given_up_late(stage: World) -> str:
    """Given up when the run has gone on already: the round that fails next is the last."""
    await _failed_round(stage, "rec-late")
    with stage.unusable_documents():
        await stage.regenerate("rec-late", "rec-late-press")
        await stage.when("rec-late", lambda state: state.parked is None, "it is tried again")
        async with stage.app.store.transaction() as db:
            kind, now = DecisionKind.GIVE_UP, stage.app.clock()
            await decide(db, "rec-late", kind, f"{kind.value}:rec-late:late", "ops", {}, now)
        await stage.when("rec-late", lambda state: state.closed, "it is given up")
    await stage.run_ended("rec-late")
    return identity.paid_case_id("rec-late")


async def attached_while_parked(stage: World) -> str:
    """The expert's own document takes the place of what could not be made."""
    await _failed_round(stage, "rec-attach")
    await stage.app.deciding.attach("rec-attach", "ops", render(invoice()), None)
    await stage.ended("rec-attach")
    return identity.paid_case_id("rec-attach")


async def checked_then_paid_another_way(stage: World) -> str:
    """Somebody asks for the payment, and then the money comes by transfer."""
    await stage.record("rec-other")
    await stage.pay("rec-other", 20)
    await stage.app.deciding.take("rec-other", DecisionKind.CHECK_PAYMENT_NOW, "ops")

    async def checked() -> bool:
        return "check_payment" in await stage.completed("rec-other")

    await until(checked, "the gateway has been asked")
    facts = await stage.app.intake.facts("rec-other")
    assert facts.state.gross is not None
    now = stage.app.clock()
    await stage.app.deciding.external_payment("rec-other", "ops", "TR-1", now, facts.state.gross, None)
    await stage.ended("rec-other")
    return identity.paid_case_id("rec-other")


async def continued_as_new(stage: World) -> tuple[str, str]:
    """A parked run leaves its history behind: the run that ends by it."""
    return identity.paid_case_id("rec-long"), await _continued(stage, "rec-long")


async def continued_then_regenerated(stage: World) -> str:
    """A run that begins parked, where another one has ended, and is decided."""
    await _continued(stage, "rec-longer")
    await stage.regenerate("rec-longer", "press-1")
    await stage.ended("rec-longer")
    return identity.paid_case_id("rec-longer")


async def redone(stage: World) -> str:
    """A finished run is sent back to its invoice."""
    await stage.record("rec-redo", paid=True)
    await stage.ended("rec-redo")
    plan = await redoing.planned(stage.temporal, "rec-redo", Step.INVOICE)
    done = await redoing.carried_out(stage.temporal, plan, "redo of generate_invoice, ordered by ops")
    handle = stage.temporal.get_workflow_handle(identity.paid_case_id("rec-redo"), run_id=done.new_run_id)
    await handle.result()
    return handle.id


def _spoil(documents: Path, sha256: str) -> None:
    (path,) = [found for found in documents.rglob("*") if found.is_file() and sha256[-16:] in found.name]
    path.chmod(0o600)
    path.write_bytes(b"another")


async def _save_bookkeeper(stage: World) -> None:
    await stage.save_expert(BOOKKEEPER, issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)


async def _parked(stage: World, case_id: str, cause: Cause) -> None:
    def waits(state: CaseState) -> bool:
        return state.parked is not None and state.parked.cause is cause

    await stage.when(case_id, waits, f"it is parked by {cause.value}")
    await _told(stage, case_id)


async def _told(stage: World, case_id: str) -> None:
    async def told() -> bool:
        return await stage.has_run(case_id) and "notify_expert" in await stage.completed(case_id)

    await until(told, "the expert is told")


async def _failed_round(stage: World, case_id: str) -> None:
    with stage.unusable_documents():
        await stage.record(case_id, paid=True)
        await _told(stage, case_id)


async def _paid_and_parked(stage: World, case_id: str) -> None:
    await stage.record(case_id)
    await stage.pay(case_id, 20)
    with stage.unusable_documents():
        stage.act(f"{case_id}-1", Action.PAY)
        await _told(stage, case_id)


async def _continued(stage: World, case_id: str) -> str:
    """The run that ended when its parked case was continued by another one."""
    with stage.unusable_documents():
        await stage.record(case_id, paid=True)

        async def continued() -> str | None:
            if not await stage.has_run(case_id):
                return None
            events = (await stage.history(case_id)).events
            before = events[0].workflow_execution_started_event_attributes.continued_execution_run_id
            return before if before and "validate_billing_data" in await stage.completed(case_id) else None

        return await until(continued, "the run is continued")
