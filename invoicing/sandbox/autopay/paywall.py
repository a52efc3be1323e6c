"""The page on which a person pays, refuses or makes trouble, with plain form buttons.

Source: manual, "pretransaction" (continuation link) and "customer-redirect": the customer returns by GET with
ServiceID, OrderID and Hash, which say nothing about the payment.
"""

import hmac
from html import escape
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from aiohttp import web

from invoicing.sandbox.autopay.desk import DELAY_SECONDS, Action, Desk
from invoicing.sandbox.autopay.ledger import Status, Transaction
from invoicing.sandbox.autopay.notifier import ItnMode
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
}
TEXTS = {
    "pl": {
        "title": "Bramka płatności (atrapa)",
        "note": "To atrapa bramki. Nikt tu nie płaci prawdziwymi pieniędzmi.",
        "amount": "Kwota",
        "order": "Zamówienie",
        "description": "Opis",
        "number": "Numer transakcji",
        "usual": "Zwykłe zachowanie klienta",
        "trouble": "Kłopoty z powiadomieniem (klient płaci)",
        "pay": "Zapłać",
        "refuse": "Bank odmawia",
        "cancel": "Anuluj i wróć do sklepu",
        "leave": "Odejdź bez powrotu",
        "pending": "Zleć przelew, bank jeszcze czeka",
        "pay_twice": "Zapłać dwa razy",
        "delay_itn": f"Opóźnij powiadomienie o {DELAY_SECONDS:.0f} s",
        "drop_itn": "Zgub powiadomienie",
        "itn_five_times": "Wyślij powiadomienie pięć razy",
        "itn_altered": "Wyślij powiadomienie zmienione po drodze",
        "dead": "Ten link jest nieaktywny",
        "state": "Stan transakcji",
        "back": "Wróć do sklepu",
        "left": "Klient odszedł",
        "left_note": "Transakcja pozostaje otwarta; link działa dalej:",
        "done": "Gotowe",
        "no_return": "Nie podano adresu powrotu do sklepu.",
    },
    "en": {
        "title": "Payment gateway (stand-in)",
        "note": "This is a stand-in. Nobody pays with real money here.",
        "amount": "Amount",
        "order": "Order",
        "description": "Description",
        "number": "Transaction",
        "usual": "What payers usually do",
        "trouble": "Trouble with the notification (the payer pays)",
        "pay": "Pay",
        "refuse": "The bank refuses",
        "cancel": "Cancel and return to the shop",
        "leave": "Leave and never return",
        "pending": "Order a transfer, the bank still waits",
        "pay_twice": "Pay twice",
        "delay_itn": f"Delay the notification by {DELAY_SECONDS:.0f} s",
        "drop_itn": "Lose the notification",
        "itn_five_times": "Send the notification five times",
        "itn_altered": "Send the notification altered on its way",
        "dead": "This link is dead",
        "state": "State of the transaction",
        "back": "Return to the shop",
        "left": "The payer left",
        "left_note": "The transaction stays open; the link still works:",
        "done": "Done",
        "no_return": "No address to return to was given.",
    },
}
USUAL = ("pay", "refuse", "cancel", "leave", "pending")
TROUBLE = ("pay_twice", "delay_itn", "drop_itn", "itn_five_times", "itn_altered")


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
            body = f'<p>{escape(texts["left_note"])}</p><p><a href="{link}">{link}</a></p>'
            return html_page(texts["left"], body, _language(item))
        if (target := return_address(item, self._desk.options.return_url)) is None:
            return html_page(texts["done"], f"<p>{escape(texts['no_return'])}</p>", _language(item))
        raise web.HTTPSeeOther(target)

    def _page(self, item: Transaction) -> web.Response:
        texts = _texts(item)
        about = rows(
            [
                (texts["amount"], f"{item.amount} {item.service.currency}"),
                (texts["order"], item.order_id),
                (texts["description"], item.description or "-"),
                (texts["number"], item.remote_id),
            ]
        )

        def buttons(names: tuple[str, ...]) -> str:
            return "".join(
                f'<button name="choice" value="{name}"{main if name == "pay" else ""}>{escape(texts[name])}</button>'
                for name in names
            )

        main = ' class="main"'
        body = (
            f'<p class="note">{escape(texts["note"])}</p>{about}<form method="post">'
            f'<h2>{escape(texts["usual"])}</h2><div class="buttons">{buttons(USUAL)}</div>'
            f'<h2>{escape(texts["trouble"])}</h2><div class="buttons">{buttons(TROUBLE)}</div></form>'
        )
        return html_page(texts["title"], body, _language(item))

    def _dead(self, item: Transaction) -> web.Response:
        texts = _texts(item)
        state = item.status.value + (f" / {item.details}" if item.details else "")
        body = rows([(texts["order"], item.order_id), (texts["state"], state)])
        target = return_address(item, self._desk.options.return_url)
        if target is not None and item.status is not Status.PENDING:
            body += f'<p><a href="{escape(target)}">{escape(texts["back"])}</a></p>'
        return html_page(texts["dead"], body, _language(item), status=410)


def _language(item: Transaction) -> str:
    """Polish for Polish payers, English for all others."""
    return "pl" if item.language == "PL" else "en"


def _texts(item: Transaction) -> dict[str, str]:
    return TEXTS[_language(item)]
