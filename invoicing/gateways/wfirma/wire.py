"""wFirma's JSON: how requests are spelled and answers read.

Guarantee: an answer is a value only when it is an object with a status code; everything else is None, never a guess.
Records are read from number keys and from arrays, unknown keys are passed over, numbers stay text. Source: wFirma API
v2, general chapter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

ANSWER_LIMIT = 4 * 1024 * 1024
PDF_LIMIT = 10 * 1024 * 1024

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What wFirma said: the status code and the whole document."""

    code: str
    document: Record = field(repr=False)

    def records(self, module: str, name: str) -> tuple[Record, ...]:
        """The records of a list, in their order."""
        return tuple(listed(self.document.get(module), name))


def listed(value: Any, name: str) -> Iterator[Record]:
    """Records below number keys, each under its own name, or of an array of such."""
    if isinstance(value, Mapping):
        parts = [value[key] for key in sorted((key for key in value if key.isdigit()), key=int)]
    else:
        parts = value if isinstance(value, list) else []
    for part in parts:
        if isinstance(part, Mapping) and isinstance(part.get(name), Mapping):
            yield part[name]


def read(body: bytes) -> Answer | None:
    """The answer, or None when these bytes are none."""
    try:
        document = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    status = document.get("status") if isinstance(document, dict) else None
    code = status.get("code") if isinstance(status, dict) else None
    return Answer(code, document) if isinstance(code, str) and code else None


def numbered(name: str, *items: Any) -> dict[str, Any]:
    """A list as wFirma takes it."""
    return {str(number): {name: item} for number, item in enumerate(items)}


def request(module: str, name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an add or edit."""
    return {module: numbered(name, record)}


def search(module: str, conditions: Mapping[str, str], limit: int = 20) -> dict[str, Any]:
    """The body of a find: all of these fields equal these values."""
    asked = [{"field": name, "operator": "eq", "value": value} for name, value in conditions.items()]
    parameters: dict[str, Any] = {"page": "1", "limit": str(limit)}
    if asked:
        parameters["conditions"] = numbered("condition", *asked)
    return {module: {"parameters": parameters}}


def named_parameters(module: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The body of a download."""
    asked = [{"name": name, "value": value} for name, value in values.items()]
    return {module: {"parameters": numbered("parameter", *asked)}}


def text(record: Record, name: str) -> str:
    """A scalar as text; empty when it is absent or a branch."""
    value = record.get(name)
    return value.strip() if isinstance(value, str) else ""


def related(record: Record, name: str) -> str:
    """The id of a related record; empty when unset."""
    branch = record.get(name)
    found = text(branch, "id") if isinstance(branch, Mapping) else ""
    return "" if found == "0" else found


def amount(record: Record, name: str) -> Decimal | None:
    """An amount, or None when it is not one."""
    try:
        value = Decimal(text(record, name))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
