"""Builds signed Autopay documents for tests from the protocol's rules, without the gateway's own signing code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from xml.sax.saxutils import escape

KEY = "2test2"
Fields = Sequence[tuple[str, str]]

SUCCESS: Fields = (
    ("orderID", "case-2026-0001"),
    ("remoteID", "96VSD39Z7F"),
    ("amount", "123.00"),
    ("currency", "PLN"),
    ("gatewayID", "106"),
    ("paymentDate", "20260115120700"),
    ("paymentStatus", "SUCCESS"),
    ("paymentStatusDetails", "AUTHORIZED"),
)
TRANSFER: Fields = (
    ("isRefund", "true"),
    ("orderID", "case-2026-0001"),
    ("remoteID", "96VSD39Z7F"),
    ("remoteOutID", "ZWTR_6063048773"),
    ("amount", "23.00"),
    ("currency", "PLN"),
    ("transferDate", "20260115120700"),
    ("transferStatus", "SUCCESS"),
    ("transferStatusDetails", "CONFIRMED"),
)
CUSTOMER: Fields = (
    ("fName", "Jan"),
    ("lName", "Kowalski"),
    ("streetName", "Jasna"),
    ("streetHouseNo", "6"),
    ("streetStaircaseNo", "A"),
    ("streetPremiseNo", "3"),
    ("postalCode", "10-234"),
    ("city", "Warszawa"),
    ("nrb", "26105014451000002276470461"),
)


def changed(fields: Fields, **values: str) -> Fields:
    """The same fields with some other texts; an empty one is left in as an empty element."""
    return tuple((name, values.get(name, text)) for name, text in fields)


def without(fields: Fields, *names: str) -> Fields:
    """The same fields less some."""
    return tuple((name, text) for name, text in fields if name not in names)


def signature(values: Sequence[str], key: str = KEY) -> str:
    """SHA-256 over the non-empty values and the key."""
    return hashlib.sha256("|".join([*(value for value in values if value), key]).encode()).hexdigest()


def elements(fields: Fields) -> str:
    """The fields as XML elements."""
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields)


def signed(root: str, fields: Fields, key: str = KEY) -> str:
    """A flat signed answer."""
    told = signature([text for _, text in fields], key)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<{root}>{elements(fields)}<hash>{told}</hash></{root}>"


def transaction_list(
    *transactions: Fields, customer: Fields = (), key: str = KEY, service_id: str = "2", told: str | None = None
) -> str:
    """An ITN document or a status answer."""
    values = [service_id]
    inner = ""
    for fields in transactions:
        values += [text for _, text in (*fields, *customer)]
        data = f"<customerData>{elements(customer)}</customerData>" if customer else ""
        inner += f"<transaction>\n    {elements(fields)}{data}</transaction>"
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<transactionList>\n'
        f"    <serviceID>{service_id}</serviceID>\n    <transactions>\n{inner}\n    </transactions>\n"
        f"    <hash>\n{told or signature(values, key)}\n</hash>\n</transactionList>\n"
    )


def encoded(document: str) -> str:
    """The form field of a notification."""
    return base64.b64encode(document.encode()).decode()
