"""What lists and bulk acts answer, for the OpenAPI document; tests hold the real answers to these models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from invoicing.web.described import Described, StateRecord


class PaymentItem(StateRecord):
    """The state record, when the case was recorded, and for services and ops whose it is."""

    recorded_at: datetime
    client_id: str | None = None
    expert_id: str | None = None


class Payments(Described):
    """Cases that have a payment label, newest first."""

    items: list[PaymentItem]
    next_cursor: str | None


class ActivityItem(Described):
    """One line of the activity log."""

    id: str
    case_id: str | None
    at: datetime
    event: str
    label: str
    process: str
    step: str | None
    attempt: int | None
    message: str | None = None
    docs: str | None = None
    cause: str | None
    code: str | None
    actor: str
    details: dict[str, str]


class Activity(Described):
    """The activity log, newest first."""

    items: list[ActivityItem]
    next_cursor: str | None


class EmailItem(Described):
    """One mail; `unknown` says that the server's answer was lost."""

    id: str
    message_id: str
    case_id: str
    kind: str
    recipient: str
    status: str
    tries: int
    code: str | None
    message: str | None
    docs: str | None
    created_at: datetime
    updated_at: datetime


class Emails(Described):
    """The e-mail log, newest first."""

    items: list[EmailItem]
    next_cursor: str | None


class FailedTaskItem(Described):
    """Something that could not be delivered and waits for a person."""

    id: str
    kind: str
    case_id: str
    code: str
    message: str | None
    docs: str
    opened_at: datetime
    closed_at: datetime | None


class FailedTasks(Described):
    """A failed list, newest first."""

    items: list[FailedTaskItem]
    next_cursor: str | None


class RegeneratedItem(Described):
    """What became of one case of the request; `code` and `message` say why it was not accepted."""

    case_id: str
    accepted: bool
    code: str | None
    message: str | None


class Regenerated(Described):
    """One result a case, in the order of the request."""

    items: list[RegeneratedItem]


class NotificationItem(Described):
    """One in-app notification."""

    id: str
    case_id: str
    kind: str
    message: str
    created_at: datetime
    read_at: datetime | None


class Notifications(Described):
    """Notifications of the expert, newest first."""

    items: list[NotificationItem]
    next_cursor: str | None
    unread: Annotated[int, Field(description="of all his notifications, not of this page")]


class AlertCode(Described):
    """Open alerts of one code."""

    code: str
    open: int
    message: str
    docs: str


class AlertCause(Described):
    """Open alerts of one cause."""

    cause: str
    open: int
    unacknowledged: int
    oldest_at: datetime
    newest_at: datetime
    codes: list[AlertCode]


class AlertCauses(Described):
    """Open alerts counted by cause."""

    items: list[AlertCause]
    next_cursor: None
