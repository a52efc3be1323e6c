"""The payment gateway: its calls, and its messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from invoicing.domain.payments import Transaction
from invoicing.domain.refunds import RefundProgress, Transfer


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """One transaction to open. `description` is already in the gateway's alphabet."""

    service_id: str
    order_id: str
    amount: Decimal
    currency: str
    description: str
    customer_email: str
    language: str
    valid_until: datetime
    return_url: str


@dataclass(frozen=True, slots=True)
class OpenedPayment:
    """The gateway accepted: its transaction id and the address to which the payer is sent."""

    remote_id: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to pay in one currency, as the gateway offers it; its list is not signed, so it only informs."""

    gateway_id: int
    name: str
    group: str
    available: bool
    currency: str
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    minimum_validity: timedelta | None = None


class PaymentGateway(Protocol):
    """The gateway's calls. Each is over within 30 seconds and is made at most once per invocation."""

    @property
    def currencies(self) -> frozenset[str]:
        """Currencies with a configured service."""

    def service_for(self, currency: str) -> str:
        """Service id for a currency. Raises `SettingsFault("autopay_disabled")` without one."""

    async def open(self, payment: OpenPayment) -> OpenedPayment:
        """Open a transaction. Not idempotent.

        Raises `Refused` (definite no, nothing exists), `ConnectivityFault` (the request provably did not leave or was
        turned away unread), `SettingsFault` (hash or service refused), `OutcomeUnknown` (anything else).
        """

    async def status(self, service_id: str, order_id: str) -> tuple[Transaction, ...]:
        """All transactions of an order, none when it is unknown. Raises `ConnectivityFault`, `SettingsFault`."""

    async def cancel(self, service_id: str, order_id: str, message_id: str) -> bool:
        """Cancel an order, idempotent by `message_id`; False when there is nothing to cancel or it cannot be.

        Raises `ConnectivityFault`, `OutcomeUnknown`, `SettingsFault`.
        """

    async def refund(
        self, service_id: str, remote_id: str, amount: Decimal | None, currency: str, message_id: str
    ) -> None:
        """Order a refund of a transaction; `None` is all of it. Returns when it is queued; `refund_status` tells more.

        Idempotent by `message_id`: after any error but `Refused` the same message may be sent again, never another one.
        Raises `Refused("refund_refused")` with the gateway's word, `Throttled`, `ConnectivityFault` (it did not leave),
        `SettingsFault`, `OutcomeUnknown`.
        """

    async def refund_status(self, service_id: str, message_id: str) -> RefundProgress:
        """How far the refund of this message id is. Raises `ConnectivityFault`, `Throttled`, `SettingsFault`."""

    async def channels(self, currencies: Sequence[str], language: str) -> tuple[Channel, ...]:
        """Ways to pay in these currencies, at most a minute old while the gateway answers, else the last that it gave.

        Raises `ConnectivityFault` when it has never answered, `SettingsFault`.
        """


@dataclass(frozen=True, slots=True)
class GatewayNotification:
    """An authentic message: its hash was verified before any meaning was read."""

    service_id: str
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class TransferNotification:
    """An authentic message about money paid out: its hash was verified before any meaning was read."""

    service_id: str
    transfer: Transfer


class PaymentNotifications(Protocol):
    """Reading and answering the gateway's messages."""

    def read(self, encoded: str) -> GatewayNotification:
        """Decode and verify. Raises `BadNotification`; its ids are only for the signed answer.

        It is `proved` when the message is authentic: then it may be one for `read_transfer`.
        """

    def answer(self, service_id: str, order_id: str, *, confirmed: bool) -> bytes:
        """The signed confirmation document. Raises `BadNotification` for a service that is not configured."""

    def read_transfer(self, encoded: str) -> TransferNotification:
        """Decode and verify a message about a refund or settlement. Raises `BadNotification`, for an ITN too."""

    def answer_transfer(self, service_id: str, remote_out_id: str, *, confirmed: bool) -> bytes:
        """The signed confirmation of such a message. Raises `BadNotification` for a service that is not configured."""

    def return_is_authentic(self, service_id: str, order_id: str, hash_value: str) -> bool:
        """Whether the customer's return address carries our gateway's signature."""
