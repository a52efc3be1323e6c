"""The codec server: clear text of encrypted payloads and failures for Temporal's web UI and command line.

Guarantee: only a token of role `ops` is served, and every serving is logged with its actor. A browser is served for
exactly the origin `CODEC_ORIGIN` (WHATWG Fetch, CORS protocol): any other page is refused before anything is decoded,
and answers to the right one can be read by it whether they are good or bad. Without `PAYLOAD_KEYS` there is no codec
server: 404. What it does not recognise passes through unchanged, as everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Request, Response
from fastapi.routing import APIRoute
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from invoicing.domain.faults import FaultCode, fault
from invoicing.errors import DataFault, NotAllowed, NotFound, PaidcaseError, SettingsFault
from invoicing.tokens import Caller
from invoicing.web.access import Call, by
from invoicing.web.bodies import JSON, raw_body
from invoicing.web.languages import wanted_language
from invoicing.web.openapi import problems
from invoicing.web.parts import Parts, WebParts
from invoicing.web.problems import problem_of, response

LARGEST = 8 * 1024 * 1024
"""Bytes of a request: what the UI shows at once of a history, each payload up to Temporal's two megabytes."""

ALLOWED = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "content-type,x-namespace,authorization",
    "Access-Control-Max-Age": "600",
}

log = structlog.get_logger("codec")
Codes = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


class _ForOneOrigin(APIRoute):
    """Answers of these routes, refusals included, can be read by pages of the configured origin and of no other."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its errors answered here."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            parts: WebParts = request.app.state.parts
            origin = request.headers.get("origin")
            if origin is not None and origin != parts.codec_origin:
                return response(problem_of(NotAllowed("forbidden", "a page of another origin")), "en")
            try:
                answer = await handle(request)
            except PaidcaseError as error:
                answer = response(problem_of(error), wanted_language(request))
            if origin is not None:
                answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Vary"] = "Origin, Accept-Language"
            return answer

        return handled


router = APIRouter(tags=["codec"], route_class=_ForOneOrigin)
Namespace = Annotated[str, Header(alias="X-Namespace")]
_DESCRIBED: dict[str, Any] = {
    "responses": {200: {"description": "Payloads, as protobuf JSON."}, **problems(401, 403, 404, 413, 415, 422)},
    "openapi_extra": {"requestBody": {"required": True, "content": {JSON: {"schema": {"type": "object"}}}}},
    "response_class": Response,
}


@router.options("/codec/{act}", include_in_schema=False)
async def preflight(act: str, parts: Parts, request: Request) -> Response:
    """What a browser asks before it lets a page of another origin call."""
    if act not in {"encode", "decode"} or parts.payload_codec is None or "origin" not in request.headers:
        raise NotFound("codec_unknown", "there is nothing to ask for")
    return Response(status_code=204, headers=ALLOWED)


@router.post("/codec/encode", operation_id=Call.ENCODE_PAYLOADS, **_DESCRIBED)
async def encode(
    request: Request, parts: Parts, caller: Annotated[Caller, by(Call.ENCODE_PAYLOADS)], namespace: Namespace = ""
) -> Response:
    """Encrypt payloads with the first key, for what is sent from the UI or the command line."""
    codec = _codec(parts, namespace)
    return await _coded(request, codec.encode, "encode", caller)


@router.post("/codec/decode", operation_id=Call.DECODE_PAYLOADS, **_DESCRIBED)
async def decode(
    request: Request, parts: Parts, caller: Annotated[Caller, by(Call.DECODE_PAYLOADS)], namespace: Namespace = ""
) -> Response:
    """Decrypt payloads, those of failures too; 422 when a key is not in the ring."""
    codec = _codec(parts, namespace)
    return await _coded(request, codec.decode, "decode", caller)


def _codec(parts: WebParts, namespace: str) -> PayloadCodec:
    if parts.payload_codec is None:
        raise NotFound("codec_unknown", "payloads are not encrypted: PAYLOAD_KEYS is not set")
    if not namespace or (parts.temporal is not None and namespace != parts.temporal.namespace):
        raise DataFault("invalid", [fault("X-Namespace", FaultCode.BAD_FORMAT)])
    return parts.payload_codec


async def _coded(request: Request, code: Codes, act: str, caller: Caller) -> Response:
    raw = await raw_body(request, largest=LARGEST)
    try:
        given = Parse(raw, Payloads(), max_recursion_depth=10)
        coded = Payloads(payloads=await code(given.payloads))
    except (ParseError, UnicodeDecodeError, RecursionError):
        raise DataFault("invalid", [fault("", FaultCode.BAD_FORMAT)]) from None
    except SettingsFault as unreadable:
        log.warning("payload_not_decoded", actor=caller.actor, code=unreadable.code)
        raise DataFault("invalid", [fault("payloads", FaultCode.BAD_FORMAT)]) from None
    log.info("payloads_coded", act=act, actor=caller.actor, payloads=len(given.payloads))
    return Response(MessageToJson(coded, indent=None), media_type=JSON)
