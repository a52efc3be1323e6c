"""The hash and the field orders of Autopay's messages, in both directions.

Source: Autopay online gateway manual, "hashing" (hex of SHA-256 or SHA-512 over the non-empty values joined by
``|``, the shared key last; plain concatenation, no HMAC, UTF-8) and the numbered parameter tables of each
message. Nothing is trimmed or normalised before hashing: ``1.2`` and ``1.20`` are different messages.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

SANDBOX_KEY = "sandbox-autopay-key"
WARSAW = "Europe/Warsaw"


class HashKind(StrEnum):
    """The two digests that a service may have been given at onboarding."""

    SHA256 = "sha256"
    SHA512 = "sha512"


@dataclass(frozen=True)
class Service:
    """One ServiceID: one key, one currency, one digest."""

    service_id: str
    shared_key: str
    currency: str = "PLN"
    hash: HashKind = HashKind.SHA256

    def sign(self, values: Iterable[str]) -> str:
        """Hash of a message with these values; empty ones vanish together with their separator."""
        present = [value for value in values if value != ""]
        return hashlib.new(self.hash.value, "|".join([*present, self.shared_key]).encode()).hexdigest()

    def signed_by(self, values: Iterable[str], received: str) -> bool:
        return hmac.compare_digest(self.sign(values).encode(), received.strip().lower().encode())


# Position in the tuple is the hash order; the manual's own numbers have gaps, only their order matters. The
# regulation acceptance fields (49 to 53) belong to white-label payer fees and are not offered here.
START_FIELDS = (
    ("ServiceID", r"\d{1,10}"),  # 1
    ("OrderID", r"[A-Za-z0-9_-]{1,32}"),  # 2
    ("Amount", r"\d{1,14}\.\d{2}"),  # 3
    ("Description", r"[A-Za-z0-9.:,\- ]{1,79}"),  # 4
    ("GatewayID", r"\d{1,5}"),  # 5
    ("Currency", r"PLN|EUR|GBP|USD"),  # 6
    ("CustomerEmail", r".{1,255}"),  # 7
    ("Language", r"PL|EN|DE|CS|ES|FR|IT"),  # 8
    ("CustomerIP", r"[0-9A-Fa-f.:]{1,39}"),  # 13
    ("Title", r".{1,95}"),  # 14
    ("Products", r"[A-Za-z0-9+/=\s]{1,10000}"),  # 16
    ("CustomerPhone", r"\d{9,15}"),  # 17
    ("ValidityTime", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),  # 19
    ("CustomerNumber", r".{1,35}"),  # 20
    ("InvoiceNumber", r".{1,100}"),  # 21
    ("CompanyName", r".{1,150}"),  # 22
    ("Nip", r"\d{1,10}"),  # 23
    ("Regon", r"\d{9,14}"),  # 24
    ("VerificationFName", r".{1,32}"),  # 25
    ("VerificationLName", r".{1,64}"),  # 26
    ("VerificationStreet", r".{1,64}"),  # 27
    ("VerificationStreetHouseNo", r".{1,10}"),  # 28
    ("VerificationStreetStaircaseNo", r".{1,10}"),  # 29
    ("VerificationStreetPremiseNo", r".{1,10}"),  # 30
    ("VerificationPostalCode", r".{1,6}"),  # 31
    ("VerificationCity", r".{1,64}"),  # 32
    ("VerificationNRB", r"\d{26}"),  # 33
    ("LinkValidityTime", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),  # 34
    ("RecurringAcceptanceState", r"[A-Z_]{1,100}"),  # 35
    ("RecurringAction", r"[A-Z_]{1,100}"),  # 36
    ("ClientHash", r".{1,64}"),  # 37
    ("AuthorizationCode", r"\d{6}"),  # 40
    ("ScreenType", r"FULL|IFRAME"),  # 41
    ("BlikUIDKey", r".{1,64}"),  # 42
    ("BlikUIDLabel", r".{1,20}"),  # 43
    ("BlikAMKey", r".{1,64}"),  # 44
    ("ReturnURL", r"https?://\S{1,990}"),  # 45
    ("TransactionSettlementMode", r"COMMON|NONE"),  # 46
    ("PaymentToken", r"[A-Za-z0-9+/=]{1,100000}"),  # 47
    ("WalletType", r".{1,32}"),  # 54
    ("RecurringValidityTime", r".{1,19}"),  # 55
    ("ServiceURL", r".{1,100}"),  # 56
    ("MCC", r"\d{1,4}"),  # 57
    ("BlikPPLabel", r".{1,35}"),  # 58
    ("BlikPPRefuseNotSupported", r".{1,5}"),  # 59
    ("ReceiverNameForFront", r".{1,64}"),  # 60
    ("AccountHolderName", r".{1,64}"),  # 61
    ("UserAgent", r".{1,1000}"),  # 62
)
START_REQUIRED = ("ServiceID", "OrderID", "Amount", "CustomerEmail")
STATUS_FIELDS = (("ServiceID", r"\d{1,10}"), ("OrderID", r"[A-Za-z0-9_-]{1,32}"))
CANCEL_FIELDS = (
    ("ServiceID", r"\d{1,10}"),
    ("MessageID", r"[A-Za-z0-9]{32}"),
    ("RemoteID", r"[A-Za-z0-9]{1,20}"),
    ("OrderID", r"[A-Za-z0-9_-]{1,32}"),
)
REFUND_FIELDS = (
    ("ServiceID", r"\d{1,10}"),
    ("MessageID", r"[A-Za-z0-9]{32}"),
    ("RemoteID", r"[A-Za-z0-9]{1,20}"),
    ("Amount", r"\d{1,14}\.\d{2}"),
    ("Currency", r"PLN|EUR|GBP|USD"),
)
OUT_DETAILS_FIELDS = (
    ("serviceId", r"\d{1,10}"),
    ("messageId", r"[A-Za-z0-9]{32}"),
    ("method", r"TRANSACTION_REFUND|PRODUCT_REFUND|BALANCE_PAYOFF"),
)
GATEWAY_LIST_FIELDS = (
    ("ServiceID", r"\d{1,10}"),
    ("MessageID", r"[A-Za-z0-9]{32}"),
    ("Currencies", r"[A-Z]{3}(,[A-Z]{3})*"),
    ("Language", r"[A-Z]{2}"),
)

FieldTable = tuple[tuple[str, str], ...]


class Refusal(Exception):
    """A message that the protocol does not accept: the error shape's number, name and description."""

    def __init__(self, status_code: int, name: str, description: str) -> None:
        super().__init__(name)
        self.status_code = status_code
        self.name = name
        self.description = description


