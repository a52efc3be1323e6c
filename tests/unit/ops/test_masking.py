"""Masked histories: no id of ours is left, the same id has the same mask, and the history replays as before."""

import json
import re
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from invoicing.bootstrap import data_converter
from invoicing.errors import SettingsFault
from invoicing.ops import files
from invoicing.ops.masking import masked
from invoicing.ops.payloads import copied, decoded, messages_in, payloads_in
from invoicing.ops.replaying import replay
from tests.replay.record import HISTORIES

RECORDED = [path for path in sorted(HISTORIES.glob("*.json")) if path.stem != "reconciled"]
"""Histories of cases; a comparison names none."""

KEYS = (("a", bytes(32)),)
OTHER_KEYS = (("b", bytes(range(32))),)


def clear(history: WorkflowHistory) -> str:
    """Everything in a history as text, payloads too."""
    inside = [payload.data.decode(errors="replace") for event in history.events for payload in payloads_in(event)]
    return json.dumps(MessageToDict(History(events=history.events)), ensure_ascii=False) + "\n".join(inside)


async def encrypted(history: WorkflowHistory) -> WorkflowHistory:
    codec = data_converter(KEYS).payload_codec
    assert codec is not None
    hidden = copied(history)
    for event in hidden.events:
        plain = [
            payload
            for message in messages_in(event)
            if isinstance(message, SearchAttributes)
            for payload in message.indexed_fields.values()
        ]
        for payload in payloads_in(event):
            if any(payload is one for one in plain):  # the server reads these, so that nobody encrypts them
                continue
            (sealed,) = await codec.encode([payload])
            payload.CopyFrom(sealed)
    return hidden


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_masked_history_holds_no_id_of_ours_and_replays(path: Path) -> None:
    history = files.read(path)
    hidden = masked(history)
    text = clear(hidden)
    assert re.findall(r"rec-[a-z]+", clear(history)), "the history names its case"
    assert re.findall(r"rec-[a-z]+|exp-[0-9a-z]+|cli-[0-9a-z]+", text + hidden.workflow_id) == []
    assert (await replay(hidden, pydantic_data_converter)).fits


def test_masking_leaves_the_original_alone() -> None:
    history = files.read(HISTORIES / "happy_external.json")
    before = clear(history)
    masked(history)
    assert clear(history) == before


def test_the_same_id_has_the_same_mask_everywhere() -> None:
    hidden = masked(files.read(HISTORIES / "happy_external.json"))
    assert hidden.workflow_id == "paid-case-case-1"
    assert '"case_id":"case-1"' in clear(hidden)
    started = hidden.events[0].workflow_execution_started_event_attributes
    assert started.search_attributes.indexed_fields["CaseId"].data == b'"case-1"'
    assert started.search_attributes.indexed_fields["ExpertId"].data == b'"expert-1"'


@pytest.mark.parametrize("case_id", ["1", "charge", "done", "completed", "PaidCase", "case-1", "expert-1"])
async def test_an_id_that_is_also_a_word_of_the_code_spoils_nothing(case_id: str) -> None:
    text = (HISTORIES / "happy_external.json").read_text(encoding="utf-8")
    history = files.parse(text, "x")
    renamed = copied(history)
    for event in renamed.events:
        for payload in payloads_in(event):
            payload.data = payload.data.replace(b'"rec-external"', json.dumps(case_id).encode())
    hidden = masked(WorkflowHistory(f"paid-case-{case_id}", renamed.events))
    assert (await replay(hidden, pydantic_data_converter)).fits
    assert f'"case_id":"{case_id}"' not in clear(hidden) or case_id == "case-1"


async def test_an_encrypted_history_is_decoded_and_then_replays_without_keys() -> None:
    sealed = await encrypted(files.read(HISTORIES / "failed_round_regenerated.json"))
    assert '"case_id":"rec-again"' not in clear(sealed)
    opened = await decoded(sealed, data_converter(KEYS).payload_codec)
    assert (await replay(opened, pydantic_data_converter)).fits
    assert (await replay(sealed, data_converter(KEYS))).fits


async def test_without_the_right_key_decoding_says_so() -> None:
    sealed = await encrypted(files.read(HISTORIES / "happy_external.json"))
    with pytest.raises(SettingsFault) as told:
        await decoded(sealed, data_converter(OTHER_KEYS).payload_codec)
    assert told.value.code == "secrets_keys_missing"
