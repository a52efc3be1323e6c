"""What goes into and out of a `PaidCase` run: ids, numbers, codes and durations, never personal data."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from workflows.policies import Timing


class Message(BaseModel):
    """Base of payloads: frozen, and readable by older code when fields are added with defaults."""

    model_config = ConfigDict(frozen=True)


class PaidCaseInput(Message):
    """The case, and the durations under which this run was started."""

    case_id: str
    expert_id: str
    client_id: str
    amount: str | None = None
    requested: int = 1
    timing: Timing = Timing()


class CaseOutcome(StrEnum):
    """How a run ended: invoice mailed and expert told, invoice left to the expert, or nobody paid."""

    DONE = "done"
    BY_HAND = "by_hand"
    UNPAID = "unpaid"


class PaidCaseResult(Message):
    """Result of a run; the truth about the case is in the database."""

    outcome: CaseOutcome


class PaymentRequest(Message):
    """The client asks for attempt number `attempt`."""

    attempt: int


class Notification(Message):
    """A gateway message by its row in the inbox."""

    inbox_id: int


class Decision(Message):
    """A recorded decision: its idempotency key and who took it."""

    key: str
    actor: str = "system"
