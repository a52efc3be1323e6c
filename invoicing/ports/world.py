"""Clock and keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

Clock = Callable[[], datetime]
"""Gives the present time, aware, UTC."""


def utc_now() -> datetime:
    """The one clock of every process; tests bring clocks of their own."""
    return datetime.now(UTC)


class Sealer(Protocol):
    """Encrypts secrets at rest. A sealed text is its key's id, a colon and the rest, so that keys can be rotated."""

    def seal(self, text: str) -> str:
        """Encrypt with the first key."""

    def open(self, sealed: str) -> str:
        """Decrypt. Raises `SettingsFault("secrets_keys_missing")` when its key is not in the ring."""
