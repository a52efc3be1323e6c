"""Bodies of requests: read within a limit, parsed strictly, checked by a model with all faults at once.

Guarantee: what JSON leaves open is refused (RFC 8259 section 4: duplicate names; section 6: NaN and Infinity), and so
are other encodings than UTF-8 and nesting deeper than the parser bears. Nothing of a body is repeated in an error.
"""

from __future__ import annotations

import json
from email.message import Message
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from invoicing.domain.faults import FaultCode, fault, shape_faults
from invoicing.errors import DataFault

JSON = "application/json"
LARGEST = 1024 * 1024
"""Bytes of a JSON body."""

M = TypeVar("M", bound=BaseModel)


async def raw_body(request: Request, media_type: str = JSON, largest: int = LARGEST) -> bytes:
    """The bytes of a body. Raises `DataFault`: `too_large`, or `unsupported_media_type` unless the body is empty."""
    told = request.headers.get("content-length", "0")
    if not (told.isascii() and told.isdigit()) or int(told[:20]) > largest:
        raise DataFault("too_large")
    whole = bytearray()
    async for chunk in request.stream():
        whole += chunk
        if len(whole) > largest:
            raise DataFault("too_large")
    if whole and not _is(media_type, request.headers.get("content-type")):
        raise DataFault("unsupported_media_type")
    return bytes(whole)


def _is(media_type: str, header: str | None) -> bool:
    if header == media_type:
        return True
    parsed = Message()
    parsed["Content-Type"] = header or "application/octet-stream"
    if parsed.get_content_type() != media_type:
        return False
    # of a form we read ASCII only, so its sender may call that by any name
    return media_type != JSON or parsed.get_content_charset("utf-8") in {"utf-8", "utf8"}


def parsed(raw: bytes, model: type[M]) -> M:
    """The document in a JSON body. Raises `DataFault("invalid")` with every fault of its shape."""
    try:
        return model.model_validate(_json(raw))
    except ValidationError as error:
        raise DataFault("invalid", shape_faults(error)) from None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_not_a_number)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors; both quote the input
        raise DataFault("invalid", [fault("", FaultCode.BAD_FORMAT)]) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _not_a_number(_text: str) -> NoReturn:
    raise ValueError("not a number")
