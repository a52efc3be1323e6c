"""JSON that the gateway wrote, read as carefully as its XML.

Guarantee: size is checked before parsing; numbers stay as they were written, because hashes are taken over texts; names
that come twice, NaN and deep nesting make a document unreadable (None). Source: RFC 8259, sections 4 and 6.
"""

from __future__ import annotations

import json
from typing import NoReturn

Json = str | bool | None | list["Json"] | dict[str, "Json"]


def parse(body: bytes, limit: int) -> dict[str, Json] | None:
    """The object in these bytes, or None when it is too large or must not be read."""
    if len(body) > limit:
        return None
    try:
        found = json.loads(
            body.decode("utf-8"),
            parse_int=str,
            parse_float=str,
            parse_constant=_not_a_number,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text(document: dict[str, Json], name: str) -> str | None:
    """A text or number as written; None when it is missing, empty, or something else."""
    value = document.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _not_a_number(_text: str) -> NoReturn:
    raise ValueError("not a number")
