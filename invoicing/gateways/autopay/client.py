"""Calls to Autopay over one kept-alive HTTP session.

Guarantee: every call ends accepted, refused or unknown, within 30 seconds. "Nothing happened" is said only where it is
proved: the connection was never made, the gateway signed NOTCONFIRMED, it named an error that it finds before it
registers, or the path is not served. A 429 or 5xx may come from a proxy behind which the start was registered, so for a
start they are unknown. Redirects are not followed. No key, no body and no personal data in any message. Source:
Autopay manual, "pretransaction", "transaction-status", "cancel-transaction", "errors".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from urllib.parse import urlencode

import aiohttp

from invoicing.domain.payments import Transaction
from invoicing.errors import (
    ConnectivityFault,
    InternalFault,
    OutcomeUnknown,
    SettingsFault,
    Throttled,
)
from invoicing.gateways.autopay import wire
from invoicing.gateways.autopay.reasons import DEFINITE_REASONS, NOT_FOUND, SETTINGS_ERRORS, refusal
from invoicing.gateways.autopay.services import AutopayService, AutopayServices
from invoicing.ports import Clock, OpenedPayment, OpenPayment

STATUS_PATH = "/webapi/transactionStatus"
CANCEL_PATH = "/webapi/transactionCancel"
CONTINUE_HEADER = "pay-bm-continue-transaction-url"
PLAIN_HEADER = "pay-bm"

KEPT_ALIVE = 4.0
"""Seconds an idle connection is kept: below the five after which many servers close theirs, because a start that meets
a closing connection has an unknown outcome."""

LONGEST_PAUSE = timedelta(hours=6)
PAUSE_AT_LIMIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Reply:
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


def _now() -> datetime:
    return datetime.now(UTC)


class AutopayGateway:
    """The gateway's calls, as the port `PaymentGateway` asks for them. `close` gives the connections back."""

    def __init__(
        self,
        services: AutopayServices,
        *,
        timeout: timedelta = timedelta(seconds=20),
        connect_timeout: timedelta = timedelta(seconds=8),
        clock: Clock = _now,
    ) -> None:
        self._services = services
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds(), connect=connect_timeout.total_seconds())
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    @property
    def currencies(self) -> frozenset[str]:
        """Currencies with a configured service."""
        return self._services.currencies

    def service_for(self, currency: str) -> str:
        """Service id for a currency."""
        return self._services.for_currency(currency).service_id

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def open(self, payment: OpenPayment) -> OpenedPayment:
        """Start by server-side pretransaction. Not idempotent, therefore sent exactly once."""
        service = self._services.by_id(payment.service_id)
        form = wire.start_form(service, payment)
        reply = await self._post(service, service.payment_path, form, CONTINUE_HEADER)
        _demand_served(reply)
        if reply.status in {408, 425, 429} or not 200 <= reply.status < 500 or 300 <= reply.status < 400:
            raise OutcomeUnknown("gateway_outcome_unknown", f"HTTP {reply.status}", retry_after=reply.retry_after)
        match wire.read_start(service, payment.order_id, reply.body):
            case wire.Continued(remote_id, redirect_url):
                return OpenedPayment(remote_id, redirect_url)
            case wire.Decided(confirmed=True):
                raise OutcomeUnknown("gateway_outcome_unknown", "accepted without an address for the payer")
            case wire.Decided(reason=reason):
                raise refusal(reason)
            case wire.ErrorDocument(name) if name in DEFINITE_REASONS | SETTINGS_ERRORS:
                raise refusal(name)
            case wire.ErrorDocument(name):
                raise OutcomeUnknown("gateway_outcome_unknown", f"error {name}")
            case None:
                raise OutcomeUnknown("gateway_outcome_unknown", "the answer cannot be believed")

    async def status(self, service_id: str, order_id: str) -> tuple[Transaction, ...]:
        """All transactions of an order. Only reads, so whatever goes wrong may be asked again."""
        service = self._services.by_id(service_id)
        wire.demand_order_id(order_id)
        values = {"ServiceID": service_id, "OrderID": order_id}
        form = wire.signed_form(service, wire.STATUS_ORDER, values)
        try:
            reply = await self._post(service, STATUS_PATH, form, PLAIN_HEADER)
        except OutcomeUnknown as lost:
            raise ConnectivityFault("gateway_unreachable", lost.message) from lost
        _demand_served(reply)
        _demand_not_turned_away(reply)
        if reply.status < 500:
            match wire.read_status(service, order_id, reply.body):
                case tuple() as transactions:
                    return transactions
                case wire.ErrorDocument(name) if name in SETTINGS_ERRORS:
                    raise SettingsFault("gateway_settings", name)
                case wire.ErrorDocument(name) if name == NOT_FOUND:
                    return ()
                case wire.ErrorDocument(name):
                    raise ConnectivityFault("gateway_unreachable", f"error {name}")
                case wire.Decided(reason=reason):
                    raise Throttled("provider_limit", reason, retry_after=PAUSE_AT_LIMIT)
        raise ConnectivityFault("gateway_unreachable", f"HTTP {reply.status}: the answer cannot be believed")

    async def cancel(self, service_id: str, order_id: str, message_id: str) -> bool:
        """Cancel all that is unpaid of an order; afterwards nothing can be started under it."""
        service = self._services.by_id(service_id)
        wire.demand_order_id(order_id)
        if not re.fullmatch("[A-Za-z0-9]{32}", message_id):
            raise InternalFault("internal", "a message id has 32 letters and digits")
        values = {"ServiceID": service_id, "MessageID": message_id, "OrderID": order_id}
        form = wire.signed_form(service, wire.CANCEL_ORDER, values)
        reply = await self._post(service, CANCEL_PATH, form, PLAIN_HEADER)
        _demand_served(reply)
        _demand_not_turned_away(reply)
        if reply.status < 500:
            match wire.read_cancel(service, message_id, reply.body):
                case wire.Decided(confirmed=confirmed):
                    return confirmed
                case wire.ErrorDocument(name) if name in SETTINGS_ERRORS:
                    raise SettingsFault("gateway_settings", name)
                case wire.ErrorDocument(name) if name == NOT_FOUND:
                    return False
                case wire.ErrorDocument(name):
                    raise OutcomeUnknown("gateway_outcome_unknown", f"error {name}")
        raise OutcomeUnknown("gateway_outcome_unknown", f"HTTP {reply.status}: the answer cannot be believed")

    async def _post(self, service: AutopayService, path: str, form: dict[str, str], header: str) -> _Reply:
        """One POST. Raises `ConnectivityFault` when it had no connection, `OutcomeUnknown` when its answer was lost."""
        progress = _Progress()
        headers = {
            "BmHeader": header,
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "Accept-Encoding": "identity",
        }
        try:
            async with self._open_session().post(
                service.address(path),
                data=urlencode(form).encode(),
                headers=headers,
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                body = await _read(response)
                pause = _pause(response.headers.get("Retry-After"), self._clock)
                return _Reply(response.status, body, pause)
        # Nothing of the library's text goes on: it may quote addresses and headers.
        except (aiohttp.ClientError, OSError) as lost:
            told = type(lost).__name__
        if progress.connected:
            raise OutcomeUnknown("gateway_outcome_unknown", told)
        raise ConnectivityFault("gateway_unreachable", told)

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
    """The body, up to one byte more than is ever parsed."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > wire.ANSWER_LIMIT:
            response.close()
            break
    return bytes(body)


def _pause(written: str | None, clock: Callable[[], datetime]) -> timedelta | None:
    """`Retry-After` as seconds or as a date (RFC 9110, 10.2.3), never longer than the slowest poll."""
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


def _demand_served(reply: _Reply) -> None:
    """HTTP itself says that nothing at this address took the request: the address in the settings is wrong."""
    if reply.status in {404, 405}:
        raise SettingsFault("gateway_settings", f"HTTP {reply.status}: the gateway does not serve this path")


def _demand_not_turned_away(reply: _Reply) -> None:
    """Calls that may be repeated: 429 and 503 mean later, with the pause that was named."""
    if reply.status not in {429, 503}:
        return
    if reply.retry_after is not None:
        raise Throttled("provider_limit", f"HTTP {reply.status}", retry_after=reply.retry_after)
    raise ConnectivityFault("gateway_unreachable", f"HTTP {reply.status}")
