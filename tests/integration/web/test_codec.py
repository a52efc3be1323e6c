"""The codec server: for ops, for one origin, within limits, and never clear text for anybody else."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure

from invoicing.bootstrap import data_converter
from invoicing.setting_values import key_ring
from invoicing.web.codec import LARGEST
from tests.integration.web.stage import Stage, settings, staged

FIRST, SECOND = (f"{name}:{base64.b64encode(name.encode() * 16).decode()}" for name in ("k1", "k2"))
ORIGIN = "https://temporal.example.com"
SAID = "canary of a payload"


@pytest.fixture
async def coding(folder: Path) -> AsyncIterator[Stage]:
    async with staged(settings(folder, PAYLOAD_KEYS=f"{SECOND},{FIRST}", CODEC_ORIGIN=ORIGIN)) as it:
        yield it


async def encrypted(keys: str = FIRST) -> dict[str, Any]:
    """A payload as Temporal has it."""
    payload = (await data_converter(key_ring(keys)).encode([SAID]))[0]
    found: dict[str, Any] = MessageToDict(payload)
    return found


async def asked(
    stage: Stage, act: str, *payloads: Any, role: str = "ops", origin: str | None = None, **more: Any
) -> httpx.Response:
    headers = {"X-Namespace": "default", **({"Origin": origin} if origin else {})}
    body = more or {"json": {"payloads": list(payloads)}}
    return await stage.send("POST", f"/codec/{act}", role, headers=headers, **body)


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    (payload,) = answer.json()["payloads"]
    return str(json.loads(base64.b64decode(payload["data"])))


async def test_what_any_key_of_the_ring_encrypted_is_decoded_for_ops(coding: Stage) -> None:
    for keys in (FIRST, SECOND):
        assert text_of(await asked(coding, "decode", await encrypted(keys))) == SAID


async def test_encoding_uses_the_first_key_and_decoding_gives_back_what_was_given(coding: Stage) -> None:
    clear = MessageToDict(Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(SAID).encode()))
    encoded = await asked(coding, "encode", clear)
    (payload,) = encoded.json()["payloads"]
    assert base64.b64decode(payload["metadata"]["encryption-key-id"]) == b"k2"
    assert SAID not in encoded.text
    assert (await asked(coding, "decode", payload)).json() == {"payloads": [clear]}


async def test_the_message_of_a_failure_is_decoded_too(coding: Stage) -> None:
    converter = data_converter(key_ring(FIRST))
    failure = Failure()
    await converter.encode_failure(ValueError(SAID), failure)
    assert SAID not in str(failure)
    answer = await asked(coding, "decode", MessageToDict(failure.encoded_attributes))
    (payload,) = answer.json()["payloads"]
    assert json.loads(base64.b64decode(payload["data"]))["message"] == SAID


async def test_clear_payloads_pass_through_and_none_is_an_answer(coding: Stage) -> None:
    clear = MessageToDict(Payload(metadata={"encoding": b"json/plain"}, data=b"1"))
    assert (await asked(coding, "decode", clear)).json() == {"payloads": [clear]}
    assert (await asked(coding, "decode")).json() == {}


@pytest.mark.parametrize("role", ["service", "client:cli-7", "expert:exp-1"])
async def test_nobody_but_ops_is_served(coding: Stage, role: str) -> None:
    assert (await asked(coding, "decode", await encrypted(), role=role)).status_code == 403


async def test_pages_of_the_origin_may_ask_and_read_every_answer(coding: Stage) -> None:
    ask = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = await coding.http.options("/codec/decode", headers=ask)
    assert preflight.status_code == 204
    allowed = {name: value for name, value in preflight.headers.items() if name.startswith("access-control")}
    assert allowed == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type,x-namespace,authorization",
        "access-control-max-age": "600",
    }
    good = await asked(coding, "decode", await encrypted(), origin=ORIGIN)
    forbidden = await asked(coding, "decode", role="service", origin=ORIGIN)
    large = await asked(coding, "decode", origin=ORIGIN, content=b" " * (LARGEST + 1))
    wrong = await asked(coding, "decode", "text", origin=ORIGIN)
    assert [answer.status_code for answer in (good, forbidden, large, wrong)] == [200, 403, 413, 422]
    for answer in (preflight, good, forbidden, large, wrong):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["null", "*", f"{ORIGIN}.evil.example", "http://temporal.example.com", f"{ORIGIN}:8443", ORIGIN.upper()]
)
async def test_pages_of_any_other_origin_are_refused_before_anything_is_decoded(coding: Stage, origin: str) -> None:
    preflight = await coding.http.options("/codec/decode", headers={"Origin": origin})
    answer = await asked(coding, "decode", await encrypted(), origin=origin)
    for refused in (preflight, answer):
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
        assert SAID not in refused.text


async def test_without_a_configured_origin_no_page_is_served_and_the_command_line_is(folder: Path) -> None:
    async with staged(settings(folder, PAYLOAD_KEYS=FIRST)) as stage:
        assert (await asked(stage, "decode", await encrypted(), origin=ORIGIN)).status_code == 403
        assert text_of(await asked(stage, "decode", await encrypted())) == SAID


async def test_without_keys_there_is_no_codec_server(stage: Stage) -> None:
    assert (await asked(stage, "decode", await encrypted())).status_code == 404
    assert (await stage.http.options("/codec/decode", headers={"Origin": ORIGIN})).status_code == 403


@pytest.mark.parametrize(
    "payload",
    [
        {"metadata": {"encoding": base64.b64encode(b"binary/encrypted").decode()}, "data": "AAAA"},
        {"metadata": {"encoding": base64.b64encode(b"binary/encrypted").decode(), "encryption-key-id": "azE="}},
        {"metadata": {"encoding": base64.b64encode(b"binary/encrypted").decode(), "encryption-key-id": "//8="}},
        {"metadata": []},
        "text",
        {"unknown": 1},
    ],
)
async def test_what_cannot_be_decoded_is_refused_by_name(coding: Stage, payload: Any) -> None:
    answer = await asked(coding, "decode", payload)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_payload_whose_key_was_taken_away_is_refused(folder: Path) -> None:
    async with staged(settings(folder, PAYLOAD_KEYS=SECOND)) as stage:
        answer = await asked(stage, "decode", await encrypted(FIRST))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "payloads")


async def test_a_call_without_its_namespace_is_refused(coding: Stage) -> None:
    answer = await coding.send("POST", "/codec/decode", "ops", json={"payloads": []})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "X-Namespace")
