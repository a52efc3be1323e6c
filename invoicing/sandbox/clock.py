"""Time as the stand-ins see it.

Two kinds of waiting: ``sleep`` lasts as long as it says (a delay that somebody asked for), ``pause`` belongs to
the protocol's own schedules (three minutes between repeats) and shrinks by ``time_scale``. Dates are never
scaled, because validity times arrive as real dates. Tests bring their own clock.
"""

import asyncio
from datetime import UTC, datetime
from typing import Protocol

ONE_SECOND_FOR_THREE_MINUTES = 1 / 180


class Clock(Protocol):
    """What the stand-ins need to know about time."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...

    async def pause(self, seconds: float) -> None: ...


class WallClock:
    """The machine's clock; protocol pauses are multiplied by ``time_scale``."""

    def __init__(self, time_scale: float = ONE_SECOND_FOR_THREE_MINUTES) -> None:
        self._time_scale = time_scale

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._time_scale)
