"""The rows of lists as every caller gets them: one shape for the API, the commands and the exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from invoicing.domain.labels import Role
from invoicing.domain.records import (
    ENDED,
    AlertGroup,
    CaseFacts,
    StoredAlert,
    StoredDelivery,
    StoredLogEntry,
    StoredTask,
)
from invoicing.failing import link, ops_message
from invoicing.presenting import moment, state_record, timeline_entry

ACTIVITY = tuple("id at case_id process event label step attempt cause code actor message docs details".split())
EMAILS = tuple("id message_id case_id kind recipient status tries code message docs created_at updated_at".split())
ALERTS = tuple(
    "id key case_id step cause code message docs details opened_at acknowledged_at acknowledged_by closed_at".split()
)
TASKS = tuple("id kind case_id code message docs opened_at closed_at".split())
PAYMENTS = tuple(
    "case_id client_id expert_id recorded_at case_status payment_status payment_label amount currency remote_id "
    "paid_at invoice_status invoice_cell invoice_number issued_on badges parked".split()
)
"""Columns of the exports, in their order; new ones are added at the end."""


def activity_item(entry: StoredLogEntry, language: str) -> dict[str, Any]:
    """One line of the activity log."""
    return {"id": str(entry.id), "case_id": entry.case_id, **(timeline_entry(entry, Role.OPS, language) or {})}


def email_item(mail: StoredDelivery, language: str) -> dict[str, Any]:
    """One row of the e-mail log."""
    return {
        "id": str(mail.id),
        "message_id": mail.message_id,
        "case_id": mail.case_id,
        "kind": mail.kind.value,
        "recipient": mail.recipient,
        "status": mail.status.value,
        "tries": mail.tries,
        "code": mail.code,
        "message": ops_message(mail.code, mail.kind.step, language, ended=mail.status in ENDED),
        "docs": None if mail.code is None else link(mail.code),
        "created_at": moment(mail.created_at),
        "updated_at": moment(mail.updated_at),
    }


def alert_item(alert: StoredAlert, language: str) -> dict[str, Any]:
    """One alert."""
    return {
        "id": str(alert.id),
        "key": alert.key,
        "case_id": alert.case_id,
        "step": alert.step,
        "cause": alert.cause,
        "code": alert.code,
        "message": ops_message(alert.code, alert.step, language),
        "docs": link(alert.code),
        "details": alert.details,
        "opened_at": moment(alert.opened_at),
        "acknowledged_at": None if alert.acknowledged_at is None else moment(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "closed_at": None if alert.closed_at is None else moment(alert.closed_at),
    }


def alert_causes(groups: Sequence[AlertGroup], language: str) -> list[dict[str, Any]]:
    """Open alerts by cause, each with its codes."""
    return [
        {
            "cause": cause.value,
            "open": sum(one.open for one in alike),
            "unacknowledged": sum(one.open - one.acknowledged for one in alike),
            "oldest_at": moment(min(one.oldest_at for one in alike)),
            "newest_at": moment(max(one.newest_at for one in alike)),
            "codes": [
                {
                    "code": one.code,
                    "open": one.open,
                    "message": ops_message(one.code, None, language),
                    "docs": link(one.code),
                }
                for one in alike
            ],
        }
        for cause in dict.fromkeys(one.cause for one in groups)
        for alike in [[one for one in groups if one.cause is cause]]
    ]


def task_item(task: StoredTask, language: str) -> dict[str, Any]:
    """One failed task."""
    return {
        "id": str(task.id),
        "kind": task.kind.value,
        "case_id": task.case_id,
        "code": task.code,
        "message": ops_message(task.code, task.kind.step, language),
        "docs": link(task.code),
        "opened_at": moment(task.opened_at),
        "closed_at": None if task.closed_at is None else moment(task.closed_at),
    }


def payment_item(facts: CaseFacts, role: Role, language: str) -> dict[str, Any]:
    """One case of the payment list; services and ops are told whose it is."""
    item = {**state_record(facts, role, language), "recorded_at": moment(facts.arrived_at)}
    if role in {Role.SERVICE, Role.OPS}:
        item |= {"client_id": facts.document.client.id, "expert_id": facts.document.expert_id}
    return item


def payment_row(item: dict[str, Any]) -> dict[str, Any]:
    """The same flat, for an export."""
    payment, invoice, parked = item["payment"], item["invoice"], item["parked"]
    return {
        **{name: item.get(name) for name in ("case_id", "client_id", "expert_id", "recorded_at")},
        "case_status": item["case_status"]["code"],
        "payment_status": payment["status"],
        "payment_label": payment["label"],
        **{name: payment[name] for name in ("amount", "currency", "remote_id", "paid_at")},
        "invoice_status": invoice["status"],
        "invoice_cell": invoice["cell"],
        "invoice_number": invoice["number"],
        "issued_on": invoice["issued_on"],
        "badges": " ".join(item["badges"]),
        "parked": None if parked is None else f"{parked['step']}: {parked['code']}",
    }
