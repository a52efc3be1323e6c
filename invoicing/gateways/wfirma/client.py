"""Calls to wFirma over one kept-alive HTTP session.

Guarantee: every call is over within its timeout, well under 30 seconds, and is sent once. A read may always be asked
again; a write ends done, not done, or `OutcomeUnknown`. A write that was held up (a frozen process, a slow connect) and
could leave only after `leave_by` does not leave at all. After wFirma has locked a key for failed logins it is left
alone for five minutes. No key, no body and no personal data in any message. Source: wFirma API v2, "transport" and
"status codes".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from invoicing.errors import SettingsFault, Throttled
from invoicing.gateways.outward import Outward, Reply, Request
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.judgement import KEYS, LOCK, LOCKED, PAUSE_AT_LIMIT, is_missing, refusal, unusable
from invoicing.gateways.wfirma.wire import Answer
from invoicing.ports import Clock

PDF_MARK = b"%PDF"


@dataclass(frozen=True, slots=True)
class WfirmaAccount:
    """Keys of one expert's account; `company_id` is needed when the account has several companies."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    company_id: str | None = None


class WfirmaClient:
    """The API of one platform key, for the accounts of many experts. `close` gives the connections back."""

    def __init__(
        self,
        base_url: str,
        app_key: str,
        clock: Clock,
        *,
        timeout: timedelta = timedelta(seconds=15),
        connect_timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        self.timeout = timeout
        self._base_url = base_url.rstrip("/")
        self._app_key = app_key
        self._outward = Outward(timeout, connect_timeout, clock, unreachable="issuer_unreachable")
        self._clock = clock
        self._locked_until: dict[str, datetime] = {}

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        await self._outward.close()

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

    def _judged(self, account: WfirmaAccount, reply: Reply, *, write: bool) -> Answer:
        """The verdict in the body counts; without one the HTTP status speaks, and knows less."""
        answer = wire.read(reply.body) if len(reply.body) <= wire.ANSWER_LIMIT else None
        if answer is not None:
            if answer.code == LOCKED:
                self._locked_until[account.access_key] = self._clock() + LOCK
            if error := refusal(answer, write=write, pause=reply.retry_after):
                raise error
            return answer
        said = f"HTTP {reply.status}"
        if reply.status in {401, 403}:
            raise SettingsFault("issuer_settings", f"{said}: wFirma takes neither keys nor rights", faults=KEYS)
        if reply.status in {404, 405}:
            raise SettingsFault("issuer_settings", f"{said}: the address of wFirma is wrong")
        if reply.status == 429 or (reply.status == 503 and reply.retry_after is not None and not write):
            pause = PAUSE_AT_LIMIT if reply.retry_after is None else reply.retry_after
            raise Throttled("provider_limit", said, retry_after=pause)
        raise unusable(f"{said}: the answer cannot be believed", write=write, pause=reply.retry_after)

    async def _post(
        self,
        account: WfirmaAccount,
        path: str,
        body: Mapping[str, Any],
        *,
        write: bool,
        leave_by: datetime | None = None,
    ) -> Reply:
        """One POST; every action but delete takes it."""
        self.demand_unlocked(account)
        query = {"inputFormat": "json", "outputFormat": "json"}
        if account.company_id:
            query["company_id"] = account.company_id
        headers = {
            "accessKey": account.access_key,
            "secretKey": account.secret_key,
            "appKey": self._app_key,
            "Content-Type": "application/json; charset=utf-8",
        }
        request = Request(
            f"{self._base_url}/{path}",
            headers,
            json.dumps(body, ensure_ascii=False).encode(),
            query,
            leave_by=leave_by,
        )
        return await self._outward.send(request, limit=wire.PDF_LIMIT, lost=lambda kind: unusable(kind, write=write))

    def demand_unlocked(self, account: WfirmaAccount) -> None:
        """Raises `SettingsFault` while wFirma has locked the key."""
        until = self._locked_until.get(account.access_key)
        if until is not None and self._clock() < until:
            raise SettingsFault("issuer_settings", "wFirma has locked this key for failed logins")
