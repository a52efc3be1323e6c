"""JSON answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import Response


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and language of an answer, and the address of what was made."""

    status: int
    body: str
    language: str
    location: str | None = None


def reply(status: int, content: dict[str, Any], language: str, location: str | None = None) -> Reply:
    """An answer with this content."""
    return Reply(status, json.dumps(content, ensure_ascii=False, separators=(",", ":")), language, location)


def sent(answer: Reply) -> Response:
    """The HTTP response."""
    headers = {"Content-Language": answer.language, "Vary": "Accept-Language"}
    if answer.location is not None:
        headers["Location"] = answer.location
    return Response(answer.body.encode("utf-8", "backslashreplace"), answer.status, headers, "application/json")
