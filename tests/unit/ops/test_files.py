"""History files: what our export, the CLI and the UI write is taken, anything else is refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invoicing.errors import DataFault, NotFound
from invoicing.ops import files
from tests.replay.record import HISTORIES

HISTORY = HISTORIES / "failed_round_regenerated.json"


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(HISTORY.read_text(encoding="utf-8"))
    return found


def refused(text: str) -> str:
    with pytest.raises(DataFault) as told:
        files.parse(text, "some-name")
    assert told.value.code == "not_replayable"
    return told.value.message


def without_prefixes(value: Any) -> Any:
    """Names of event types as older servers and the UI write them."""
    if isinstance(value, dict):
        return {name: without_prefixes(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_prefixes(item) for item in value]
    if isinstance(value, str) and value.startswith("EVENT_TYPE_"):
        return "".join(word.capitalize() for word in value.removeprefix("EVENT_TYPE_").split("_"))
    return value


def readable(value: Any) -> Any:
    """Payloads as the UI shows them to people."""
    if isinstance(value, dict):
        if "payloads" in value:
            return {**value, "payloads": [{"case_id": "rec-again"}]}
        return {name: readable(inner) for name, inner in value.items()}
    return [readable(item) for item in value] if isinstance(value, list) else value


FORMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "as export and the CLI write it": lambda told: told,
    "as the UI writes it, the newest event first": lambda told: {"events": told["events"][::-1]},
    "with names of older servers": without_prefixes,
    "as a bare list of events": lambda told: told["events"],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_history_is_read(form: str) -> None:
    told = document()
    history = files.parse(json.dumps(FORMS[form](told)), "some-name")
    assert history.workflow_id == "paid-case-rec-again"
    assert [event.event_id for event in history.events] == list(range(1, len(told["events"]) + 1))


def test_a_byte_order_mark_is_no_reason_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text(HISTORY.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert files.read(tmp_path / "h.json").workflow_id == "paid-case-rec-again"


def test_what_the_ui_shows_to_people_is_refused_and_the_right_setting_named() -> None:
    assert "`Encoded`" in refused(json.dumps(readable(document())))


def test_attributes_without_their_event_are_refused_as_readable() -> None:
    shown = [{"eventId": "1", "eventType": "WorkflowExecutionStarted", "details": {}}]
    assert "`Encoded`" in refused(json.dumps(shown))


@pytest.mark.parametrize("text", ["", "no json", "{}", "[]", '{"events": []}', '{"events": 1}', '"events"', "[1]"])
def test_what_is_no_history_is_refused_as_such(text: str) -> None:
    assert "not a history" in refused(text)


def test_a_part_of_a_history_is_refused_because_a_replay_of_it_would_never_end() -> None:
    events = document()["events"]
    assert "download it whole" in refused(json.dumps(events[1:]))
    assert "download it whole" in refused(json.dumps(events[:2]))
    assert "download it whole" in refused(json.dumps(events[:8] + events[9:]))


def test_a_folder_is_every_json_file_in_it_and_an_empty_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.json").touch()
    (tmp_path / "a.json").touch()
    (tmp_path / "c.txt").touch()
    assert [path.name for path in files.paths_in(tmp_path)] == ["a.json", "b.json"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match=r"no \.json file"):
        files.paths_in(tmp_path / "empty")
