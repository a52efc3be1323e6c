"""Every fault switch of the gateway stand-in: what the caller sees, and what was accepted behind it."""

import asyncio

import aiohttp
import pytest

from tests.contract.sandbox.stage import MESSAGE_ID, Shop, digest, fits, open_shop

CONTINUE = "pay-bm-continue-transaction-url"


async def started(shop: Shop, order_id: str = "case-1-1") -> int:
    """Transactions of an order, as the gateway itself lists them."""
    return len((await shop.status(order_id)).findall("transactions/transaction"))


@pytest.mark.parametrize(("fault", "accepted"), [("drop_before", 0), ("drop_after_accept", 1)])
async def test_a_dropped_start_leaves_no_answer_with_and_without_a_transaction(
    shop: Shop, fault: str, accepted: int
) -> None:
    await shop.fault("start", fault)

    with pytest.raises(aiohttp.ClientConnectionError):
        await shop.post("/payment", shop.start_fields("case-1-1"), CONTINUE)

    assert await started(shop) == accepted
    assert (await shop.ledger("case-1-1"))["requests"]["start"] == 1


@pytest.mark.parametrize(
    ("fault", "status", "accepted"),
    [("http_500", 500, 0), ("http_500_after_accept", 500, 1), ("http_429", 429, 0), ("maintenance", 503, 0)],
)
async def test_http_errors_come_before_or_after_acceptance(shop: Shop, fault: str, status: int, accepted: int) -> None:
    await shop.fault("start", fault)

    seen, _ = await shop.post("/payment", shop.start_fields("case-1-1"), CONTINUE)

    assert seen == status
    assert await started(shop) == accepted


async def test_a_hanging_start_accepts_nothing_and_ends_with_the_stand_in(shop: Shop) -> None:
    await shop.fault("start", "hang")
    asking = asyncio.create_task(shop.post("/payment", shop.start_fields("case-1-1"), CONTINUE))
    await shop.until_asked("start")

    assert not asking.done()
    assert await started(shop) == 0
    shop.running.autopay.notifier.closing.set()
    with pytest.raises(aiohttp.ClientConnectionError):
        await asking


async def test_garbage_and_a_bad_hash_hide_a_transaction_that_exists(shop: Shop) -> None:
    await shop.fault("start", "garbage", times=1)
    _, garbage = await shop.post("/payment", shop.start_fields("case-1-1"), CONTINUE)
    await shop.fault("start", "bad_hash")
    spoiled = await shop.start("case-2-1")

    assert not garbage.endswith("</transaction>")
    assert not fits(spoiled)
    assert len(spoiled.findtext("hash") or "") == 64
    assert (await started(shop), await started(shop, "case-2-1")) == (1, 1)


async def test_a_refused_start_names_the_reason_and_orders_nothing(shop: Shop) -> None:
    await shop.fault("start", "refuse", reason="BANK_TEMPORARY_MAINTENANCE")

    answer = await shop.start("case-1-1")

    assert answer.findtext("confirmation") == "NOTCONFIRMED"
    assert answer.findtext("reason") == "BANK_TEMPORARY_MAINTENANCE"
    assert await started(shop) == 0


async def test_a_fault_meets_only_its_orders_and_only_so_many_times(shop: Shop) -> None:
    await shop.fault("start", "http_500", times=2, order_prefix="case-1")

    async def start(order_id: str) -> int:
        return (await shop.post("/payment", shop.start_fields(order_id), CONTINUE))[0]

    assert [await start("case-2-1"), await start("case-1-1"), await start("case-1-2")] == [200, 500, 500]
    assert await start("case-1-3") == 200
    assert (await shop.control("GET", "/faults"))[1] == []


async def test_faults_can_be_cleared(shop: Shop) -> None:
    await shop.fault("start", "http_500", times=100)

    status, _ = await shop.control("DELETE", "/faults")

    assert status == 204
    assert (await shop.start("case-1-1")).findtext("status") == "PENDING"


