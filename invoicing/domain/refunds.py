"""How far a refund is, as the gateway tells it.

A refund order is idempotent by its message id, and its answer only means "queued". What became of it is told by the
progress call, which is signed and decides; a settlement notification says that it is time to ask. Source: Autopay
online gateway manual, "refunds" (outDetails) and "istn".
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from invoicing.domain.invoices import Fact
from invoicing.domain.state import Badge, CaseState, with_badges


class RefundStage(StrEnum):
    """Where an ordered refund stands.

    pending: queued or under way
    done: the money has left
    failed: cancelled by the gateway, nothing has left and nothing will
    absent: the gateway knows no refund under this message id: the same message may be sent (again), no other
    """

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    ABSENT = "absent"


class RefundProgress(Fact):
    """What the gateway says of one refund. `reason` is its word; only a failed one may be ordered under a new id."""

    stage: RefundStage
    remote_out_id: str | None = None
    reason: str | None = None
    retry_with_new_message: bool = False


class TransferStatus(StrEnum):
    """Status of money that the gateway pays out: a success may become pending and success again, a failure success."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class Transfer(Fact):
    """One outgoing transfer: a refund, or a settlement. `remote_id` is the payment that it belongs to, when it is one.

    The hash of the message signs values and not names, and most of its ids may be missing: so it is believed to say
    that something happened to the refunds of this payment, and `RefundProgress` says what.
    """

    is_refund: bool
    remote_out_id: str
    remote_id: str | None
    order_id: str | None
    amount: Decimal
    currency: str
    status: TransferStatus
    details: str | None = None
    transferred_at: datetime | None = None


def given_back(state: CaseState, *, whole: bool) -> CaseState:
    """The kept payment is back with the client, all of it or a part."""
    if whole:
        return with_badges(state, add=(Badge.REFUNDED,), drop=(Badge.PARTLY_REFUNDED,))
    return with_badges(state, add=(Badge.PARTLY_REFUNDED,))
