"""Ports: what activities, relay, web and commands need from the world, as protocols.

Adapters live in `invoicing.gateways`, `invoicing.storage` and `invoicing.documents`; only `invoicing.bootstrap` names
them. Every outward call ends accepted (it returns), refused (`Refused`) or unknown (`OutcomeUnknown`);
`ConnectivityFault` says that nothing happened. Times are aware datetimes in UTC.
"""

from __future__ import annotations

from invoicing.ports.documents import (
    Attachment,
    CheckingIssuer,
    CorrectingIssuer,
    CorrectionOrder,
    DocumentStore,
    Drawing,
    Issued,
    IssueOrder,
    Issuer,
    LookingIssuer,
    Mail,
    Mailer,
)
from invoicing.ports.payments import (
    Channel,
    GatewayNotification,
    OpenedPayment,
    OpenPayment,
    PaymentGateway,
    PaymentNotifications,
    TransferNotification,
)
from invoicing.ports.rates import ExchangeRates
from invoicing.ports.registers import TaxRegisters
from invoicing.ports.storage import CaseStore, Recorded, SealedSecrets, UnitOfWork
from invoicing.ports.world import Clock, Runs, Sealer, utc_now

__all__ = [
    "Attachment",
    "CaseStore",
    "Channel",
    "CheckingIssuer",
    "Clock",
    "CorrectingIssuer",
    "CorrectionOrder",
    "DocumentStore",
    "Drawing",
    "ExchangeRates",
    "GatewayNotification",
    "IssueOrder",
    "Issued",
    "Issuer",
    "LookingIssuer",
    "Mail",
    "Mailer",
    "OpenPayment",
    "OpenedPayment",
    "PaymentGateway",
    "PaymentNotifications",
    "Recorded",
    "Runs",
    "SealedSecrets",
    "Sealer",
    "TaxRegisters",
    "TransferNotification",
    "UnitOfWork",
    "utc_now",
]
