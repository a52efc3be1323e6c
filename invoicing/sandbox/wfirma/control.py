"""Control calls for tests and the demo: faults, accounts, HTTP status of AUTH, and the ledger. Loopback only."""

from typing import Any

from aiohttp import web

from invoicing.sandbox import switches
from invoicing.sandbox.fault_calls import FaultCalls, told
from invoicing.sandbox.switches import BadSwitch
from invoicing.sandbox.wfirma import faults
from invoicing.sandbox.wfirma.accounts import Account, Company
from invoicing.sandbox.wfirma.books import Books, Document
from invoicing.sandbox.wfirma.desk import WfirmaDesk


def read_account(body: object) -> Account:
    """An account from JSON: keys, ``read_only``, and companies of id, name, nip, vat_payer, ksef_seconds."""
    fields = switches.known_fields(body, {"access_key", "secret_key", "read_only", "companies"})
    listed = fields.get("companies", [{}])
    if not isinstance(listed, list) or not listed:
        raise BadSwitch("companies must be a list of at least one")
    return Account(
        access_key=switches.text(fields, "access_key"),
        secret_key=switches.text(fields, "secret_key"),
        companies=tuple(_company(item) for item in listed),
        read_only=_flag(fields, "read_only", False),
    )


def _company(body: object) -> Company:
    fields = switches.known_fields(body, {"id", "name", "nip", "vat_payer", "ksef_seconds"})
    usual = Company()
    return Company(
        id=switches.text(fields, "id", usual.id),
        name=switches.text(fields, "name", usual.name),
        nip=switches.text(fields, "nip", usual.nip),
        vat_payer=_flag(fields, "vat_payer", usual.vat_payer),
        ksef_seconds=switches.seconds(fields, "ksef_seconds"),
    )


def _flag(fields: Any, name: str, default: bool) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise BadSwitch(f"{name} must be true or false")
    return value


class Control:
    """The ``/_sandbox`` calls of the wFirma stand-in."""

    def __init__(self, desk: WfirmaDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            *FaultCalls(self._desk.switches, faults.read_switch).routes(),
            web.post("/_sandbox/accounts", told(self.add_account)),
            web.post("/_sandbox/behaviour", told(self.behave)),
            web.get("/_sandbox/ledger", self.ledger),
        ]

    async def add_account(self, request: web.Request) -> web.Response:
        account = read_account(switches.read_json(await request.text()))
        self._desk.gate.add(account)
        return web.json_response({"access_key": account.access_key}, status=201)

    async def behave(self, request: web.Request) -> web.Response:
        """Which HTTP status goes with AUTH."""
        fields = switches.known_fields(switches.read_json(await request.text()), {"auth_status"})
        if (status := fields.get("auth_status")) not in (200, 401):
            raise BadSwitch("auth_status must be 200 or 401")
        self._desk.auth_status = int(status)
        return web.json_response({"auth_status": self._desk.auth_status})

    async def ledger(self, request: web.Request) -> web.Response:
        return web.json_response(ledger_json(self._desk))


def ledger_json(desk: WfirmaDesk) -> dict[str, Any]:
    """What was issued and what was asked, without personal data."""
    return {
        "invoices": [_invoice(books, document) for books, document in desk.documents()],
        "deleted": [_invoice(books, document) for books in desk.all_books() for document in books.deleted],
        "contractors": sum(len(books.contractors) for books in desk.all_books()),
        "requests": dict(sorted(desk.requests.items())),
    }


def _invoice(books: Books, document: Document) -> dict[str, Any]:
    shown = books.shown(document)
    told = ("id", "type", "fullnumber", "id_external", "date", "total", "currency", "paymentstate", "corrections")
    return {
        **{name: shown[name] for name in told},
        "company_id": books.company.id,
        "contractor_id": str(shown["contractor"]["id"]),
        "parent_id": str(shown["parent"]["id"]),
        "created_at": document.created_at.isoformat(),
    }
