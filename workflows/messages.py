"""What goes into and out of a `PaidCase` run: ids, numbers, codes and durations, never personal data."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from activities.failures import FailureDetail
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.state import PaymentStatus, Step
from workflows.policies import Timing


class Message(BaseModel):
    """Base of payloads: frozen, and readable by older code when fields are added with defaults."""

    model_config = ConfigDict(frozen=True)


class Waiting(Message):
    """A parked step, carried over continue-as-new."""

    step: Step
    failure: FailureDetail
    round: int = 1
    payment: PaymentStatus = PaymentStatus.NONE
    keys: tuple[str, ...] = ()


class PaidCaseInput(Message):
    """The case, and the durations under which this run was started."""

    case_id: str
    expert_id: str
    client_id: str
    amount: str | None = None
    requested: int = 1
    timing: Timing = Timing()
    waiting: Waiting | None = None


class CaseOutcome(StrEnum):
    """How a run ended: invoice mailed and expert told, invoice left to the expert, nobody paid, or given up."""

    DONE = "done"
    BY_HAND = "by_hand"
    UNPAID = "unpaid"
    GIVEN_UP = "given_up"


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
    """A recorded decision: its number in the database, its idempotency key, what it is and who took it."""

    number: int
    key: str
    kind: DecisionKind
    actor: str = "system"
    inbox_id: int | None = None


class CaseActionInput(Message):
    """One act on a case whose run has closed."""

    case_id: str
    decision: Decision
    timing: Timing = Timing()


class CaseActionResult(Message):
    """Whether the act was carried out; what it did is in the database."""

    done: bool
