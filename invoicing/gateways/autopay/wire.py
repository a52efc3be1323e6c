"""Autopay's requests and answers: field orders, alphabets, times, and what each answer says.

Guarantee: a request carries exactly the fields it hashes, in the manual's order; an answer is a value only after its
hash was verified (the error document is never signed) and None whenever it cannot be believed. Source: Autopay online
gateway manual, "start parameters", "pretransaction", "transaction-status", "cancel-transaction", "errors".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from invoicing.domain.money import HIGHEST, amount_text
from invoicing.domain.payments import Transaction, TransactionStatus
from invoicing.errors import InternalFault, Refused
from invoicing.gateways.autopay.document import ANSWER_LIMIT, Document, Node, parse
from invoicing.gateways.autopay.registry import AutopayService
from invoicing.gateways.autopay.signing import is_signed, sign
from invoicing.ports import OpenPayment

ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
REMOTE_ID = re.compile(r"[A-Za-z0-9_-]{1,20}")
AMOUNT = re.compile(r"[0-9]{1,14}(\.[0-9]{1,2})?")
CURRENCY = re.compile(r"[A-Z]{3}")
WORD = re.compile(r"[A-Z0-9_]{1,100}")
"""Reasons and details: the gateway's own words, safe to store and to show."""

START_ORDER = tuple(
    """ServiceID OrderID Amount Description GatewayID Currency CustomerEmail Language CustomerIP Title Products
    CustomerPhone ValidityTime CustomerNumber InvoiceNumber CompanyName Nip Regon VerificationFName VerificationLName
    VerificationStreet VerificationStreetHouseNo VerificationStreetStaircaseNo VerificationStreetPremiseNo
    VerificationPostalCode VerificationCity VerificationNRB LinkValidityTime RecurringAcceptanceState RecurringAction
    ClientHash AuthorizationCode ScreenType BlikUIDKey BlikUIDLabel BlikAMKey ReturnURL TransactionSettlementMode
    PaymentToken WalletType RecurringValidityTime ServiceURL MCC BlikPPLabel BlikPPRefuseNotSupported
    ReceiverNameForFront AccountHolderName UserAgent""".split()
)
STATUS_ORDER = ("ServiceID", "OrderID")
CANCEL_ORDER = ("ServiceID", "MessageID", "RemoteID", "OrderID")
RETURN_ORDER = ("ServiceID", "OrderID")

_WARSAW = "Europe/Warsaw"
_LANGUAGES = {"pl": "PL", "en": "EN", "fr": "FR"}
_NOT_DECOMPOSED = str.maketrans("łŁøØđĐ", "lLoOdD") | {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}


def signed_form(service: AutopayService, order: tuple[str, ...], values: Mapping[str, str]) -> dict[str, str]:
    """The non-empty fields in hash order, and their hash."""
    if unknown := set(values) - set(order):
        raise InternalFault("internal", f"not fields of this request: {', '.join(sorted(unknown))}")
    form = {name: values[name] for name in order if values.get(name)}
    return {**form, "Hash": sign(service, form.values())}


def start_form(service: AutopayService, payment: OpenPayment) -> dict[str, str]:
    """Fields of a pretransaction. Raises `InternalFault` for what no earlier check may let through."""
    if payment.currency != service.currency or payment.service_id != service.service_id:
        raise InternalFault("internal", "the payment is not of this service")
    demand_order_id(payment.order_id)
    amount = payment.amount
    if not (amount.is_finite() and 0 < amount <= HIGHEST and amount == Decimal(amount_text(amount, payment.currency))):
        raise InternalFault("internal", "the amount cannot be written for the gateway")
    if not 3 <= len(payment.customer_email) <= 255:
        raise Refused("payment_refused", "INVALID_EMAIL")
    until = payment.valid_until.astimezone(ZoneInfo(_WARSAW)).strftime("%Y-%m-%d %H:%M:%S")
    return signed_form(
        service,
        START_ORDER,
        {
            "ServiceID": service.service_id,
            "OrderID": payment.order_id,
            "Amount": amount_text(amount, payment.currency),
            "Description": description(payment.description),
            "Currency": payment.currency,
            "CustomerEmail": payment.customer_email,
            "Language": gateway_language(payment.language),
            "ValidityTime": until,
            "LinkValidityTime": until,  # money is awaited as long as the link is alive, and no longer
            "ReturnURL": payment.return_url,
        },
    )


def gateway_language(language: str) -> str:
    """Ours if the gateway has it, else English."""
    return _LANGUAGES.get(language.lower(), "EN")


def demand_order_id(order_id: str) -> None:
    """Ids are ours, so a wrong one is our fault."""
    if not ORDER_ID.fullmatch(order_id):
        raise InternalFault("internal", "the order id is not in the gateway's alphabet")


def description(text: str) -> str:
    """At most 79 Latin letters, digits, `. : - ,` and spaces; other letters lose their marks, the rest its place."""
    plain = unicodedata.normalize("NFKD", text.translate(_NOT_DECOMPOSED))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return " ".join(re.sub(r"[^A-Za-z0-9.:,-]+", " ", plain).split())[:79].rstrip()


