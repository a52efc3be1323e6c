"""Calls to wFirma over one kept-alive HTTP session.

Guarantee: every call is over within its timeout, well under 30 seconds, and is sent once. A read may always be asked
again; a write ends done, not done, or `OutcomeUnknown`. A write that was held up (a frozen process, a slow connect) and
could leave only after `leave_by` does not leave at all. After wFirma has locked a key for failed logins it is left
alone for five minutes. No key, no body and no personal data in any message. Source: wFirma API v2, "transport" and
"status codes".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp

from invoicing.errors import ConnectivityFault, SettingsFault, Throttled
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.judgement import LOCK, LOCKED, PAUSE_AT_LIMIT, is_missing, refusal, unusable
from invoicing.gateways.wfirma.wire import Answer
from invoicing.ports import Clock

KEPT_ALIVE = 4.0
"""Seconds an idle connection is kept: below the five after which many servers close theirs, because an add that meets a
closing connection has an unknown outcome."""

LONGEST_PAUSE = timedelta(hours=6)
PDF_MARK = b"%PDF"


@dataclass(frozen=True, slots=True)
class WfirmaAccount:
    """Keys of one expert's account; `company_id` is needed when the account has several companies."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    company_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes = field(repr=False)
    pause: timedelta | None


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


def _now() -> datetime:
    return datetime.now(UTC)


class WfirmaClient:
    """The API of one platform key, for the accounts of many experts. `close` gives the connections back."""

    def __init__(
        self,
        base_url: str,
        app_key: str,
        *,
        timeout: timedelta = timedelta(seconds=15),
        connect_timeout: timedelta = timedelta(seconds=5),
        clock: Clock = _now,
    ) -> None:
        self.timeout = timeout
        self._base_url = base_url.rstrip("/")
        self._app_key = app_key
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds(), connect=connect_timeout.total_seconds())
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._locked_until: dict[str, datetime] = {}

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def read(self, account: WfirmaAccount, path: str, body: Mapping[str, Any]) -> Answer:
        """A find or get. The answer is OK or NOT FOUND; raises `ConnectivityFault`, `SettingsFault`."""
        reply = await self._post(account, path, body, write=False)
        return self._judged(account, reply, write=False)

    async def write(
        self, account: WfirmaAccount, path: str, body: Mapping[str, Any], leave_by: datetime | None = None
    ) -> Answer:
        """An add or edit, sent once and not after `leave_by`.

        Raises `DataFault` and `SettingsFault` (refused, nothing happened), `ConnectivityFault` (nothing happened),
        `OutcomeUnknown`.
        """
        reply = await self._post(account, path, body, write=True, leave_by=leave_by)
        return self._judged(account, reply, write=True)

    async def download(self, account: WfirmaAccount, invoice_id: str) -> bytes:
        """The PDF of an invoice: bytes that begin like one, whatever the headers say."""
        body = wire.named_parameters("invoices", {"page": "invoice", "address": "0", "leaflet": "0", "duplicate": "0"})
        reply = await self._post(account, f"invoices/download/{invoice_id}", body, write=False)
        if reply.status == 200 and reply.body.startswith(PDF_MARK):
            if len(reply.body) > wire.PDF_LIMIT:
                raise unusable("wFirma: the document is too large", write=False)
            return reply.body
        said = "no such document" if is_missing(self._judged(account, reply, write=False)) else "no document came"
        raise unusable(f"wFirma: {said}", write=False)

    def _judged(self, account: WfirmaAccount, reply: _Reply, *, write: bool) -> Answer:
        """The verdict in the body counts; without one the HTTP status speaks, and knows less."""
        answer = wire.read(reply.body) if len(reply.body) <= wire.ANSWER_LIMIT else None
        if answer is not None:
            if answer.code == LOCKED:
                self._locked_until[account.access_key] = self._clock() + LOCK
            if error := refusal(answer, write=write, pause=reply.pause):
                raise error
            return answer
        said = f"HTTP {reply.status}"
        if reply.status in {401, 403, 404, 405}:
            raise SettingsFault("issuer_settings", f"{said}: keys or address of wFirma are wrong")
        if reply.status == 429 or (reply.status == 503 and reply.pause is not None and not write):
            pause = PAUSE_AT_LIMIT if reply.pause is None else reply.pause
            raise Throttled("provider_limit", said, retry_after=pause)
        raise unusable(f"{said}: the answer cannot be believed", write=write, pause=reply.pause)

    async def _post(
        self,
        account: WfirmaAccount,
        path: str,
        body: Mapping[str, Any],
        *,
        write: bool,
        leave_by: datetime | None = None,
    ) -> _Reply:
        """One POST; every action but delete takes it."""
        self._demand_unlocked(account)
        progress = _Progress(self._clock, leave_by)
        query = {"inputFormat": "json", "outputFormat": "json"}
        if account.company_id:
            query["company_id"] = account.company_id
        headers = {
            "accessKey": account.access_key,
            "secretKey": account.secret_key,
            "appKey": self._app_key,
            "Content-Type": "application/json; charset=utf-8",
            "Accept-Encoding": "identity",
        }
        try:
            async with self._open_session().post(
                f"{self._base_url}/{path}",
                params=query,
                data=json.dumps(body, ensure_ascii=False).encode(),
                headers=headers,
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                content = await _read(response)
                return _Reply(response.status, content, _pause(response.headers.get("Retry-After"), self._clock))
        # Nothing of the library's text goes on: it may quote addresses and headers.
        except (aiohttp.ClientError, OSError, _LeftTooLate) as lost:
            told = type(lost).__name__
        if progress.connected:
            raise unusable(told, write=write)
        raise ConnectivityFault("issuer_unreachable", told)

    def _demand_unlocked(self, account: WfirmaAccount) -> None:
        until = self._locked_until.get(account.access_key)
        if until is not None and self._clock() < until:
            raise SettingsFault("issuer_settings", "wFirma has locked this key for failed logins")

    def _open_session(self) -> aiohttp.ClientSession:
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
    """The body, up to one byte more than is ever used."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > wire.PDF_LIMIT:
            response.close()
            break
    return bytes(body)


def _pause(written: str | None, clock: Clock) -> timedelta | None:
    """`Retry-After` as seconds or as a date (RFC 9110, 10.2.3), never longer than a few hours."""
    if written is None:
        return None
    try:
        if re.fullmatch("[0-9]{1,9}", written):
            pause = timedelta(seconds=int(written))
        else:
            named = parsedate_to_datetime(written)
            pause = (named if named.tzinfo else named.replace(tzinfo=UTC)) - clock()
    except (ValueError, OverflowError):
        return None
    return min(max(pause, timedelta(0)), LONGEST_PAUSE)
