"""From start to confirmed notification, as a shop sees it."""

from urllib.parse import parse_qs, urlsplit

import pytest
from defusedxml.ElementTree import fromstring as read_xml

from tests.contract.sandbox.stage import EUR, MESSAGE_ID, Shop, digest, fits, open_shop

CONTINUE = "pay-bm-continue-transaction-url"


async def test_a_pretransaction_answers_with_a_signed_link_to_the_paywall(shop: Shop) -> None:
    answer = await shop.start("case-1-1")

    remote_id = answer.findtext("remoteID") or ""
    assert answer.tag == "transaction"
    assert [item.tag for item in answer] == ["status", "redirecturl", "orderID", "remoteID", "hash"]
    assert (answer.findtext("status"), answer.findtext("orderID")) == ("PENDING", "case-1-1")
    assert (answer.findtext("redirecturl") or "").startswith(
        f"{shop.running.autopay_url}/payment/continue/{remote_id}/"
    )
    assert fits(answer)


async def test_the_same_start_twice_makes_two_transactions(shop: Shop) -> None:
    first, second = await shop.start("case-1-1"), await shop.start("case-1-1")

    assert first.findtext("remoteID") != second.findtext("remoteID")
    assert (await shop.ledger("case-1-1"))["starts"] == 2
    assert len((await shop.status("case-1-1")).findall("transactions/transaction")) == 2


async def test_a_browser_form_is_sent_on_to_the_paywall(shop: Shop) -> None:
    status, location = await shop.post("/payment", shop.start_fields("case-1-1"))

    assert status == 303
    assert location.startswith(f"{shop.running.autopay_url}/payment/continue/")


async def test_a_browser_form_with_a_wrong_hash_stops_without_a_way_back(shop: Shop) -> None:
    fields = shop.start_fields("case-1-1") | {"Hash": digest("something else")}

    status, body = await shop.post("/payment", fields)

    assert status == 400
    assert "INVALID_HASH" in body
    assert "example.com" not in body


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"Amount": "1.00"}, "INVALID_HASH"),
        ({"Hash": ""}, "INVALID_HASH"),
        ({"Amount": "1,00"}, "INVALID_FORMAT"),
        ({"OrderID": "zażółć"}, "INVALID_FORMAT"),
        ({"Description": "a/b"}, "INVALID_FORMAT"),
        ({"CustomerEmail": ""}, "INVALID_FORMAT"),
        ({"NoSuchField": "1"}, "INVALID_FORMAT"),
        ({"ServiceID": "9"}, "SERVICE_NOT_FOUND"),
    ],
    ids=str,
)
async def test_a_wrong_start_is_an_xml_error_and_orders_nothing(shop: Shop, change: dict[str, str], name: str) -> None:
    fields = shop.start_fields("case-1-1") | change

    status, body = await shop.post("/payment", fields, CONTINUE)

    root = read_xml(body)
    assert (status, root.tag, root.findtext("name")) == (406, "error", name)
    assert shop.running.autopay.ledger.by_remote == {}


async def test_a_background_start_is_honestly_refused(shop: Shop) -> None:
    status, body = await shop.post("/payment", shop.start_fields("case-1-1"), "pay-bm")

    assert status == 406
    assert "background starts are not offered" in body


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"CustomerEmail": "nobody"}, "INVALID_EMAIL"),
        ({"Amount": "0.00"}, "INSUFFICIENT_START_AMOUNT"),
        ({"Amount": "100000.01"}, "START_AMOUNT_OUT_OF_RANGE"),
        ({"GatewayID": "7"}, "PAYWAY_NOT_FOUND"),
        ({"ValidityTime": "2026-11-22 09:59:59"}, "TRANSACTION_VALIDITY_TIME_OUTDATED"),
        ({"LinkValidityTime": "2026-11-22 09:59:59"}, "LINK_VALIDITY_TIME_OUTDATED"),
    ],
    ids=str,
)
async def test_a_start_that_cannot_be_accepted_is_not_confirmed_with_a_signed_reason(
    shop: Shop, change: dict[str, str], reason: str
) -> None:
    answer = await shop.start("case-1-1", **change)

    assert (answer.findtext("confirmation"), answer.findtext("reason")) == ("NOTCONFIRMED", reason)
    assert fits(answer)
    assert shop.running.autopay.ledger.by_remote == {}


