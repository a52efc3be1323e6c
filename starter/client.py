"""The HTTP API from Python, for backend services: record cases, ask for payment, watch them, fetch invoices.

    async with CaseClient("http://127.0.0.1:8080", token) as cases:
        await cases.record_case(document)
        paid = await cases.wait_until("2026-000123", lambda case: case["payment"]["status"] == "completed")

Guarantee: a call that may have reached the API is repeated only where the API does the same thing once for it. All
calls here are of that kind: reading, PUT, recording a case (same document, and a key made of call and body), asking for
payment (any number of requests opens one attempt). Every refusal is an `ApiProblem` with the code of the problem
document (RFC 9457); an API that cannot be reached is a `ConnectivityFault`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.errors import ConnectivityFault, InternalFault, PaidcaseError, StillPending

StateRecord = dict[str, Any]
"""The state record as the API answers it."""

ANSWER_WITHIN = timedelta(seconds=30)
TRIES = 4
FIRST_PAUSE = timedelta(milliseconds=250)
LONGEST_PAUSE = timedelta(seconds=10)
LATER = frozenset({429, 502, 503, 504})
"""Answers that mean the call was turned away for now."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of what was sent."""

    field: str
    code: str
    message: str


class ApiProblem(PaidcaseError):
    """The API said no: HTTP status, code of the problem document, and every fault when the input was bad."""

    def __init__(self, status: int, code: str, message: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(code, message)
        self.status = status
        self.errors = errors


class CaseClient:
    """Calls of one caller; belongs to one event loop and keeps its connections while its block lasts."""

    def __init__(self, base_url: str, token: str, *, language: str = "pl", tries: int = TRIES) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._tries = tries
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN.total_seconds()),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def record_case(self, document: CaseDocument | Mapping[str, Any]) -> StateRecord:
        """Record a priced case; one that arrives paid is started. The same document again is the same case."""
        return await self._json("POST", "/v1/cases", _body(document), keyed=True)

    async def case(self, case_id: str) -> StateRecord:
        """The state record."""
        return await self._json("GET", _path("cases", case_id))

    async def ask_for_payment(
        self, case_id: str, billing_data: BillingData | Mapping[str, Any] | None = None
    ) -> StateRecord:
        """Open or resume the payment; `redirect_url` is where the payer goes, None while it is not known."""
        body = {} if billing_data is None else {"billing_data": _value(billing_data)}
        # No key: the API opens one attempt for any number of requests, while a key of call and body would bring the
        # answer of an attempt that has failed since, for a whole day.
        return await self._json("POST", _path("cases", case_id, "payment"), _body(body))

    async def save_expert(self, expert_id: str, expert: ExpertDocument | Mapping[str, Any]) -> dict[str, Any]:
        """Store or replace an expert."""
        return await self._json("PUT", _path("experts", expert_id), _body(expert))

    async def timeline(self, case_id: str) -> list[dict[str, Any]]:
        """What happened, oldest first."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self._json(
                "GET", _path("cases", case_id, "timeline"), query={"cursor": cursor} if cursor else {}
            )
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def invoice_pdf(self, case_id: str) -> bytes:
        """The stored PDF. Raises `ApiProblem` with code `no_invoice` before there is one."""
        async with self._answer("GET", _path("cases", case_id, "invoice.pdf")) as response:
            return await response.read()

    async def wait_until(
        self,
        case_id: str,
        condition: Callable[[StateRecord], bool],
        *,
        timeout: timedelta = timedelta(minutes=1),
        every: timedelta = timedelta(milliseconds=500),
    ) -> StateRecord:
        """The state record once the condition holds for it. Raises `StillPending` when the time is over."""
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while not condition(record := await self.case(case_id)):  # noqa: ASYNC110  # the API is only asked
                    await asyncio.sleep(every.total_seconds())
                return record
        except TimeoutError:
            what = f"the condition does not hold for case {case_id} after {timeout.total_seconds():g} s"
            raise StillPending("not_at_rest", what) from None

    async def _json(
        self, method: str, path: str, body: bytes = b"", *, query: Mapping[str, str] | None = None, keyed: bool = False
    ) -> dict[str, Any]:
        key = hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest() if keyed else None
        async with self._answer(method, path, body, query, key) as response:
            answer = _parsed(await response.read())
        if answer is None:
            raise InternalFault("not_our_api", f"{method} {path} is not answered with a JSON object; check the address")
        return answer

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, body: bytes = b"", query: Mapping[str, str] | None = None, key: str | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer, after repeating what was turned away or lost."""
        if self._session is None:
            raise InternalFault("not_opened", "use the client in `async with`")
        headers = {"Content-Type": "application/json"} if body else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        pause = FIRST_PAUSE.total_seconds()
        for tried in range(1, self._tries + 1):
            wait, last = pause, tried == self._tries
            try:
                response = await self._session.request(
                    method, self._base + path, data=body or None, params=query, headers=headers, allow_redirects=False
                )
            except (aiohttp.ClientError, TimeoutError) as lost:
                if last:
                    what = f"{self._base} does not answer ({type(lost).__name__})"
                    raise ConnectivityFault("api_unreachable", what) from None
            else:
                async with response:
                    if response.ok and response.status < 300:
                        yield response
                        return
                    if last or response.status not in LATER:
                        raise _problem(response.status, await response.read())
                    wait = _asked_pause(response.headers.get("Retry-After")) or pause
            await asyncio.sleep(min(wait, LONGEST_PAUSE.total_seconds()))
            pause *= 2


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _value(document: BillingData | CaseDocument | ExpertDocument | Mapping[str, Any]) -> Any:
    if isinstance(document, BillingData | CaseDocument | ExpertDocument):
        return document.model_dump(mode="json", exclude_none=True)
    return document


def _body(document: CaseDocument | ExpertDocument | Mapping[str, Any]) -> bytes:
    """The same document gives the same bytes, whatever the order of its fields."""
    return json.dumps(_value(document), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _problem(status: int, content: bytes) -> ApiProblem:
    """The problem document; an answer without one, of a proxy perhaps, keeps only its status."""
    told = _parsed(content)
    if told is None or not isinstance(told.get("code"), str):
        return ApiProblem(status, "unavailable" if status >= 500 else "invalid", f"HTTP {status}")
    listed = told.get("errors")
    errors = tuple(
        FieldError(str(item.get("field", "")), str(item.get("code", "")), str(item.get("message", "")))
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict)
    )
    return ApiProblem(status, told["code"], str(told.get("detail") or told.get("title") or told["code"]), errors)


def _asked_pause(written: str | None) -> float | None:
    return float(written) if written and written.isascii() and written.isdigit() else None
