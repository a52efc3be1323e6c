"""Calls to Autopay: what each answer proves about the call.

Guarantee: every call ends accepted, refused or unknown, within 30 seconds. "Nothing happened" is said only where it is
proved: the connection was never made, the gateway signed NOTCONFIRMED, it named an error that it finds before it
registers, or the path is not served. A 429 or 5xx may come from a proxy behind which the start was registered, so for a
start they are unknown. Redirects are not followed. No key, no body and no personal data in any message. Source:
Autopay manual, "pretransaction", "transaction-status", "cancel-transaction", "refunds", "gateway-list", "errors".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

from invoicing.domain.payments import Transaction
from invoicing.domain.refunds import RefundProgress
from invoicing.errors import ConnectivityFault, OutcomeUnknown, SettingsFault, Throttled
from invoicing.gateways.autopay import channels, refunds, wire
from invoicing.gateways.autopay.document import ANSWER_LIMIT
from invoicing.gateways.autopay.reasons import (
    BLOCKED,
    BLOCKED_FOR,
    DEFINITE_REASONS,
    NOT_FOUND,
    SETTINGS_ERRORS,
    refund_refusal,
    refusal,
)
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices
from invoicing.gateways.outward import Outward, Reply, Request
from invoicing.ports import Channel, Clock, OpenedPayment, OpenPayment

STATUS_PATH = "/webapi/transactionStatus"
CANCEL_PATH = "/webapi/transactionCancel"
REFUND_PATH = "/settlementapi/transactionRefund"
PROGRESS_PATH = "/settlementapi/outDetails/v2"
CHANNELS_PATH = "/gatewayList/v3"
CONTINUE_HEADER = "pay-bm-continue-transaction-url"
PLAIN_HEADER = "pay-bm"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
JSON = "application/json; charset=utf-8"

PAUSE_AT_LIMIT = timedelta(hours=1)


class AutopayGateway:
    """The gateway's calls, as the port `PaymentGateway` asks for them. `close` gives the connections back."""

    def __init__(
        self,
        services: AutopayServices,
        clock: Clock,
        *,
        timeout: timedelta = timedelta(seconds=20),
        connect_timeout: timedelta = timedelta(seconds=8),
    ) -> None:
        self._services = services
        self._outward = Outward(timeout, connect_timeout, clock, unreachable="gateway_unreachable")
        self._channels = channels.ChannelLists(self._list_channels, clock)

    @property
    def currencies(self) -> frozenset[str]:
        """Currencies with a configured service."""
        return self._services.currencies

    def service_for(self, currency: str) -> str:
        """Service id for a currency."""
        return self._services.for_currency(currency).service_id

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        await self._outward.close()

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
        reply = await self._asked(service, STATUS_PATH, urlencode(form).encode(), FORM)
        if reply.status < 500:
            match wire.read_status(service, order_id, reply.body):
                case tuple() as transactions:
                    return transactions
                case wire.ErrorDocument(name) if name == NOT_FOUND:
                    return ()
                case wire.ErrorDocument(name):
                    raise _question_refused(name)
                case wire.Decided(reason=reason):
                    raise Throttled("provider_limit", reason, retry_after=PAUSE_AT_LIMIT)
        raise _not_believed(reply)

    async def cancel(self, service_id: str, order_id: str, message_id: str) -> bool:
        """Cancel all that is unpaid of an order; afterwards nothing can be started under it."""
        service = self._services.by_id(service_id)
        wire.demand_order_id(order_id)
        refunds.demand_message_id(message_id)
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

    async def refund(
        self, service_id: str, remote_id: str, amount: Decimal | None, currency: str, message_id: str
    ) -> None:
        """Order a refund; the same message again executes nothing twice, so sending it again is the look-up."""
        service = self._services.by_id(service_id)
        form = refunds.refund_form(service, remote_id, amount, currency, message_id)
        reply = await self._post(service, REFUND_PATH, form, PLAIN_HEADER)
        _demand_served(reply)
        if reply.status == 429:
            raise Throttled("provider_limit", "HTTP 429", retry_after=reply.retry_after or BLOCKED_FOR)
        if reply.status < 500:
            match refunds.read_refund(service, message_id, reply.body):
                case True:
                    return
                case wire.ErrorDocument(name):
                    raise refund_refusal(name)
        told = f"HTTP {reply.status}: the answer cannot be believed"
        raise OutcomeUnknown("gateway_outcome_unknown", told, retry_after=reply.retry_after)

    async def refund_status(self, service_id: str, message_id: str) -> RefundProgress:
        """How far a refund is. Only reads, so whatever goes wrong may be asked again."""
        service = self._services.by_id(service_id)
        reply = await self._asked(service, PROGRESS_PATH, refunds.progress_request(service, message_id), JSON)
        if reply.status < 500:
            match refunds.read_progress(service, message_id, reply.body):
                case RefundProgress() as progress:
                    return progress
                case wire.ErrorDocument(name):
                    raise _question_refused(name)
        raise _not_believed(reply)

    async def channels(self, currencies: Sequence[str], language: str) -> tuple[Channel, ...]:
        """Ways to pay in these currencies, in the order in which the gateway lists them."""
        found: list[Channel] = []
        for currency in currencies:
            found += await self._channels.of(self._services.for_currency(currency), language)
        return tuple(found)

    async def _list_channels(self, service: AutopayService, language: str) -> tuple[Channel, ...]:
        message_id, body = channels.list_request(service, language)
        reply = await self._asked(service, CHANNELS_PATH, body, JSON)
        if reply.status < 400:
            match channels.read_list(service, message_id, reply.body):
                case tuple() as listed:
                    return listed
                case wire.ErrorDocument(name):
                    raise _question_refused(name)
        raise _not_believed(reply)

    async def _post(self, service: AutopayService, path: str, form: dict[str, str], header: str) -> Reply:
        return await self._sent(service, path, urlencode(form).encode(), FORM, header)

    async def _asked(self, service: AutopayService, path: str, body: bytes, content_type: str) -> Reply:
        """A call that only reads: a lost answer is no more than an answer that did not come."""
        try:
            reply = await self._sent(service, path, body, content_type, PLAIN_HEADER)
        except OutcomeUnknown as lost:
            raise ConnectivityFault("gateway_unreachable", lost.message) from lost
        _demand_served(reply)
        _demand_not_turned_away(reply)
        return reply

    async def _sent(self, service: AutopayService, path: str, body: bytes, content_type: str, header: str) -> Reply:
        headers = {"BmHeader": header, "Content-Type": content_type}
        return await self._outward.send(Request(service.address(path), headers, body), limit=ANSWER_LIMIT, lost=_lost)


