"""The page on which a person pays, refuses or makes trouble: a form of plain buttons, each with a line on what it does.

Source: manual, "pretransaction" (continuation link) and "customer-redirect": the customer returns by GET with
ServiceID, OrderID and Hash, which say nothing about the payment.
"""

import hmac
from html import escape
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from aiohttp import web

from invoicing.sandbox.autopay.desk import Action, Desk
from invoicing.sandbox.autopay.ledger import Status, Transaction
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.autopay.paywall_texts import BUTTONS, PHRASES, TROUBLE, USUAL, shown_amount
from invoicing.sandbox.autopay.protocol import shown_local_time
from invoicing.sandbox.page import html_page, rows

CHOICES = {
    "pay": (Action.PAY, ItnMode.SEND),
    "refuse": (Action.REFUSE, ItnMode.SEND),
    "cancel": (Action.CANCEL, ItnMode.SEND),
    "leave": (Action.LEAVE, ItnMode.SEND),
    "pending": (Action.PENDING, ItnMode.SEND),
    "pay_twice": (Action.PAY_TWICE, ItnMode.SEND),
    "delay_itn": (Action.PAY, ItnMode.DELAY),
    "drop_itn": (Action.PAY, ItnMode.DROP),
    "itn_five_times": (Action.PAY, ItnMode.FIVE_TIMES),
    "itn_altered": (Action.PAY, ItnMode.ALTERED),
    "wrong_amount": (Action.WRONG_AMOUNT, ItnMode.SEND),
}

MAIN = ' class="main"'


def return_address(item: Transaction, fixed: str | None) -> str | None:
    """ReturnURL, or the fixed address of the service, with the three signed parameters."""
    target = item.return_url or fixed
    if target is None:
        return None
    service = item.service
    signed = {
        "ServiceID": service.service_id,
        "OrderID": item.order_id,
        "Hash": service.sign([service.service_id, item.order_id]),
    }
    parts = urlsplit(target)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(signed)]))))


class Paywall:
    """Shows the page and carries out its buttons."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        path = "/payment/continue/{remote}/{token}"
        return [web.get(path, self.show), web.post(path, self.choose)]

    def _find(self, request: web.Request) -> Transaction:
        self._desk.expire_due()
        item = self._desk.ledger.by_remote.get(request.match_info["remote"])
        token = request.match_info["token"]
        if item is None or not hmac.compare_digest(item.token.encode(), token.encode()):
            raise web.HTTPNotFound(text="unknown link")
        return item

    def _alive(self, item: Transaction) -> bool:
        burnt = (item.service.service_id, item.order_id) in self._desk.ledger.burnt
        return item.open and not burnt and self._desk.clock.now() < item.link_valid_until

    async def show(self, request: web.Request) -> web.Response:
        item = self._find(request)
        self._desk.ledger.count("paywall", item.order_id)
        return self._page(item) if self._alive(item) else self._dead(item)

    async def choose(self, request: web.Request) -> web.Response:
        item = self._find(request)
        if not self._alive(item):
            return self._dead(item)
        choice = (await request.post()).get("choice")
        if not isinstance(choice, str) or choice not in CHOICES:
            raise web.HTTPBadRequest(text="unknown choice")
        action, itn = CHOICES[choice]
        self._desk.perform(item, action, itn)
        texts = _texts(item)
        if action is Action.LEAVE:
            link = quote(self._desk.link(item), safe=":/")
            again = f'<a class="button" href="{link}">{escape(texts["again"])}</a>'
            return html_page(texts["left"], f"<p>{escape(texts['left_note'])}</p><p>{again}</p>", _language(item))
        if (target := return_address(item, self._desk.options.return_url)) is None:
            return html_page(texts["done"], f"<p>{escape(texts['no_return'])}</p>", _language(item))
        raise web.HTTPSeeOther(target)

    def _page(self, item: Transaction) -> web.Response:
        texts = _texts(item)
        body = (
            f'<p class="note">{escape(texts["stand_in"])}</p>{_summary(item)}'
            f'<form method="post">{_choices(item, "usual", USUAL)}{_choices(item, "trouble", TROUBLE)}</form>'
        )
        return html_page(texts["title"], body, _language(item))

    def _dead(self, item: Transaction) -> web.Response:
        texts = _texts(item)
        state = texts[item.status.value] + (f" ({item.details})" if item.details else "")
        body = rows(
            [
                (texts["sum"], shown_amount(item.amount, item.service.currency, _language(item))),
                (texts["order"], item.order_id),
                (texts["state"], state),
            ]
        )
        target = return_address(item, self._desk.options.return_url)
        if target is not None and item.status is not Status.PENDING:
            body += f'<p><a class="button" href="{escape(target)}">{escape(texts["back"])}</a></p>'
        return html_page(texts["dead"], body, _language(item), status=410)


def _summary(item: Transaction) -> str:
    """What is paid for, the amount first."""
    texts = _texts(item)
    amount = shown_amount(item.amount, item.service.currency, _language(item))
    facts = (
        (texts["order"], item.order_id),
        (texts["description"], item.description or "-"),
        (texts["number"], item.remote_id),
        (texts["valid"], shown_local_time(item.valid_until)),
    )
    told = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return (
        f'<div class="sum"><p>{escape(texts["amount"])}</p><p class="amount">{escape(amount)}</p><dl>{told}</dl></div>'
    )


def _choices(item: Transaction, heading: str, names: tuple[str, ...]) -> str:
    """A group of buttons; each is described by the line beside it."""
    buttons = BUTTONS[_language(item)]
    lines = "".join(
        f'<div class="choice"><button name="choice" value="{name}" aria-describedby="why-{name}"'
        f"{MAIN if name == 'pay' else ''}>{escape(buttons[name].name)}</button>"
        f'<p id="why-{name}">{escape(buttons[name].why)}</p></div>'
        for name in names
    )
    return f"<fieldset><legend>{escape(_texts(item)[heading])}</legend>{lines}</fieldset>"


def _language(item: Transaction) -> str:
    """Polish for Polish payers, English for all others."""
    return "pl" if item.language == "PL" else "en"


def _texts(item: Transaction) -> dict[str, str]:
    return PHRASES[_language(item)]
