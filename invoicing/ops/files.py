"""History files: the form that our export, the Temporal CLI and the UI's "Encoded" download share, and no other.

Guarantee: what is refused is refused with the reason and what to do, never with a parser's complaint.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseError
from temporalio.client import WorkflowHistory

from invoicing.errors import DataFault, NotFound

READABLE = (
    "payloads are shown as text, which cannot be replayed: download it with the UI's setting `Encoded`, "
    "or take `python -m starter export` or `temporal workflow show --output json`"
)
FOREIGN = "not a history: expected a JSON object with `events` as export, the CLI or the UI write it"
CUT = "the history does not begin with the start of a run and its first workflow task: download it whole"


def paths_in(where: Path) -> tuple[Path, ...]:
    """The file itself, or every `.json` file of a folder. Raises `NotFound("unreadable")`."""
    found = tuple(sorted(where.glob("*.json"))) if where.is_dir() else (where,)
    if not found:
        raise NotFound("unreadable", f"{where} holds no .json file")
    return found


def read(path: Path) -> WorkflowHistory:
    """A history from a file. Raises `NotFound("unreadable")`, `DataFault("not_replayable")` with the reason."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotFound("unreadable", f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataFault("not_replayable", message=FOREIGN) from None
    return parse(text, path.stem)


def parse(text: str, name: str) -> WorkflowHistory:
    """A history from its text; `name` stands for the workflow id of histories that do not tell it."""
    events = _events(text)
    if any(_is_text(payloads) for payloads in _payload_lists(events)):
        raise DataFault("not_replayable", message=READABLE)
    try:
        history = WorkflowHistory.from_json(name, {"events": events})
    except (ParseError, TypeError, ValueError, AttributeError, KeyError):
        raise DataFault("not_replayable", message=READABLE) from None
    told = sorted(history.events, key=lambda event: event.event_id)  # the UI may write the newest first
    whole = [event.event_id for event in told] == list(range(1, len(told) + 1))
    if not whole or not any(event.HasField("workflow_task_started_event_attributes") for event in told):
        raise DataFault("not_replayable", message=CUT)
    return WorkflowHistory(told[0].workflow_execution_started_event_attributes.workflow_id or name, told)


def _events(text: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
    except ValueError:
        raise DataFault("not_replayable", message=FOREIGN) from None
    events = document.get("events") if isinstance(document, dict) else document
    if not isinstance(events, list) or not events or not all(isinstance(event, dict) for event in events):
        raise DataFault("not_replayable", message=FOREIGN)
    if not any("workflowExecutionStartedEventAttributes" in event for event in events):
        shown = any("attributes" in event or "details" in event for event in events)
        told = READABLE if shown else CUT if any("eventId" in event for event in events) else FOREIGN
        raise DataFault("not_replayable", message=told)
    return events


def _payload_lists(value: Any) -> Iterator[Any]:
    """Whatever stands under `payloads`, and single payloads of search attributes, memos and summaries."""
    if isinstance(value, list):
        for item in value:
            yield from _payload_lists(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "payloads":
                yield inner
            elif name in {"indexedFields", "fields"} and isinstance(inner, dict):
                yield list(inner.values())
            elif name == "summary" and inner is not None:
                yield [inner]
            else:
                yield from _payload_lists(inner)


def _is_text(payloads: Any) -> bool:
    """Whether payloads are values that people read instead of encoded bytes."""
    if not isinstance(payloads, list):
        return True
    return any(not isinstance(item, dict) or not set(item) <= {"metadata", "data"} or not item for item in payloads)
