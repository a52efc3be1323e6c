"""The HTTP side of the wFirma stand-in: addresses, formats, the gate, and the place where faults strike.

Source: wFirma API v2, general chapter. A refusal is HTTP 200 with the verdict in the body; some users have seen 401
with AUTH, which the option ``auth_status`` gives.
"""

from aiohttp import web

from invoicing.sandbox.connections import dropped
from invoicing.sandbox.switches import Switch
from invoicing.sandbox.wfirma import faults
from invoicing.sandbox.wfirma.accounts import Refusal, company_of, refusal
from invoicing.sandbox.wfirma.actions import (
    ACTIONS,
    METHODS,
    WITHOUT_COMPANY,
    WRITES,
    Action,
    Call,
)
from invoicing.sandbox.wfirma.aiming import refused_field, subject
from invoicing.sandbox.wfirma.books import Document
from invoicing.sandbox.wfirma.control import Control
from invoicing.sandbox.wfirma.desk import WfirmaDesk
from invoicing.sandbox.wfirma.envelope import Format, NotUnderstood, Reply, Tree, read, write
from invoicing.sandbox.wfirma.faults import CODES, INSTEAD, Fault
from invoicing.sandbox.wfirma.listing import Listing

MEDIA_TYPES = {Format.JSON: "application/json", Format.XML: "application/xml"}
LARGEST = 4 * 1024 * 1024


class Counter:
    """Takes every call of the API."""

    def __init__(self, desk: WfirmaDesk) -> None:
        self._desk = desk

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Read, count, let faults strike, work, answer."""
        desk = self._desk
        module, action = request.match_info["module"], request.match_info["action"]
        operation = f"{module}/{action}"
        spelling = _format(request.query.get("inputFormat"), Format.XML)
        out = _format(request.query.get("outputFormat"), spelling)
        body = await request.read()
        desk.requests[operation] += 1
        try:
            tree = read(body, spelling)
        except NotUnderstood as bad:
            return self._spelled(Reply("INPUT ERROR", message=str(bad)), out)
        asked = request.match_info.get("id", "")
        about = subject(operation, tree, self._document(asked))
        switch = desk.switches.take(operation, about) or desk.switches.take(faults.ANY, about)
        if switch is not None and switch.fault in INSTEAD:
            return await faults.instead(switch, request, desk.closing)
        if switch is not None and switch.fault in CODES:
            return self._spelled(Reply(CODES[switch.fault]), out)
        if switch is not None and switch.fault == Fault.LATE_COMMIT:
            desk.later(self._late(request, operation, tree, switch))
            return dropped(request)
        answer = self._spelled(self._reply(request, operation, tree, switch), out)
        if switch is None:
            return answer
        if switch.fault == Fault.FATAL_AFTER_COMMIT:
            return self._spelled(Reply("FATAL"), out)
        return await faults.spoiled(switch, answer, request, desk.closing)

    def _reply(self, request: web.Request, operation: str, tree: Tree, switch: Switch | None) -> Reply:
        try:
            call, action = self._admitted(request, operation, tree, switch)
            if switch is not None and switch.fault == Fault.VALIDATION:
                module = operation.partition("/")[0]
                return refused_field(module, call.one(module), switch.reason or "name")
            return action(call)
        except Refusal as refused:
            return refused.reply
        except NotUnderstood as bad:
            return Reply("INPUT ERROR", message=str(bad))

    def _admitted(self, request: web.Request, operation: str, tree: Tree, switch: Switch | None) -> tuple[Call, Action]:
        """The call after keys, rights, address and company were found in order. Raises `Refusal`."""
        desk = self._desk
        account = desk.gate.account(request.headers, desk.clock.now())
        action, verb = ACTIONS.get(operation), operation.partition("/")[2]
        if action is None or request.method not in METHODS.get(verb, ("POST",)):
            raise refusal("ACTION NOT FOUND")
        if account.read_only and verb in WRITES:
            raise refusal("ACCESS DENIED")
        named = request.query.get("company_id", "")
        company = account.companies[0] if operation in WITHOUT_COMPANY else company_of(account, named)
        books = desk.books_of(company)
        return Call(books, account, tree, request.match_info.get("id", ""), switch), action

    async def _late(self, request: web.Request, operation: str, tree: Tree, switch: Switch) -> None:
        await self._desk.clock.sleep(switch.seconds or 0.0)
        self._reply(request, operation, tree, None)

    def _document(self, asked: str) -> Document | None:
        return next((document for _, document in self._desk.documents() if asked and document.id == asked), None)

    def _spelled(self, reply: Reply, out: Format) -> web.Response:
        if reply.content is not None:
            return web.Response(body=reply.content, content_type="application/pdf")
        status = self._desk.auth_status if reply.code == "AUTH" else 200
        return web.Response(body=write(reply, out), content_type=MEDIA_TYPES[out], charset="utf-8", status=status)


def _format(written: str | None, default: Format) -> Format:
    return Format(written) if written in set(Format) else default


def application(desk: WfirmaDesk) -> web.Application:
    """The whole stand-in: API, control calls and the page of issued documents."""
    counter = Counter(desk)
    app = web.Application(client_max_size=LARGEST)
    app.add_routes([*Control(desk).routes(), *Listing(desk).routes()])
    for path in ("/{module}/{action}", "/{module}/{action}/{id}"):
        app.router.add_route("*", path, counter.answer)
    return app
