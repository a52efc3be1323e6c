"""One kept-alive HTTP session to a provider, and what a call over it proves. Every gateway over HTTP calls through it.

Guarantee: a call is made once, is over within its timeout, follows no redirect, keeps no cookie, and reads no more of
an answer than its caller uses. "Not reached" is said only when there was no connection, so that nothing can have left;
what a lost answer means is the caller's judgement. Nothing of the library's texts goes on, because they may quote
addresses and headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

from invoicing.errors import ConnectivityFault, PaidcaseError
from invoicing.ports import Clock

if TYPE_CHECKING:
    import aiohttp

KEPT_ALIVE = 4.0
"""Seconds an idle connection is kept: below the five after which many servers close theirs, because a write that meets
a closing connection has an unknown outcome."""

LONGEST_PAUSE = timedelta(hours=6)
"""Whatever a provider names, nobody waits longer before asking again; also the slowest poll of a payment."""

Lost = Callable[[str], PaidcaseError]
"""The error of a call whose answer was lost, from a word for how."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call. A connection that comes only after `leave_by` is not used."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    leave_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; a body longer than the limit is cut behind it, which makes it unreadable."""

    status: int
    body: bytes = field(repr=False)
    retry_after: timedelta | None


class _LeftTooLate(Exception):
    """The request had its connection only when it was no longer to be sent."""


@dataclass(slots=True)
class _Progress:
    """Whether a request had a connection, that is, whether any of it may have left."""

    clock: Clock
    leave_by: datetime | None
    connected: bool = False


async def _connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    progress = context.trace_request_ctx
    if isinstance(progress, _Progress):
        if progress.leave_by is not None and progress.clock() > progress.leave_by:
            raise _LeftTooLate
        progress.connected = True


class Outward:
    """The session, opened by the first call and again after `close`. `unreachable` is the code of "not reached"."""

    def __init__(self, timeout: timedelta, connect_timeout: timedelta, clock: Clock, *, unreachable: str) -> None:
        self._timeout = timeout.total_seconds()
        self._connect_timeout = connect_timeout.total_seconds()
        self._clock = clock
        self._unreachable = unreachable
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give the connections back."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: Request, *, limit: int, lost: Lost) -> Reply:
        """Make the call. Raises `ConnectivityFault` when it had no connection, `lost` when its answer did not come."""
        import aiohttp  # 6 MiB, only for who calls a provider

        progress = _Progress(self._clock, request.leave_by)
        try:
            async with self._open().request(
                request.method,
                request.address,
                params=request.query,
                data=request.body,
                headers={"Accept-Encoding": "identity", **request.headers},
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                body = await _read(response, limit)
                return Reply(response.status, body, _pause(response.headers.get("Retry-After"), self._clock()))
        except (aiohttp.ClientError, OSError, _LeftTooLate) as broken:
            kind = type(broken).__name__
        if progress.connected:
            raise lost(kind)
        raise ConnectivityFault(self._unreachable, kind)

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None or self._session.closed:
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_connected)
            trace.on_connection_reuseconn.append(_connected)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=self._connect_timeout),
                trace_configs=[trace],
            )
        return self._session


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or enough of it to show that it is longer than the limit."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()
            break
    return bytes(body)


def _pause(written: str | None, now: datetime) -> timedelta | None:
    """`Retry-After` as seconds or as a date (RFC 9110, 10.2.3)."""
    if written is None:
        return None
    try:
        if re.fullmatch("[0-9]{1,9}", written):
            pause = timedelta(seconds=int(written))
        else:
            named = parsedate_to_datetime(written)
            pause = (named if named.tzinfo else named.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
    return min(max(pause, timedelta(0)), LONGEST_PAUSE)