def invalid_format(description: str) -> Refusal:
    return Refusal(2, "INVALID_FORMAT", description)


def read_signed(
    fields: Mapping[str, str],
    table: FieldTable,
    required: Iterable[str],
    services: Mapping[str, Service],
) -> Service:
    """The service whose key signed these fields, or a Refusal.

    Unknown fields are refused: a field outside the table could not take part in the hash.
    """
    patterns = dict(table)
    for name, value in fields.items():
        if name in ("Hash", "hash"):
            continue
        if name not in patterns:
            raise invalid_format(f"unknown field {name}")
        if value != "" and not re.fullmatch(patterns[name], value, re.ASCII):
            raise invalid_format(f"field {name} has a wrong format")
    if missing := [name for name in required if not fields.get(name)]:
        raise invalid_format(f"missing field {', '.join(missing)}")
    service = services.get(fields.get("ServiceID") or fields.get("serviceId", ""))
    if service is None:
        raise Refusal(-3, "SERVICE_NOT_FOUND", "no such service")
    received = fields.get("Hash") or fields.get("hash", "")
    if not service.signed_by((fields.get(name, "") for name, _ in table), received):
        raise Refusal(7, "INVALID_HASH", "the hash does not fit the message")
    return service


def parse_local_time(written: str) -> datetime:
    """``YYYY-MM-DD hh:mm:ss``; documented as "CET", read as Warsaw time all the year."""
    try:
        local = datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo(WARSAW))
    except ValueError:
        raise invalid_format("no such date") from None
    return local.astimezone(UTC)


def compact_local_time(moment: datetime) -> str:
    """``YYYYMMDDhhmmss`` in Warsaw time, as in notifications."""
    return moment.astimezone(ZoneInfo(WARSAW)).strftime("%Y%m%d%H%M%S")


def shown_local_time(moment: datetime) -> str:
    """Day and minute in Warsaw time, for people."""
    return moment.astimezone(ZoneInfo(WARSAW)).strftime("%Y-%m-%d %H:%M")
