"""Refunds after their order: the ways they go, and the notifications (ISTN) that tell of them."""

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from xml.etree.ElementTree import Element, ParseError

import pytest
from aiohttp import web
from defusedxml.ElementTree import fromstring as read_xml

from invoicing.sandbox.autopay.refunds import STEP_SECONDS, WAYS, RefundStatus
from tests.contract.sandbox.stage import MESSAGE_ID, PATIENCE, Shop, digest, fits, open_shop


class Accounts:
    """A shop's ISTN address; confirms unless its script says otherwise."""

    def __init__(self) -> None:
        self.script: deque[str] = deque()
        self.garbage = 0
        self._arrived: asyncio.Queue[Element] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.Response:
        form = await request.post()
        behaviour = self.script.popleft() if self.script else "CONFIRMED"
        try:
            root = read_xml(base64.b64decode(str(form["transactions"]), validate=True))
        except (ValueError, ParseError):
            self.garbage += 1
            return web.Response(status=400)
        self._arrived.put_nowait(root)
        if behaviour == "500":
            return web.Response(status=500)
        out_id = root.findtext("transactions/transaction/remoteOutID") or ""
        verdict = "NOTCONFIRMED" if behaviour == "NOTCONFIRMED" or not fits(root) else "CONFIRMED"
        name = "orderID" if behaviour == "as an ITN" else "remoteOutID"
        return web.Response(
            content_type="application/xml",
            text=f"<confirmationList><serviceID>2</serviceID><transactionsConfirmations><transactionConfirmed>"
            f"<{name}>{out_id}</{name}><confirmation>{verdict}</confirmation></transactionConfirmed>"
            f"</transactionsConfirmations><hash>{digest('2', out_id, verdict)}</hash></confirmationList>",
        )

    async def next(self) -> Element:
        return await asyncio.wait_for(self._arrived.get(), PATIENCE)

    def nothing_more(self) -> bool:
        return self._arrived.empty()


