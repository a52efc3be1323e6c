"""Which process of the house a line of the activity log belongs to: a pure function of its event and step."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from invoicing.domain.records import Event
from invoicing.domain.state import Step


class Process(StrEnum):
    """What people call the parts of a case's way."""

    CASE = "case"
    BILLING_DATA = "billing_data"
    PAYMENT = "payment"
    INVOICE = "invoice"
    EMAIL = "email"
    NOTIFICATION = "notification"
    REFUND = "refund"
    DECISION = "decision"
    EXPERT = "expert"


OF_STEP: Mapping[Step | None, Process] = MappingProxyType(
    {
        Step.VALIDATE: Process.BILLING_DATA,
        Step.CHARGE: Process.PAYMENT,
        Step.INVOICE: Process.INVOICE,
        Step.EMAIL: Process.EMAIL,
        Step.NOTIFY: Process.NOTIFICATION,
        None: Process.DECISION,
    }
)
"""Processes of events that can occur at every step; without a step they are about a decision."""

BY_STEP = frozenset(
    {
        Event.ATTEMPT_FAILED,
        Event.STEP_FAILED,
        Event.PARKED,
        Event.RESUMED,
        Event.MAIL_FAILED,
        Event.STEP_REDO,
        Event.ALERT_RAISED,
        Event.ALERT_CLOSED,
    }
)

OF_EVENT: Mapping[Event, Process] = MappingProxyType(
    {
        Event.CASE_RECORDED: Process.CASE,
        Event.PAYMENT_REQUESTED: Process.PAYMENT,
        Event.BILLING_DATA_SAVED: Process.BILLING_DATA,
        Event.REGISTER_ASKED: Process.BILLING_DATA,
        Event.PAYMENT_OPENED: Process.PAYMENT,
        Event.PAYMENT_REFUSED: Process.PAYMENT,
        Event.PAYMENT_FAILED: Process.PAYMENT,
        Event.PAYMENT_COMPLETED: Process.PAYMENT,
        Event.PAYMENT_DUPLICATE: Process.PAYMENT,
        Event.PAYMENT_DOUBTFUL: Process.PAYMENT,
        Event.NOTIFICATION_REJECTED: Process.PAYMENT,
        Event.TRANSFER_TOLD: Process.PAYMENT,
        Event.CLOSED_UNPAID: Process.PAYMENT,
        Event.INVOICE_HELD: Process.INVOICE,
        Event.INVOICE_LET_GO: Process.INVOICE,
        Event.INVOICE_ISSUED: Process.INVOICE,
        Event.INVOICE_BY_HAND: Process.INVOICE,
        Event.INVOICE_ATTACHED: Process.INVOICE,
        Event.INVOICE_CORRECTED: Process.INVOICE,
        Event.ISSUER_SHUT: Process.INVOICE,
        Event.ISSUER_OPENED: Process.INVOICE,
        Event.INVOICE_MAILED: Process.EMAIL,
        Event.REFUND_MAILED: Process.EMAIL,
        Event.EXPERT_NOTIFIED: Process.NOTIFICATION,
        Event.REFUND_REQUESTED: Process.REFUND,
        Event.REFUND_DONE: Process.REFUND,
        Event.REFUND_FAILED: Process.REFUND,
        Event.REFUND_ATTEMPT_FAILED: Process.REFUND,
        Event.DECIDED: Process.DECISION,
        Event.EXPERT_SAVED: Process.EXPERT,
        Event.GIVEN_UP: Process.CASE,
        Event.COMPLETED: Process.CASE,
    }
)
"""Processes of all other events."""


def process_of(event: Event, step: Step | None) -> Process:
    """The process of a line; of an event that the table does not know yet, its step's."""
    return OF_STEP[step] if event in BY_STEP else OF_EVENT.get(event, OF_STEP[step])


def steps_of(process: Process) -> tuple[Step | None, ...]:
    """Steps whose general events belong to the process."""
    return tuple(step for step, of in OF_STEP.items() if of is process)


def events_of(process: Process) -> tuple[Event, ...]:
    """Events that belong to the process whatever their step."""
    return tuple(event for event, of in OF_EVENT.items() if of is process)