async def test_a_payment_is_announced_with_customer_data_and_confirmed_once(shop: Shop) -> None:
    remote_id = (await shop.start("case-1-1")).findtext("remoteID")

    await shop.act("case-1-1", "pay")

    itn = await shop.itns.next()
    assert itn.genuine
    assert (itn.text("remoteID"), itn.text("paymentStatus"), itn.text("paymentStatusDetails")) == (
        remote_id,
        "SUCCESS",
        "AUTHORIZED",
    )
    assert (itn.text("amount"), itn.text("currency"), itn.text("gatewayID")) == ("123.00", "PLN", "106")
    assert itn.text("paymentDate") == "20261122100000"
    assert itn.text("customerData/lName") == "Przykładowa"
    listed = (await shop.status("case-1-1")).find("transactions/transaction")
    assert listed is not None
    assert (listed.findtext("paymentStatus"), listed.findtext("remoteID")) == ("SUCCESS", remote_id)
    assert shop.itns.nothing_more()


async def test_an_itn_is_repeated_on_the_schedule_until_it_is_confirmed(shop: Shop) -> None:
    shop.itns.script.extend(["NOTCONFIRMED", "500", "bad_hash", "other_order", "redirect"])
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pay")

    for _ in range(5):
        await shop.itns.next()
        pause = await shop.clock.next_pause()
        assert pause.seconds == 180
        pause.over.set()
    await shop.itns.next()
    pending = await shop.start("case-2-1")

    ledger = await shop.ledger("case-1-1")
    answers = [itn["answer"] for itn in ledger["transactions"][0]["itns"]]
    assert answers[:5] == ["not_confirmed", "http_error", "bad_answer", "bad_answer", "http_error"]
    assert len(answers) == 6
    assert shop.itns.followed == 0
    assert pending.findtext("status") == "PENDING"
    assert shop.clock.pauses.empty()


async def test_a_repeat_carries_the_newest_status(shop: Shop) -> None:
    shop.itns.script.append("500")
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pending")
    assert (await shop.itns.next()).text("paymentStatus") == "PENDING"
    pause = await shop.clock.next_pause()

    await shop.act("case-1-1", "pay", "drop")
    pause.over.set()

    assert (await shop.itns.next()).text("paymentStatus") == "SUCCESS"


async def test_a_status_that_was_overtaken_is_not_repeated(shop: Shop) -> None:
    shop.itns.script.append("500")
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pending")
    await shop.itns.next()
    overtaken = await shop.clock.next_pause()
    await shop.act("case-1-1", "pay")
    await shop.itns.next()

    overtaken.over.set()
    await shop.start("case-2-1")

    itns = (await shop.ledger("case-1-1"))["transactions"][0]["itns"]
    assert [itn["status"] for itn in itns] == ["PENDING", "SUCCESS"]


async def test_the_statuses_of_one_transaction_leave_in_the_order_in_which_they_arose() -> None:
    async with open_shop(pending_first=True, customer_data=False) as shop:
        shop.itns.script.append("wait")
        await shop.start("case-1-1")
        await shop.act("case-1-1", "pay")
        first = await shop.itns.next()
        await shop.status("case-1-1")
        assert shop.itns.nothing_more()

        shop.itns.gate.set()
        second = await shop.itns.next()

    assert [first.text("paymentStatus"), second.text("paymentStatus")] == ["PENDING", "SUCCESS"]
    assert second.text("customerData/lName") == ""


async def test_each_service_has_its_own_key_currency_and_digest(shop: Shop) -> None:
    values = {"ServiceID": "3", "OrderID": "euro-1", "Amount": "10.00", "Currency": "EUR"}
    values["CustomerEmail"] = "anna@example.com"
    signed = digest(*values.values(), key=EUR.shared_key, kind="sha512")

    _, body = await shop.post("/payment", values | {"Hash": signed}, CONTINUE)
    await shop.act("euro-1", "pay")
    itn = await shop.itns.next()

    answer = read_xml(body)
    assert fits(answer, EUR.shared_key, "sha512")
    assert itn.genuine
    assert itn.text("currency") == "EUR"


async def test_a_transaction_that_nobody_paid_in_time_expires_and_says_so(shop: Shop) -> None:
    link = (await shop.start("case-1-1")).findtext("redirecturl") or ""

    shop.clock.advance(3 * 86_400)

    itn = await shop.itns.next()
    assert (itn.text("paymentStatus"), itn.text("paymentStatusDetails")) == ("FAILURE", "EXPIRED")
    async with shop.session.get(link) as page:
        assert page.status == 410
    assert await shop.attempts("case-1-1") == [("FAILURE", "EXPIRED")]


