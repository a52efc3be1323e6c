"""One kept-alive HTTP session to the gateway, and what a POST over it proves.

Guarantee: a POST is made once, is over within its timeout, follows no redirect, keeps no cookie, and reads no more of
an answer than is ever parsed. It says "did not leave" only when there was no connection. Nothing of the library's
texts goes on, because they may quote addresses and headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp

from invoicing.errors import ConnectivityFault, OutcomeUnknown
from invoicing.ports import Clock

ANSWER_LIMIT = 256 * 1024
"""A status answer holds at most 50 transactions of about 1.5 KB, a channel list about as much."""

KEPT_ALIVE = 4.0
"""Seconds an idle connection is kept: below the five after which many servers close theirs, because a start that meets
a closing connection has an unknown outcome."""

LONGEST_PAUSE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; a body longer than `ANSWER_LIMIT` is cut, which makes it unreadable."""

    status: int
    body: bytes
    retry_after: timedelta | None


@dataclass(slots=True)
class _Progress:
    """Whether a request had a connection, that is, whether any of it may have left."""

    connected: bool = False


async def _connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    progress = context.trace_request_ctx
    if isinstance(progress, _Progress):
        progress.connected = True


class Transport:
    """The session; opened by the first POST, and again after `close`."""

    def __init__(self, timeout: timedelta, connect_timeout: timedelta, clock: Clock) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds(), connect=connect_timeout.total_seconds())
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give the connections back."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, address: str, body: bytes, content_type: str, bm_header: str) -> Reply:
        """One POST. Raises `ConnectivityFault` when it had no connection, `OutcomeUnknown` when its answer was lost."""
        progress = _Progress()
        headers = {"BmHeader": bm_header, "Content-Type": content_type, "Accept-Encoding": "identity"}
        try:
            async with self._open().post(
                address, data=body, headers=headers, allow_redirects=False, trace_request_ctx=progress
            ) as response:
                told = await _read(response)
                return Reply(response.status, told, _pause(response.headers.get("Retry-After"), self._clock()))
        except (aiohttp.ClientError, OSError) as lost:
            kind = type(lost).__name__
        if progress.connected:
            raise OutcomeUnknown("gateway_outcome_unknown", kind)
        raise ConnectivityFault("gateway_unreachable", kind)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_connected)
            trace.on_connection_reuseconn.append(_connected)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trace_configs=[trace],
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, up to one byte more than is ever parsed."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_LIMIT:
            response.close()
            break
    return bytes(body)


def _pause(written: str | None, now: datetime) -> timedelta | None:
    """`Retry-After` as seconds or as a date (RFC 9110, 10.2.3), never longer than the slowest poll."""
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
