"""Masking ids in a history, so that it may be shown to whom the case is no business of.

Guarantee: the same id has the same mask everywhere in the history, so that it replays as before; ids of case, expert
and client, actors, keys of decisions and names of machines are gone. Numbers, codes, amounts and times stay: they are
what the workflow decides by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.client import WorkflowHistory

from invoicing.ops.payloads import copied, messages_in
from workflows import identity

IDENTITY = "worker@paidcase"
NAMES = {"case_id": "case", "after": "case", "expert_id": "expert", "client_id": "client", "key": "key"}
"""Fields of payloads that carry ids, and what their masks begin with."""

ATTRIBUTES = {identity.CASE_ID.name: "case", identity.EXPERT_ID.name: "expert", identity.CLIENT_ID.name: "client"}
ROLES = frozenset({"system", "gateway", "ops", "client", "service", "expert", "cli"})
KEPT = frozenset(
    {"name", "type", "signal_name", "marker_name", "activity_id", "timer_id", "source", "sdk_name", "sdk_version"}
)
"""Strings that name code and never a case: they are what a replay compares."""

Change: TypeAlias = Callable[[str, str], str]
"""Name and value of a string inside a payload in, its new value out."""


@dataclass(slots=True)
class Masks:
    """What stands for what."""

    known: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def of(self, kind: str, value: str) -> str:
        """The mask of an id; a new one gets the next number of its kind, and nothing stays nothing."""
        if not value:
            return value
        if value not in self.known:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.known[value] = f"{kind}-{self.counts[kind]}"
        return self.known[value]

    def within(self, text: str) -> str:
        """A text with every id in it masked where it stands as a word."""
        if not self.known:
            return text
        known = "|".join(re.escape(value) for value in sorted(self.known, key=len, reverse=True))
        return re.sub(rf"(?<![A-Za-z0-9_])(?:{known})(?![A-Za-z0-9_])", lambda found: self.known[found[0]], text)


def masked(history: WorkflowHistory) -> WorkflowHistory:
    """The history with its ids masked; its payloads must be in clear."""
    hidden, masks = copied(history), Masks()
    workflow_id = history.workflow_id
    case_id = identity.case_of(workflow_id)
    if case_id is not None:
        masks.of("case", case_id)
    inner = [message for event in hidden.events for message in messages_in(event)]
    for message in inner:  # first everything that is told by name, so that its mentions elsewhere are known
        if isinstance(message, SearchAttributes):
            _attributes(message, masks)
        elif isinstance(message, Payload):
            _payload(message, lambda name, value: _by_name(masks, name, value))
    for message in inner:
        if isinstance(message, Payload):
            _payload(message, lambda name, value: value if name in NAMES else _mentioned(masks, value))
        else:
            _strings(message, masks)
    return WorkflowHistory(masks.within(workflow_id), hidden.events)


def _by_name(masks: Masks, name: str, value: str) -> str:
    if name in NAMES:
        return masks.of(NAMES[name], value)
    return masks.of("actor", value) if name == "actor" and value not in ROLES else value


def _mentioned(masks: Masks, value: str) -> str:
    """A text that mentions an id; one that is the same word by chance may be a code, and stays."""
    return value if value in masks.known else masks.within(value)


def _attributes(attributes: SearchAttributes, masks: Masks) -> None:
    for name, kind in ATTRIBUTES.items():
        payload = attributes.indexed_fields.get(name)
        if payload is not None and payload.data:
            payload.data = json.dumps(masks.of(kind, str(json.loads(payload.data)))).encode()


def _payload(payload: Payload, change: Change) -> None:
    if not payload.metadata.get("encoding", b"").startswith(b"json/"):
        return
    value = json.loads(payload.data)
    changed = _changed("", value, change)
    if changed != value:
        payload.data = json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()


def _changed(name: str, value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(name, value)
    if isinstance(value, list):
        return [_changed(name, item, change) for item in value]
    if isinstance(value, dict):
        return {key: _changed(key, item, change) for key, item in value.items()}
    return value


def _strings(message: Message, masks: Masks) -> None:
    for found, value in message.ListFields():
        if found.type != FieldDescriptor.TYPE_STRING or (found.name in KEPT and not isinstance(message, TaskQueue)):
            continue
        if found.name == "identity":
            setattr(message, found.name, IDENTITY)
        elif found.name == "stack_trace":
            setattr(message, found.name, "")
        elif isinstance(value, str):
            setattr(message, found.name, _queue(value) if isinstance(message, TaskQueue) else masks.within(value))


def _queue(name: str) -> str:
    return name if name in {"", identity.TASK_QUEUE} else "sticky-queue"