def moment(written: str | None) -> datetime | None:
    """`YYYYMMDDhhmmss`, documented as CET and sent as Warsaw time; informative, so an odd one is no fault."""
    if written is None or not re.fullmatch("[0-9]{14}", written):
        return None
    try:
        local = datetime.strptime(written, "%Y%m%d%H%M%S").replace(tzinfo=ZoneInfo(_WARSAW))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def word(text: str | None) -> str | None:
    """One of the gateway's words, or None for anything that only looks like one."""
    return text if text is not None and WORD.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Continued:
    """The transaction exists and the payer goes on at this address."""

    remote_id: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A signed yes or no without an address; `reason` is the gateway's word."""

    confirmed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """The unsigned error shape."""

    name: str


def error_of(document: Document) -> ErrorDocument | None:
    """The error that an unsigned document names."""
    if document.root.name == "error" and (name := word(document.root.only("name"))):
        return ErrorDocument(name)
    return None


def is_believed(service: AutopayService, document: Document) -> bool:
    """Whether the service's hash is over the whole document."""
    return document.hash is not None and is_signed(service, document.values(), document.hash)


def read_start(service: AutopayService, order_id: str, body: bytes) -> Continued | Decided | ErrorDocument | None:
    """The answer to a pretransaction."""
    document = parse(body, ANSWER_LIMIT)
    if document is None:
        return None
    for node in document.root.children:
        if node.name == "redirecturl":
            node.text = node.text.strip()  # the manual's own samples break the line inside it
    root = document.root
    if not is_believed(service, document):
        return error_of(document)
    if root.name != "transaction" or root.only("orderID") != order_id:
        return None
    if verdict := root.only("confirmation"):
        if verdict not in {"CONFIRMED", "NOTCONFIRMED"}:
            return None
        return Decided(verdict == "CONFIRMED", word(root.only("reason")) or "UNNAMED")
    remote_id, address = root.only("remoteID"), root.only("redirecturl")
    if root.only("status") != "PENDING" or not remote_id or not REMOTE_ID.fullmatch(remote_id):
        return None
    # Browsers are sent there: never "javascript:", and never plain http from a gateway that is reached by https.
    schemes = "https" if service.base_url.startswith("https:") else "https?"
    if not address or not re.fullmatch(rf"{schemes}://[\x21-\x7e]{{1,1990}}", address):
        return None
    return Continued(remote_id, address)


def read_status(
    service: AutopayService, order_id: str, body: bytes
) -> tuple[Transaction, ...] | Decided | ErrorDocument | None:
    """The answer to `transactionStatus`: all transactions of the order, or why it is not told."""
    document = parse(body, ANSWER_LIMIT)
    if document is None:
        return None
    if not is_believed(service, document):
        return error_of(document) or _limit(document)
    if document.root.only("serviceID") != service.service_id:
        return None
    found = tuple(_transaction(node, order_id) for node in document.root.all("transaction"))
    told = tuple(transaction for transaction in found if transaction is not None)
    return told if len(told) == len(found) else None


def _limit(document: Document) -> Decided | None:
    """`<transaction><reason>…` without a hash: the order has more transactions than the gateway tells."""
    reason = word(document.root.only("reason"))
    return Decided(False, reason) if document.root.name == "transaction" and reason else None


def _transaction(node: Node, order_id: str) -> Transaction | None:
    remote_id, amount, currency = node.only("remoteID"), node.only("amount"), node.only("currency")
    status = word(node.only("paymentStatus"))
    if node.only("orderID") not in {order_id, None} or status is None:
        return None
    if not (remote_id and REMOTE_ID.fullmatch(remote_id) and amount and AMOUNT.fullmatch(amount)):
        return None
    if not (currency and CURRENCY.fullmatch(currency)):
        return None
    known = status in set(TransactionStatus)
    return Transaction(
        order_id=order_id,
        remote_id=remote_id,
        amount=Decimal(amount),
        currency=currency,
        # A status outside our contract (ON_HOLD) is neither paid nor failed: the attempt goes on waiting.
        status=TransactionStatus(status) if known else TransactionStatus.PENDING,
        details=word(node.only("paymentStatusDetails")) if known else status,
        paid_at=moment(node.only("paymentDate")),
    )


def read_cancel(service: AutopayService, message_id: str, body: bytes) -> Decided | ErrorDocument | None:
    """The answer to `transactionCancel`."""
    document = parse(body, ANSWER_LIMIT)
    if document is None:
        return None
    if not is_believed(service, document):
        return error_of(document)
    root = document.root
    ours = root.only("serviceID") == service.service_id and root.only("messageID") == message_id
    verdict = root.only("confirmation")
    if not ours or verdict not in {"CONFIRMED", "NOTCONFIRMED"}:
        return None
    return Decided(verdict == "CONFIRMED", word(root.only("reason")) or "UNNAMED")
