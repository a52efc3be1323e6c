"""Which language an answer is in: `Accept-Language` with its q-values (RFC 9110, 12.5.4); Polish when none is offered.

Pages take `?lang=` and then the cookie before the browser's wish.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request

from invoicing.domain.cases import LANGUAGES

COOKIE = "lang"
LONGEST = 1000
"""Characters of the header that are read."""

_RANGE = re.compile(r"^\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?$")


def negotiated(header: str | None) -> str:
    """The offered language that the header likes best; of equals the one named first."""
    best, liked = "pl", 0.0
    for part in (header or "")[:LONGEST].split(","):
        match = _RANGE.match(part)
        if match is None or match[1].lower() not in LANGUAGES:
            continue
        quality = min(float(match[2] or 1), 1.0)
        if quality > liked:
            best, liked = match[1].lower(), quality
    return best


def chosen(request: Request) -> str | None:
    """The language named by `?lang=`, when it is offered."""
    wanted = request.query_params.get("lang", "")
    return wanted if wanted in LANGUAGES else None


def page_language(request: Request) -> str:
    """The language of a page."""
    kept = request.cookies.get(COOKIE)
    return chosen(request) or (kept if kept in LANGUAGES else None) or wanted_language(request)


def wanted_language(request: Request) -> str:
    """The language of an answer of the API."""
    return negotiated(", ".join(request.headers.getlist("accept-language")))


async def _language(request: Request) -> str:
    # a plain function would be sent to a thread, which costs more than it does
    return wanted_language(request)


Language = Annotated[str, Depends(_language)]
"""A handler's parameter."""