@asynccontextmanager
async def accounting() -> AsyncIterator[tuple[Shop, Accounts]]:
    accounts = Accounts()
    app = web.Application()
    app.add_routes([web.post("/istn", accounts.handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with open_shop(istn_url=f"http://127.0.0.1:{runner.addresses[0][1]}/istn") as shop:
            yield shop, accounts
    finally:
        await runner.cleanup()


async def refunded(shop: Shop, amount: str = "23.00", reason: str | None = None) -> str:
    """A paid transaction whose refund is queued; its remoteID."""
    remote_id = (await shop.start("case-1-1")).findtext("remoteID") or ""
    await shop.act("case-1-1", "pay")
    await shop.itns.next()
    if reason is not None:
        await shop.fault("refund", "refuse", reason=reason)
    assert (await shop.refund(remote_id, amount=amount))[0] == 200
    return remote_id


async def step(shop: Shop) -> float:
    """Let the refund's next pause end; how long it was."""
    pause = await shop.clock.next_pause()
    pause.over.set()
    return pause.seconds


def of(root: Element, name: str) -> str:
    return root.findtext(f"transactions/transaction/{name}") or ""


async def test_a_refund_is_told_pending_and_then_done_and_names_its_transfer() -> None:
    async with accounting() as (shop, accounts):
        remote_id = await refunded(shop)
        await step(shop)
        pending = await accounts.next()
        await step(shop)
        done = await accounts.next()
        told = await shop.refund_status()

        assert fits(pending)
        assert fits(done)
        assert [of(root, "transferStatus") for root in (pending, done)] == ["PENDING", "SUCCESS"]
        assert [of(root, "transferDate") for root in (pending, done)] == ["", "20261122100000"]
        for root in (pending, done):
            assert (of(root, "isRefund"), of(root, "remoteID")) == ("true", remote_id)
            assert (of(root, "amount"), of(root, "currency")) == ("23.00", "PLN")
            assert root.find("transactions/transaction/paymentStatus") is None
        assert of(done, "remoteOutID") == of(pending, "remoteOutID") == told["remoteOutId"]
        assert accounts.nothing_more()


async def test_the_transfer_is_not_named_before_the_money_has_left() -> None:
    async with accounting() as (shop, _):
        await refunded(shop)
        assert (await shop.refund_status())["remoteOutId"] is None
        await step(shop)
        assert (await shop.refund_status())["remoteOutId"] is None


@pytest.mark.parametrize("behaviour", ["500", "NOTCONFIRMED", "as an ITN"])
async def test_what_is_not_confirmed_is_repeated_on_the_schedule(behaviour: str) -> None:
    async with accounting() as (shop, accounts):
        accounts.script.append(behaviour)
        await refunded(shop)
        await step(shop)
        first = await accounts.next()
        pauses = [await shop.clock.next_pause(), await shop.clock.next_pause()]
        repeat = next(pause for pause in pauses if pause.seconds == 180)
        repeat.over.set()
        again = await accounts.next()

        assert of(first, "transferStatus") == of(again, "transferStatus") == "PENDING"
        istns = (await shop.ledger("case-1-1"))["refunds"][0]["istns"]
        assert istns[0]["answer"] in {"http_error", "not_confirmed", "bad_answer"}


async def test_a_status_that_was_overtaken_is_not_repeated() -> None:
    async with accounting() as (shop, accounts):
        accounts.script.append("500")
        await refunded(shop)
        await step(shop)
        await accounts.next()
        pauses = {pause.seconds: pause for pause in (await shop.clock.next_pause(), await shop.clock.next_pause())}
        pauses[STEP_SECONDS].over.set()
        assert of(await accounts.next(), "transferStatus") == "SUCCESS"
        pauses[180.0].over.set()
        await shop.start("case-2-1")

        istns = (await shop.ledger("case-1-1"))["refunds"][0]["istns"]
        assert [istn["status"] for istn in istns] == ["PENDING", "SUCCESS"]


async def test_notifications_can_be_lost_and_altered_on_their_way() -> None:
    async with accounting() as (shop, accounts):
        for fault in ("drop_before", "garbage"):
            await shop.fault("istn", fault)
        await shop.fault("istn", "bad_hash")
        await refunded(shop)
        await step(shop)
        for _ in range(3):
            pauses = [await shop.clock.next_pause()]
            if pauses[0].seconds != 180:
                pauses.append(await shop.clock.next_pause())
            next(pause for pause in pauses if pause.seconds == 180).over.set()
        altered, true = await accounts.next(), await accounts.next()

        assert (accounts.garbage, fits(altered), fits(true)) == (1, False, True)
        assert (await shop.control("POST", "/faults", {"operation": "istn", "fault": "http_500"}))[0] == 400


async def test_without_an_address_nothing_is_told(shop: Shop) -> None:
    await refunded(shop)
    await step(shop)
    await step(shop)
    while (await shop.refund_status())["status"] != "DONE":
        pass
    assert (await shop.ledger("case-1-1"))["refunds"][0]["istns"] == []


@pytest.mark.parametrize("end", [end for end in WAYS if end is not RefundStatus.DONE])
async def test_a_refund_goes_its_whole_way_to_a_failure(end: RefundStatus) -> None:
    async with accounting() as (shop, accounts):
        await refunded(shop, reason=end.value)
        seen, pauses = [(await shop.refund_status())["status"]], []
        while seen[-1] != end:
            pauses.append(await step(shop))
            seen.append((await shop.refund_status())["status"])
            assert len(seen) < 10
        failed = await accounts.next()

        assert seen == list(WAYS[end])
        assert pauses[0] == STEP_SECONDS
        assert pauses[1:] == ([1800.0] if end is RefundStatus.CANCELED_NO_FUNDS_ON_BALANCE else [])
        assert of(failed, "transferStatus") == "FAILURE"
        assert (await shop.refund_status())["hash"] == digest("2", MESSAGE_ID, end.value)
