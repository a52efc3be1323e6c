"""What the tests of the stand-ins have in common: a clock to hold, an ITN receiver, a client. Written from the
protocol anew, so that the stand-in's own hash function does not judge itself."""

import asyncio
import base64
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import aiohttp
from aiohttp import web
from defusedxml.ElementTree import fromstring as read_xml

from invoicing.sandbox.autopay.desk import AutopayOptions
from invoicing.sandbox.autopay.protocol import HashKind, Service
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox

KEY = "sandbox-test-key"
PLN = Service("2", KEY)
EUR = Service("3", "sandbox-euro-key", "EUR", HashKind.SHA512)
MESSAGE_ID = "0123456789abcdef0123456789abcdef"
PATIENCE = 10.0


def digest(*values: str, key: str = KEY, kind: str = "sha256") -> str:
    return hashlib.new(kind, "|".join([*values, key]).encode()).hexdigest()


def leaf_texts(element: ElementTree.Element) -> list[str]:
    """Texts of all leaves except the hash, in document order."""
    found = [item.text or "" for item in element.iter() if len(item) == 0 and item.tag != "hash"]
    return [text for text in found if text]


def fits(root: ElementTree.Element, key: str = KEY, kind: str = "sha256") -> bool:
    return root.findtext("hash") == digest(*leaf_texts(root), key=key, kind=kind)


@dataclass
class Pause:
    """A wait of the protocol that a test ends when it likes."""

    seconds: float
    over: asyncio.Event = field(default_factory=asyncio.Event)


class HeldClock:
    """Time stands still until a test moves it; every protocol pause waits for its release."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []
        self.pauses: asyncio.Queue[Pause] = asyncio.Queue()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            due = asyncio.Event()
            self._sleepers.append((self._now + timedelta(seconds=seconds), due))
            await due.wait()

    async def pause(self, seconds: float) -> None:
        pause = Pause(seconds)
        self.pauses.put_nowait(pause)
        await pause.over.wait()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        for due, event in self._sleepers:
            if due <= self._now:
                event.set()
        self._sleepers = [(due, event) for due, event in self._sleepers if due > self._now]

    async def next_pause(self) -> Pause:
        return await asyncio.wait_for(self.pauses.get(), PATIENCE)


@dataclass
class Itn:
    """One received notification."""

    root: ElementTree.Element
    genuine: bool

    def text(self, name: str) -> str:
        return self.root.findtext(f"transactions/transaction/{name}") or ""


class Receiver:
    """A shop's ITN address that answers as scripted, CONFIRMED when the script is empty."""

    def __init__(self) -> None:
        self.script: deque[str] = deque()
        self.garbage = 0
        self.followed = 0
        self.gate = asyncio.Event()
        self._arrived: asyncio.Queue[Itn] = asyncio.Queue()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        form = await request.post()
        behaviour = self.script.popleft() if self.script else "CONFIRMED"
        try:
            root = read_xml(base64.b64decode(str(form["transactions"]), validate=True))
        except (ValueError, ElementTree.ParseError):
            self.garbage += 1
            return web.Response(text="not XML", status=400)
        itn = Itn(root, fits(root) or fits(root, EUR.shared_key, "sha512"))
        self._arrived.put_nowait(itn)
        if behaviour == "wait":
            await self.gate.wait()
        if behaviour == "500":
            return web.Response(status=500)
        if behaviour == "redirect":
            return web.Response(status=302, headers={"Location": self.url})
        return web.Response(text=self._confirmation(itn, behaviour), content_type="application/xml")

    async def follow(self, request: web.Request) -> web.Response:
        self.followed += 1
        return web.Response()

    def _confirmation(self, itn: Itn, behaviour: str) -> str:
        service_id, order_id = itn.root.findtext("serviceID") or "", itn.text("orderID")
        verdict = "NOTCONFIRMED" if behaviour == "NOTCONFIRMED" or not itn.genuine else "CONFIRMED"
        key, kind = (EUR.shared_key, "sha512") if service_id == EUR.service_id else (KEY, "sha256")
        hash_of = digest(service_id, order_id, verdict, key=key, kind=kind)
        if behaviour == "bad_hash":
            hash_of = digest(service_id, order_id, verdict, key="another key")
        if behaviour == "other_order":
            order_id = "other"
        return (
            f"<confirmationList><serviceID>{service_id}</serviceID><transactionsConfirmations>"
            f"<transactionConfirmed><orderID><![CDATA[{order_id}]]></orderID>"
            f"<confirmation>{verdict}</confirmation></transactionConfirmed></transactionsConfirmations>"
            f"<hash>{hash_of}</hash></confirmationList>"
        )

    async def next(self) -> Itn:
        return await asyncio.wait_for(self._arrived.get(), PATIENCE)

    def nothing_more(self) -> bool:
        return self._arrived.empty()