def _lost(kind: str) -> OutcomeUnknown:
    return OutcomeUnknown("gateway_outcome_unknown", kind)


def _not_believed(reply: Reply) -> ConnectivityFault:
    return ConnectivityFault("gateway_unreachable", f"HTTP {reply.status}: the answer cannot be believed")


def _question_refused(name: str) -> SettingsFault | ConnectivityFault:
    """The error for a question that was answered by an error."""
    if name in SETTINGS_ERRORS:
        return SettingsFault("gateway_settings", name)
    if name == BLOCKED:
        return Throttled("provider_limit", name, retry_after=BLOCKED_FOR)
    return ConnectivityFault("gateway_unreachable", f"error {name}")


def _demand_served(reply: Reply) -> None:
    """HTTP itself says that nothing at this address took the request: the address in the settings is wrong."""
    if reply.status in {404, 405}:
        raise SettingsFault("gateway_settings", f"HTTP {reply.status}: the gateway does not serve this path")


def _demand_not_turned_away(reply: Reply) -> None:
    """Calls that may be repeated: 429 and 503 mean later, with the pause that was named."""
    if reply.status not in {429, 503}:
        return
    if reply.retry_after is not None:
        raise Throttled("provider_limit", f"HTTP {reply.status}", retry_after=reply.retry_after)
    raise ConnectivityFault("gateway_unreachable", f"HTTP {reply.status}")
