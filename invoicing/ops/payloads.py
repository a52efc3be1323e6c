"""Payloads anywhere inside a history: finding them, and decoding them with our keys.

A history that is encrypted is of no use to who lacks the keys, and masking cannot look into it. So what leaves Temporal
by our export is in clear; payloads carry ids, numbers and codes, never personal data (docs/adr/0010-payloads.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec


def messages_in(message: Message) -> Iterator[Message]:
    """The message and every one inside it, outermost first; what stands in a payload is data and no message."""
    yield message
    if isinstance(message, Payload):
        return
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in _values(field, value):
                if isinstance(inner, Message):
                    yield from messages_in(inner)


def _values(field: FieldDescriptor, value: Any) -> Iterator[Any]:
    of = field.message_type
    if of is not None and of.GetOptions().map_entry:
        yield from value.values()
    elif isinstance(value, Message):
        yield value
    else:
        yield from value


def payloads_in(message: Message) -> Iterator[Payload]:
    """Every payload inside a message: arguments, results, summaries, details of failures, search attributes."""
    for inner in messages_in(message):
        if isinstance(inner, Payload):
            yield inner


async def decoded(history: WorkflowHistory, codec: PayloadCodec | None) -> WorkflowHistory:
    """The history with payloads in clear; without a codec they are.

    Raises `SettingsFault("secrets_keys_missing")` when a key is not in PAYLOAD_KEYS.
    """
    if codec is None:
        return history
    clear = copied(history)
    for event in clear.events:
        for payload in payloads_in(event):
            (decoded_one,) = await codec.decode([payload])
            payload.CopyFrom(decoded_one)
    return clear


def copied(history: WorkflowHistory) -> WorkflowHistory:
    """A copy whose events may be changed."""
    events = []
    for event in history.events:
        twin = type(event)()
        twin.CopyFrom(event)
        events.append(twin)
    return WorkflowHistory(history.workflow_id, events)