class Shop:
    """A client of the stand-in that signs on its own."""

    def __init__(self, running: RunningSandbox, clock: HeldClock, receiver: Receiver) -> None:
        self.running = running
        self.clock = clock
        self.itns = receiver
        self.session: aiohttp.ClientSession

    async def post(self, path: str, fields: dict[str, str], header: str | None = None) -> tuple[int, str]:
        headers = {"BmHeader": header} if header else {}
        url = self.running.autopay_url + path
        async with self.session.post(url, data=fields, headers=headers, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()

    def start_fields(self, order_id: str, **other: str) -> dict[str, str]:
        """Fields in hash order: the ones that tests change sit at their numbered places."""
        fields = {
            "ServiceID": "2",
            "OrderID": order_id,
            "Amount": "123.00",
            "Description": f"Konsultacja {order_id}",
            "GatewayID": "",
            "Currency": "PLN",
            "CustomerEmail": "anna@example.com",
            "Language": "PL",
            "CustomerIP": "127.0.0.1",
            "ValidityTime": "2026-11-25 10:00:00",
            "LinkValidityTime": "",
            "ReturnURL": "https://example.com/return?lang=pl",
        }
        assert set(other) <= set(fields), "a field outside this order would be signed at a wrong place"
        fields.update(other)
        fields["Hash"] = digest(*(value for value in fields.values() if value))
        return fields

    async def start(self, order_id: str, **other: str) -> ElementTree.Element:
        fields = self.start_fields(order_id, **other)
        _, body = await self.post("/payment", fields, "pay-bm-continue-transaction-url")
        return read_xml(body)

    async def status(self, order_id: str) -> ElementTree.Element:
        fields = {"ServiceID": "2", "OrderID": order_id, "Hash": digest("2", order_id)}
        _, body = await self.post("/webapi/transactionStatus", fields, "pay-bm")
        return read_xml(body)

    async def cancel(self, order_id: str, message_id: str = MESSAGE_ID) -> ElementTree.Element:
        fields = {"ServiceID": "2", "MessageID": message_id, "OrderID": order_id}
        fields["Hash"] = digest(*fields.values())
        _, body = await self.post("/webapi/transactionCancel", fields, "pay-bm")
        return read_xml(body)

    async def refund(self, remote_id: str, message_id: str = MESSAGE_ID, amount: str = "") -> tuple[int, str]:
        fields = {"ServiceID": "2", "MessageID": message_id, "RemoteID": remote_id, "Amount": amount}
        fields["Hash"] = digest(*(value for value in fields.values() if value))
        return await self.post("/settlementapi/transactionRefund", fields)

    async def refund_status(self, message_id: str = MESSAGE_ID) -> dict[str, Any]:
        fields = {"serviceId": 2, "messageId": message_id, "method": "TRANSACTION_REFUND"}
        body = {**fields, "hash": digest("2", message_id, "TRANSACTION_REFUND")}
        url = self.running.autopay_url + "/settlementapi/outDetails/v2"
        async with self.session.post(url, json=body) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def control(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        url = f"{self.running.autopay_url}/_sandbox{path}"
        async with self.session.request(method, url, json=body) as answer:
            return answer.status, None if answer.status == 204 else await answer.json()

    async def act(self, order_id: str, action: str, itn: str = "send", **other: object) -> tuple[int, Any]:
        body = {"action": action, "itn": itn, **other}
        return await self.control("POST", f"/orders/{order_id}/act", body)

    async def fault(self, operation: str, fault: str, **other: object) -> None:
        status, told = await self.control("POST", "/faults", {"operation": operation, "fault": fault, **other})
        assert status == 201, told

    async def until_asked(self, operation: str) -> None:
        """Wait until the stand-in has counted a request that is not answered yet."""
        while operation not in (await self.control("GET", "/ledger"))[1]["requests"]:
            pass

    async def ledger(self, order_id: str) -> Any:
        return (await self.control("GET", f"/ledger/{order_id}"))[1]

    async def attempts(self, order_id: str) -> list[tuple[str, str | None]]:
        return [(item["status"], item["details"]) for item in (await self.ledger(order_id))["transactions"]]


@asynccontextmanager
async def open_shop(**options: Any) -> AsyncIterator[Shop]:
    """A running stand-in with a receiver and a client, on free ports."""
    receiver, clock = Receiver(), HeldClock()
    app = web.Application()
    app.add_routes([web.post("/itn", receiver.handle), web.get("/itn", receiver.follow)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/itn"
    made = {"port": 0, "services": (PLN, EUR), "itn_url": receiver.url, **options}
    whole = SandboxOptions(autopay=AutopayOptions(**made), mail=MailOptions(smtp_port=0, mailbox_port=0))
    try:
        async with sandbox(whole, clock) as running, aiohttp.ClientSession() as session:
            shop = Shop(running, clock, receiver)
            shop.session = session
            yield shop
    finally:
        await runner.cleanup()
