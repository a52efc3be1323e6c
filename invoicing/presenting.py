"""The state record as every caller gets it: the state, its labels and allowed actions in the reader's language."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from invoicing.domain.failure_records import Failure, failure_of
from invoicing.domain.labels import Action, Role, view
from invoicing.domain.money import amount_text
from invoicing.domain.processes import process_of
from invoicing.domain.records import CaseFacts, Event, LogEntry
from invoicing.domain.state import CaseState, Parked
from invoicing.domain.validation import case_totals
from invoicing.errors import Fault
from invoicing.failing import link, message, told, told_then
from invoicing.locale import text

PAYING = frozenset({Action.PAY, Action.RESUME_PAYMENT, Action.PAY_AGAIN})


def state_record(facts: CaseFacts, role: Role, language: str) -> dict[str, Any]:
    """The state record of SPEC section 6; amounts are strings with a dot, times UTC with Z."""
    state, seen = facts.state, view(facts.state, role)
    # a case that arrived paid is never paid through us, whatever its record says before it was verified
    may = [act for act in seen.actions if not (facts.document.arrives_paid and act in PAYING)]
    totals, currency = case_totals(facts.document), facts.document.currency
    payment, invoice = state.payment, state.invoice

    def label(key: str | None) -> str | None:
        return None if key is None else text(language, key)

    return {
        "case_id": state.case_id,
        "workflow_id": f"paid-case-{state.case_id}",
        "version": state.version,
        "case_status": {"code": seen.case_status, "label": text(language, seen.case_status_key)},
        "payment": {
            "status": seen.payment_status,
            "label": label(seen.payment_key),
            "amount": None if totals is None else amount_text(totals.gross, currency),
            "currency": currency,
            "remote_id": payment.remote_id,
            "paid_at": None if payment.paid_at is None else moment(payment.paid_at),
        },
        "invoice": {
            "status": seen.invoice_status,
            "cell": label(seen.invoice_key),
            "number": invoice.number,
            "issued_on": None if invoice.issued_on is None else invoice.issued_on.isoformat(),
            "attempts": invoice.attempts,
            "reason": label(seen.reason_key),
            "sha256": invoice.sha256,
        },
        "totals": None
        if totals is None
        else {name: amount_text(getattr(totals, name), currency) for name in ("net", "vat", "gross")},
        "badges": [badge.value for badge in state.badges],
        "parked": None if state.parked is None else _parked(state, state.parked, role, language),
        "actions": [action.value for action in may],
    }


def _parked(state: CaseState, parked: Parked, role: Role, language: str) -> dict[str, Any]:
    curing = {"correct_billing_data", "regenerate_invoice", "attach_invoice", "give_up", "check_payment_now"}
    failure = told(parked.code, parked.step, state, role, outcome_known=parked.outcome_known, ended=True)
    return {
        "step": parked.step.value,
        "cause": parked.cause.value,
        "code": parked.code,
        "attempts": parked.attempts,
        "message": message(failure, role, language),
        "docs": link(parked.code),
        "money": failure.money,
        "documents": failure.documents,
        "actions": [action.value for action in view(state, role).actions if action.value in curing],
    }


def fault_list(faults: tuple[Fault, ...], language: str) -> list[dict[str, str]]:
    """Faults as the `errors` of a problem document."""
    return [
        {"field": item.field, "code": item.code, "message": text(language, f"fault.{item.code}")} for item in faults
    ]


FOR_STAFF = frozenset(
    {
        Event.PAYMENT_DOUBTFUL,
        Event.NOTIFICATION_REJECTED,
        Event.TRANSFER_TOLD,
        Event.REGISTER_ASKED,
        Event.STEP_FAILED,
        Event.STEP_REDO,
        Event.ATTEMPT_FAILED,
        Event.REFUND_ATTEMPT_FAILED,
        Event.PAYMENT_DUPLICATE,
    }
)
"""Events that only services and ops see in a timeline."""


def timeline_entry(entry: LogEntry, role: Role, language: str) -> dict[str, Any] | None:
    """One line of a timeline, or None when the role may not see it; clients and experts get no inner details."""
    staff = role in {Role.OPS, Role.SERVICE}
    if entry.event in FOR_STAFF and not staff:
        return None
    line: dict[str, Any] = {
        "at": moment(entry.at),
        "event": entry.event.value,
        "label": text(language, f"event.{entry.event.value}"),
        "step": entry.step.value if entry.step else None,
        "attempt": entry.attempt,
    }
    failure = failure_of(entry)
    if failure is not None:
        line.update(message=message(told_then(failure), role, language), docs=link(failure.code))
    if staff:
        line.update(
            process=process_of(entry.event, entry.step).value,
            cause=entry.cause,
            code=entry.code,
            actor=entry.actor,
            details=entry.details,
        )
    return line


def failure_record(failure: Failure, role: Role, language: str) -> dict[str, Any]:
    """One failed attempt: what happened, what was and was not done, and what it means."""
    return {
        "case_id": failure.case_id,
        "at": None if failure.at is None else moment(failure.at),
        "process": failure.process.value,
        "step": failure.step,
        "attempt": failure.attempt,
        "cause": failure.cause.value,
        "code": failure.code,
        "answer": failure.answer.value,
        "outcome": "known" if failure.outcome_known else "unknown",
        "money": failure.money,
        "documents": failure.documents,
        "ended": failure.ended,
        "faults": [{"field": field, "code": code} for field, code in failure.faults],
        "message": message(told_then(failure), role, language),
        "docs": link(failure.code),
    }


def moment(at: datetime) -> str:
    """A time on the wire: RFC 3339, UTC, `Z`."""
    return at.isoformat().replace("+00:00", "Z")