async def test_a_lost_answer_to_a_cancel_is_found_cancelled_and_can_be_asked_again(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.fault("cancel", "drop_after_accept")

    with pytest.raises(aiohttp.ClientConnectionError):
        await shop.cancel("case-1-1")

    assert await shop.attempts("case-1-1") == [("FAILURE", "CANCELLED")]
    assert (await shop.cancel("case-1-1")).findtext("confirmation") == "CONFIRMED"


async def test_a_refused_cancel_leaves_the_transaction_open(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.fault("cancel", "refuse")

    answer = await shop.cancel("case-1-1")

    assert (answer.findtext("confirmation"), answer.findtext("reason")) == ("NOTCONFIRMED", "OTHER_ERROR")
    assert fits(answer)
    assert await shop.attempts("case-1-1") == [("PENDING", None)]


async def test_a_status_question_can_stay_without_a_usable_answer(shop: Shop) -> None:
    await shop.start("case-1-1")
    fields = {"ServiceID": "2", "OrderID": "case-1-1", "Hash": digest("2", "case-1-1")}
    for fault in ("http_500", "garbage", "refuse"):
        await shop.fault("status", fault)

    seen = [await shop.post("/webapi/transactionStatus", fields, "pay-bm") for _ in range(4)]

    assert [status for status, _ in seen] == [500, 200, 406, 200]
    assert "</transactionList>" not in seen[1][1]
    assert "<error>" in seen[2][1]


async def test_a_lost_answer_to_a_refund_executes_it_once(shop: Shop) -> None:
    remote_id = (await shop.start("case-1-1")).findtext("remoteID") or ""
    await shop.act("case-1-1", "pay")
    await shop.fault("refund", "drop_after_accept")

    with pytest.raises(aiohttp.ClientConnectionError):
        await shop.refund(remote_id, amount="23.00")
    again, _ = await shop.refund(remote_id, amount="23.00")

    refunds = (await shop.ledger("case-1-1"))["refunds"]
    assert again == 200
    assert [(item["amount"], item["times_asked"]) for item in refunds] == [("23.00", 2)]


async def test_a_refund_is_refused_at_once_or_fails_later(shop: Shop) -> None:
    remote_id = (await shop.start("case-1-1")).findtext("remoteID") or ""
    await shop.act("case-1-1", "pay")
    await shop.fault("refund", "refuse", reason="BALANCE_DISABLED")
    await shop.fault("refund", "refuse", reason="CANCELED_NO_FUNDS_ON_BALANCE")

    at_once = await shop.refund(remote_id)
    later = await shop.refund(remote_id)
    for _ in range(2):
        (await shop.clock.next_pause()).over.set()

    assert (at_once[0], "BALANCE_DISABLED" in at_once[1]) == (406, True)
    assert later[0] == 200
    assert (await shop.refund_status())["status"] == "CANCELED_NO_FUNDS_ON_BALANCE"
    assert (await shop.refund(remote_id, "f" * 32))[0] == 200


async def test_refund_progress_can_arrive_with_a_bad_hash(shop: Shop) -> None:
    remote_id = (await shop.start("case-1-1")).findtext("remoteID") or ""
    await shop.act("case-1-1", "pay")
    await shop.refund(remote_id)
    await shop.fault("out_details", "bad_hash")

    told = await shop.refund_status()

    assert told["status"] == "NEW"
    assert told["hash"] != digest("2", MESSAGE_ID, "NEW")
    assert (await shop.refund_status())["hash"] == digest("2", MESSAGE_ID, "NEW")


async def test_an_itn_whose_answer_is_lost_comes_again(shop: Shop) -> None:
    await shop.fault("itn", "drop_after_accept")
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pay")

    first = await shop.itns.next()
    (await shop.clock.next_pause()).over.set()
    second = await shop.itns.next()

    assert first.text("remoteID") == second.text("remoteID")
    assert first.genuine
    assert second.genuine


async def test_an_itn_lost_or_spoiled_on_its_way_is_repeated_whole(shop: Shop) -> None:
    for fault in ("drop_before", "garbage", "bad_hash"):
        await shop.fault("itn", fault, order_prefix="case-1")
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pay")

    (await shop.clock.next_pause()).over.set()
    (await shop.clock.next_pause()).over.set()
    spoiled = await shop.itns.next()
    (await shop.clock.next_pause()).over.set()
    whole = await shop.itns.next()

    assert (shop.itns.garbage, spoiled.genuine, whole.genuine) == (1, False, True)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"operation": "start"}, "fault must be"),
        ({"operation": "begin", "fault": "hang"}, "operation must be"),
        ({"operation": "start", "fault": "explode"}, "fault must be"),
        ({"operation": "itn", "fault": "http_500"}, "an itn can have"),
        ({"operation": "gateway_list", "fault": "refuse"}, "channel list"),
        ({"operation": "start", "fault": "hang", "times": 0}, "times must be"),
        ({"operation": "start", "fault": "hang", "seconds": -1}, "seconds must be"),
        ({"operation": "start", "fault": "refuse", "reason": "<b>"}, "reason must be"),
        ({"operation": "start", "fault": "hang", "order": "x"}, "unknown field"),
        (["start"], "JSON object"),
    ],
    ids=str,
)
async def test_a_switch_that_is_not_understood_is_refused_with_the_reason(shop: Shop, body: object, word: str) -> None:
    status, told = await shop.control("POST", "/faults", body)

    assert status == 400
    assert word in told["error"]
    assert (await shop.control("GET", "/faults"))[1] == []


async def test_a_stand_in_with_a_held_line_stops_at_once() -> None:
    async with open_shop() as shop:
        await shop.fault("start", "hang", seconds=86_400)
        asking = asyncio.create_task(shop.post("/payment", shop.start_fields("case-1-1"), CONTINUE))
        await shop.until_asked("start")
        url = shop.running.autopay_url

    with pytest.raises(aiohttp.ClientConnectionError):
        await asking
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)