async def test_a_dead_link_does_not_end_a_transaction_that_is_still_valid(shop: Shop) -> None:
    answer = await shop.start("case-1-1", LinkValidityTime="2026-11-22 11:00:00")

    shop.clock.advance(3_600)

    async with shop.session.get(answer.findtext("redirecturl") or "") as page:
        assert page.status == 410
    assert await shop.attempts("case-1-1") == [("PENDING", None)]


async def test_an_unknown_order_has_a_signed_empty_list(shop: Shop) -> None:
    answer = await shop.status("nobody-1")

    assert answer.tag == "transactionList"
    assert answer.findall("transactions/transaction") == []
    assert answer.findtext("hash") == digest("2")


async def test_the_fifty_first_attempt_makes_the_status_unreadable(shop: Shop) -> None:
    for _ in range(50):
        await shop.start("case-1-1")
    assert len((await shop.status("case-1-1")).findall("transactions/transaction")) == 50

    await shop.start("case-1-1")

    fields = {"ServiceID": "2", "OrderID": "case-1-1", "Hash": digest("2", "case-1-1")}
    status, body = await shop.post("/webapi/transactionStatus", fields, "pay-bm")
    assert status == 403
    assert "LIMIT_REQUESTED_TRANSACTIONS_WITH_THE_SAME_ORDER_ID" in body


async def test_a_cancelled_order_is_burnt_for_ever(shop: Shop) -> None:
    link = (await shop.start("case-1-1")).findtext("redirecturl") or ""

    answer = await shop.cancel("case-1-1")
    again = await shop.start("case-1-1")

    assert (answer.findtext("confirmation"), answer.findtext("reason")) == ("CONFIRMED", "CANCELED_FULLY")
    assert fits(answer)
    itn = await shop.itns.next()
    assert (itn.text("paymentStatus"), itn.text("paymentStatusDetails")) == ("FAILURE", "CANCELLED")
    assert again.findtext("reason") == "TRANSACTION_CANCELED"
    async with shop.session.post(link, data={"choice": "pay"}) as page:
        assert page.status == 410
    assert await shop.attempts("case-1-1") == [("FAILURE", "CANCELLED")]


async def test_a_cancel_is_replayed_under_its_message_id_and_told_apart_from_another(shop: Shop) -> None:
    await shop.start("case-1-1")
    first = await shop.cancel("case-1-1")

    assert (await shop.cancel("case-1-1")).findtext("reason") == first.findtext("reason") == "CANCELED_FULLY"
    assert (await shop.cancel("case-1-1", "f" * 32)).findtext("reason") == "INCORRECT_PAYMENT_STATUS"
    assert (await shop.cancel("case-2-1", "e" * 32)).findtext("reason") == "TRANSACTION_NOT_FOUND"
    assert (await shop.cancel("case-2-1")).findtext("reason") == "OTHER_ERROR"
    assert (await shop.itns.next()).text("paymentStatusDetails") == "CANCELLED"
    assert len((await shop.ledger("case-1-1"))["transactions"][0]["itns"]) == 1


