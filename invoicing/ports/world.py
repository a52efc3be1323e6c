"""Clock, keys, and what the engine knows of its runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

Clock = Callable[[], datetime]
"""Gives the present time, aware, UTC."""


def utc_now() -> datetime:
    """The one clock of every process; tests bring clocks of their own."""
    return datetime.now(UTC)


class Runs(Protocol):
    """Runs as the engine knows them. Every call raises `ConnectivityFault`."""

    async def missing(self, case_ids: Sequence[str]) -> frozenset[str]:
        """Those of these cases that have no open run for certain."""

    async def unfollowed(self, acts: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str | None]:
        """Those of these decisions (case and number) that no open run carries out, each with the run that last did.

        None where the engine knows no run, not even an ended one.
        """

    async def cut_short(self, since: datetime) -> tuple[tuple[str, int], ...]:
        """Decisions whose own run was ended by force or has failed since a time, and has not begun again."""

    async def stuck(self) -> Mapping[str, str]:
        """Cases whose open run fails by its own code again and again, each with the engine's word for it."""


class Sealer(Protocol):
    """Encrypts secrets at rest. A sealed text is its key's id, a colon and the rest, so that keys can be rotated."""

    def seal(self, text: str) -> str:
        """Encrypt with the first key."""

    def open(self, sealed: str) -> str:
        """Decrypt. Raises `SettingsFault("secrets_keys_missing")` when its key is not in the ring."""
