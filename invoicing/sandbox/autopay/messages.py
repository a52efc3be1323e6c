"""Autopay's XML messages: the answers, the ITN document, and the reading of the receiver's confirmation.

Guarantee: the hash of every message is taken from the very tree that is sent, over all non-empty leaf texts in
document order, which equals the numbered order of the manual. Source: manual, "pretransaction", "itn",
"transaction-status", "cancel-transaction", "refunds", "errors".
"""

import base64
from collections.abc import Iterator
from enum import StrEnum
from xml.etree import ElementTree  # builds only; whatever comes from outside is parsed by defusedxml

from defusedxml import ElementTree as SafeElementTree
from defusedxml.common import DefusedXmlException

from invoicing.sandbox.autopay.protocol import Service

Node = tuple[str, "str | list[Node]"]


class Answer(StrEnum):
    """What became of one ITN, as the sender sees it."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"
    BAD_ANSWER = "bad_answer"
    HTTP_ERROR = "http_error"
    NO_ANSWER = "no_answer"
    NO_ADDRESS = "no_address"
    WITHHELD = "withheld"


def leaves(nodes: list[Node]) -> Iterator[str]:
    """Leaf texts, depth first."""
    for _, content in nodes:
        if isinstance(content, str):
            yield content
        else:
            yield from leaves(content)


def _element(name: str, content: "str | list[Node]") -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(content, str):
        element.text = content
    else:
        element.extend(_element(child, inner) for child, inner in content)
    return element


def render(root: str, nodes: list[Node]) -> str:
    element = _element(root, nodes)
    ElementTree.indent(element, "    ")
    body = ElementTree.tostring(element, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{body}\n'


def render_signed(root: str, nodes: list[Node], service: Service) -> str:
    return render(root, [*nodes, ("hash", service.sign(leaves(nodes)))])


def continue_answer(service: Service, redirect_url: str, order_id: str, remote_id: str) -> str:
    nodes: list[Node] = [
        ("status", "PENDING"),
        ("redirecturl", redirect_url),
        ("orderID", order_id),
        ("remoteID", remote_id),
    ]
    return render_signed("transaction", nodes, service)


def no_continuation(service: Service, order_id: str, reason: str) -> str:
    nodes: list[Node] = [("orderID", order_id), ("confirmation", "NOTCONFIRMED"), ("reason", reason)]
    return render_signed("transaction", nodes, service)


def error(status_code: int, name: str, description: str) -> str:
    nodes: list[Node] = [("statusCode", str(status_code)), ("name", name), ("description", description)]
    return render("error", nodes)


def transaction_list(service: Service, transactions: list[list[Node]]) -> str:
    """ITN document and status answer have the same shape; an unknown order is a signed empty list."""
    nodes: list[Node] = [
        ("serviceID", service.service_id),
        ("transactions", [("transaction", fields) for fields in transactions]),
    ]
    return render_signed("transactionList", nodes, service)


def too_many_transactions() -> str:
    reason = "LIMIT_REQUESTED_TRANSACTIONS_WITH_THE_SAME_ORDER_ID_AND_SERVICE_ID_EXCEEDED"
    return render("transaction", [("reason", reason), ("description", "")])


def cancel_answer(service: Service, message_id: str, confirmed: bool, reason: str) -> str:
    nodes: list[Node] = [
        ("serviceID", service.service_id),
        ("messageID", message_id),
        ("confirmation", "CONFIRMED" if confirmed else "NOTCONFIRMED"),
        ("reason", reason),
    ]
    return render_signed("transaction", nodes, service)


def refund_answer(service: Service, message_id: str) -> str:
    nodes: list[Node] = [("serviceID", service.service_id), ("messageID", message_id)]
    return render_signed("transactionRefund", nodes, service)


def itn_form_field(document: str) -> str:
    return base64.b64encode(document.encode()).decode()


def read_confirmation(service: Service, value: str, body: bytes, name: str = "orderID") -> Answer:
    """The verdict about this orderID (or remoteOutID); anything that is not whole and signed is BAD_ANSWER."""
    try:
        root = SafeElementTree.fromstring(body, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError):
        return Answer.BAD_ANSWER

    def text(path: str) -> str:
        return (root.findtext(path) or "").strip()

    inner = "transactionsConfirmations/transactionConfirmed/"
    values = [text("serviceID"), text(inner + name), text(inner + "confirmation")]
    whole = root.tag == "confirmationList" and values[:2] == [service.service_id, value]
    if not whole or not service.signed_by(values, text("hash")):
        return Answer.BAD_ANSWER
    verdicts = {"CONFIRMED": Answer.CONFIRMED, "NOTCONFIRMED": Answer.NOT_CONFIRMED}
    return verdicts.get(values[2], Answer.BAD_ANSWER)