async def test_cancelling_beside_a_paid_attempt_cancels_a_part_and_keeps_the_payment(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pay")
    await shop.start("case-1-1")

    assert (await shop.cancel("case-1-1")).findtext("reason") == "CANCELED_PARTIALLY"
    assert await shop.attempts("case-1-1") == [("SUCCESS", "AUTHORIZED"), ("FAILURE", "CANCELLED")]


async def test_a_cancel_names_an_order_or_a_transaction_and_never_both(shop: Shop) -> None:
    remote_id = (await shop.start("case-1-1")).findtext("remoteID") or ""
    both = {"ServiceID": "2", "MessageID": MESSAGE_ID, "RemoteID": remote_id, "OrderID": "case-1-1"}
    one = {"ServiceID": "2", "MessageID": MESSAGE_ID, "RemoteID": remote_id}
    path = "/webapi/transactionCancel"

    refused, _ = await shop.post(path, both | {"Hash": digest(*both.values())}, "pay-bm")
    _, body = await shop.post(path, one | {"Hash": digest(*one.values())}, "pay-bm")

    assert refused == 406
    assert "CANCELED_FULLY" in body


async def test_status_and_cancel_demand_their_header(shop: Shop) -> None:
    fields = {"ServiceID": "2", "OrderID": "case-1-1", "Hash": digest("2", "case-1-1")}

    status, body = await shop.post("/webapi/transactionStatus", fields)

    assert status == 406
    assert "BmHeader" in body


async def test_a_refund_is_queued_executed_later_and_safe_to_repeat(shop: Shop) -> None:
    remote_id = (await shop.start("case-1-1")).findtext("remoteID") or ""
    await shop.act("case-1-1", "pay")

    status, body = await shop.refund(remote_id)
    repeated, _ = await shop.refund(remote_id)

    answer = read_xml(body)
    assert (status, repeated, answer.tag) == (200, 200, "transactionRefund")
    assert answer.findtext("hash") == digest("2", MESSAGE_ID)
    seen = [(await shop.refund_status())["status"]]
    for _ in range(2):
        (await shop.clock.next_pause()).over.set()
        seen.append((await shop.refund_status())["status"])
    told = await shop.refund_status()
    assert seen == ["NEW", "PROCESSING", "DONE"]
    assert told["hash"] == digest("2", MESSAGE_ID, "DONE", told["remoteOutId"])
    refunds = (await shop.ledger("case-1-1"))["refunds"]
    assert [(item["amount"], item["times_asked"]) for item in refunds] == [("123.00", 2)]


async def test_partial_refunds_fit_into_the_payment_and_a_message_id_names_one_refund(shop: Shop) -> None:
    remote_id = (await shop.start("case-1-1")).findtext("remoteID") or ""
    unpaid, body = await shop.refund(remote_id)
    assert (unpaid, "TRANSACTION_NOT_IN_REFUNDABLE_STATUS" in body) == (406, True)
    await shop.act("case-1-1", "pay")

    assert (await shop.refund(remote_id, "a" * 32, "100.00"))[0] == 200
    assert "MESSAGE_ID_NOT_UNIQUE" in (await shop.refund(remote_id, "a" * 32, "1.00"))[1]
    assert (await shop.refund(remote_id, "b" * 32, "23.01"))[0] == 200
    assert (await shop.refund(remote_id, "c" * 32, "23.00"))[0] == 200
    for _ in range(5):
        (await shop.clock.next_pause()).over.set()

    ends = [(await shop.refund_status(letter * 32))["status"] for letter in "abc"]
    assert ends == ["DONE", "CANCELED_AMOUNT_EXCEEDS_TRANSACTION", "DONE"]
    assert "TRANSACTION_NOT_FOUND" in (await shop.refund("9NOBODY", "d" * 32))[1]
    assert (await shop.refund_status("e" * 32))["errorStatus"] == "TRANSACTION_NOT_FOUND"


async def test_the_channel_list_speaks_of_the_currencies_asked_for(shop: Shop) -> None:
    body = {"ServiceID": "2", "MessageID": MESSAGE_ID, "Currencies": "PLN,EUR", "Language": "PL"}
    url = f"{shop.running.autopay_url}/gatewayList/v3"
    signed = {**body, "Hash": digest(*body.values())}
    async with shop.session.post(url, json=signed, headers={"BmHeader": "pay-bm"}) as answer:
        told = await answer.json()
    async with shop.session.post(url, json=body, headers={"BmHeader": "pay-bm"}) as answer:
        unsigned = await answer.json()

    assert [channel["gatewayID"] for channel in told["gatewayList"]] == [106, 509, 1500]
    assert told["gatewayList"][0]["currencies"][0]["currency"] == "PLN"
    assert unsigned["errorStatus"] == "INVALID_HASH"


async def test_the_payment_path_is_a_setting() -> None:
    async with open_shop(payment_path="/sciezka") as shop:
        status, _ = await shop.post("/sciezka", shop.start_fields("case-1-1"), CONTINUE)

    assert status == 200


async def test_the_customer_returns_with_a_signed_address_that_says_nothing_of_money(shop: Shop) -> None:
    link = (await shop.start("case-1-1")).findtext("redirecturl") or ""

    async with shop.session.post(link, data={"choice": "refuse"}, allow_redirects=False) as answer:
        target = urlsplit(answer.headers["Location"])

    assert (answer.status, target.netloc, target.path) == (303, "example.com", "/return")
    assert parse_qs(target.query) == {
        "lang": ["pl"],
        "ServiceID": ["2"],
        "OrderID": ["case-1-1"],
        "Hash": [digest("2", "case-1-1")],
    }
