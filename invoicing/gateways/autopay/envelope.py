"""What all of Autopay's notifications have in common: how they are packed, proved, taken apart and answered.

Guarantee: no meaning is read before the hash over all leaves fits; only the service id is looked at, to know whose key
proves it. The hash signs values and not names, so the fields that a reader relies on must be the first ones, in the
manual's order and each in its own alphabet. Nothing of a message is echoed but ids in their alphabet. Source: Autopay
online gateway manual, "itn", "istn", "hashing".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from invoicing.errors import BadNotification
from invoicing.gateways.autopay.document import Document, Node, parse
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices
from invoicing.gateways.autopay.signing import SEPARATOR, is_signed, sign
from invoicing.gateways.autopay.wire import ORDER_ID, REMOTE_ID

LONGEST = 32 * 1024
"""Characters of an encoded message; real ones have two to four thousand."""


class UnprovenNotification(BadNotification):
    """A message that is not believed. The ids are set only when the signed NOTCONFIRMED answer may echo them."""

    def __init__(
        self,
        message: str,
        *,
        service_id: str | None = None,
        order_id: str | None = None,
        remote_out_id: str | None = None,
        proved: bool = False,
    ) -> None:
        super().__init__("notification_rejected", message)
        self.service_id = service_id
        self.order_id = order_id
        self.remote_out_id = remote_out_id
        self.proved = proved


@dataclass(frozen=True, slots=True)
class Opened:
    """An unpacked message of one of our services; `proved` says whether its hash fits."""

    service: AutopayService
    document: Document
    proved: bool

    def id_to_echo(self, name: str, alphabet: re.Pattern[str]) -> str | None:
        """An id of the one transaction, when it is in its alphabet. Also for messages that are not proved."""
        found = self.document.root.all("transaction")
        told = found[0].only(name) if len(found) == 1 else None
        return told if told and alphabet.fullmatch(told) else None

    def not_believed(self) -> UnprovenNotification:
        """The error for this message, with the ids that a signed answer may echo, whatever kind it is of."""
        return UnprovenNotification(
            "the meaning is unclear" if self.proved else "the hash does not fit",
            service_id=self.service.service_id,
            order_id=self.id_to_echo("orderID", ORDER_ID),
            remote_out_id=self.id_to_echo("remoteOutID", REMOTE_ID),
            proved=self.proved,
        )

    def transaction(self) -> Node | None:
        """The one transaction of a message that has the manual's outline."""
        root = self.document.root
        if root.name != "transactionList" or [child.name for child in root.children] != ["serviceID", "transactions"]:
            return None
        inner = root.children[1].children
        return inner[0] if len(inner) == 1 and inner[0].name == "transaction" else None


def opened(services: AutopayServices, encoded: str) -> Opened:
    """Unpack the form field. Raises `UnprovenNotification` for what is no document, or names no service of ours."""
    document = parse(_decoded(encoded), LONGEST)
    if document is None:
        raise UnprovenNotification("the message is not a document that may be read")
    service = services.find(document.root.only("serviceID") or "")
    if service is None:
        raise UnprovenNotification("the message names no service of ours")
    proved = document.hash is not None and is_signed(service, document.values(), document.hash)
    return Opened(service, document, proved)


def _decoded(encoded: str) -> bytes:
    if len(encoded) > LONGEST:
        raise UnprovenNotification("the message is too large")
    # A sender that does not escape "+" in a form has it arrive as a space; line breaks are part of Base64 in mail.
    whole = encoded.replace("\r", "").replace("\n", "").replace(" ", "+")
    try:
        return base64.b64decode(whole, validate=True)
    except (binascii.Error, ValueError):
        raise UnprovenNotification("the message is not Base64") from None


def leading(
    transaction: Node, fields: Mapping[str, re.Pattern[str]], optional: Collection[str]
) -> dict[str, str] | None:
    """Values of the leading fields, or None when they are not exactly those, each once and in its alphabet."""
    present = [child for child in transaction.children if child.children or child.text.strip()]
    names = [name for name in fields if name not in optional or any(child.name == name for child in present)]
    first = present[: len(names)]
    if [child.name for child in first] != names or any(child.children for child in first):
        return None
    if any(child.name in fields for child in present[len(names) :]):
        return None
    values = {child.name: child.text for child in first}
    return values if all(fields[name].fullmatch(value) for name, value in values.items()) else None


def confirmation(services: AutopayServices, service_id: str, name: str, value: str, *, confirmed: bool) -> bytes:
    """The signed answer, with the id byte for byte. Raises `UnprovenNotification` when none can be signed."""
    service = services.find(service_id)
    if service is None:
        raise UnprovenNotification("no answer can be signed for this service")
    if not value or not value.isprintable() or SEPARATOR in value:
        raise UnprovenNotification("no answer can be signed for this id", service_id=service_id)
    verdict = "CONFIRMED" if confirmed else "NOTCONFIRMED"
    signature = sign(service, (service_id, value, verdict))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<confirmationList><serviceID>{service_id}</serviceID><transactionsConfirmations><transactionConfirmed>"
        f"<{name}>{escape(value)}</{name}><confirmation>{verdict}</confirmation>"
        f"</transactionConfirmed></transactionsConfirmations><hash>{signature}</hash></confirmationList>"
    ).encode()
