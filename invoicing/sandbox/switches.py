"""Fault switches shared by all stand-ins: which fault meets which request, and how many times.

A switch is consumed when it fires; the oldest that matches wins. What a fault does is each stand-in's business.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


class BadSwitch(ValueError):
    """A control call asks for something that the stand-in does not know; the text says what."""


@dataclass
class Switch:
    """One fault that waits for ``times`` matching requests."""

    operation: str
    fault: str
    match: str = ""
    times: int = 1
    seconds: float | None = None
    reason: str | None = None


class SwitchBoard:
    """The switches that are set now."""

    def __init__(self) -> None:
        self._switches: list[Switch] = []

    def set(self, switch: Switch) -> None:
        self._switches.append(switch)

    def clear(self) -> None:
        self._switches.clear()

    def take(self, operation: str, subject: str, *faults: str) -> Switch | None:
        """Consume the oldest switch for this operation whose ``match`` begins ``subject``.

        With ``faults`` only switches of these kinds are looked at.
        """
        for switch in self._switches:
            wanted = not faults or switch.fault in faults
            if wanted and switch.operation == operation and subject.startswith(switch.match):
                switch.times -= 1
                if switch.times == 0:
                    self._switches.remove(switch)
                return switch
        return None

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(switch) for switch in self._switches]


def read_json(written: str) -> object:
    """The JSON body of a control call."""
    try:
        return json.loads(written)
    except ValueError:
        raise BadSwitch("the body is not JSON") from None


def known_fields(body: object, allowed: set[str]) -> Mapping[str, Any]:
    """The body of a control call, when it is an object of known fields."""
    if not isinstance(body, dict):
        raise BadSwitch("the body must be a JSON object")
    if unknown := sorted(set(body) - allowed):
        raise BadSwitch(f"unknown field: {', '.join(map(str, unknown))}; known: {', '.join(sorted(allowed))}")
    return body


def text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadSwitch(f"{name} must be a string")
    return value


def seconds(body: Mapping[str, Any], name: str, default: float | None = None) -> float | None:
    value = body.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
        raise BadSwitch(f"{name} must be a number of seconds from 0 to 86400")
    return float(value)


def count(body: Mapping[str, Any], name: str, default: int = 1) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise BadSwitch(f"{name} must be a whole number from 1 to 1000000")
    return value
