"""What a payer can do: buttons of the page, control calls and payers who act by themselves."""

import re

import pytest

from invoicing.sandbox.autopay.paywall import CHOICES
from invoicing.sandbox.autopay.paywall_texts import BUTTONS, PHRASES, TROUBLE, USUAL, shown_amount
from tests.contract.sandbox.stage import Shop, open_shop


async def press(shop: Shop, link: str, choice: str) -> int:
    async with shop.session.post(link, data={"choice": choice}, allow_redirects=False) as answer:
        return answer.status


async def link_of(shop: Shop, order_id: str = "case-1-1", **other: str) -> str:
    return (await shop.start(order_id, **other)).findtext("redirecturl") or ""


async def test_the_page_shows_amount_and_order_and_a_button_for_every_choice(shop: Shop) -> None:
    link = await link_of(shop)

    async with shop.session.get(link) as page:
        text = await page.text()
        policy = page.headers["Content-Security-Policy"]

    assert "123,00\xa0PLN" in text
    assert "case-1-1" in text
    assert re.findall(r'<button name="choice" value="(\w+)"', text) == [*USUAL, *TROUBLE]
    assert {*USUAL, *TROUBLE} == set(CHOICES)
    assert '<html lang="pl">' in text
    assert "<script" not in text
    assert "default-src 'none'" in policy


async def test_a_payer_who_does_not_read_polish_gets_english(shop: Shop) -> None:
    async with shop.session.get(await link_of(shop, Language="FR")) as page:
        text = await page.text()

    assert '<html lang="en">' in text
    assert "Pay twice" in text
    assert "123.00\xa0PLN" in text


@pytest.mark.parametrize("language", ["PL", "EN"])
async def test_every_button_is_described_by_one_line_that_it_points_to(shop: Shop, language: str) -> None:
    async with shop.session.get(await link_of(shop, Language=language)) as page:
        text = await page.text()

    for choice in CHOICES:
        told = BUTTONS[language.lower()][choice]
        assert f'value="{choice}" aria-describedby="why-{choice}"' in text
        assert f">{told.name}</button>" in text
        assert f'<p id="why-{choice}">{told.why}</p>' in text
    assert text.count("<fieldset><legend>") == 2
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text


def test_both_languages_say_the_same_things() -> None:
    assert PHRASES["pl"].keys() == PHRASES["en"].keys()
    assert set(BUTTONS["pl"]) == set(BUTTONS["en"]) == set(CHOICES)


@pytest.mark.parametrize(
    ("amount", "language", "shown"),
    [
        ("12398.52", "pl", "12\xa0398,52\xa0PLN"),
        ("12398.52", "en", "12,398.52\xa0PLN"),
        ("0.10", "pl", "0,10\xa0PLN"),
        ("1000000.00", "pl", "1\xa0000\xa0000,00\xa0PLN"),
    ],
)
def test_an_amount_is_written_as_its_reader_writes_it(amount: str, language: str, shown: str) -> None:
    assert shown_amount(amount, "PLN", language) == shown


async def test_a_link_that_is_over_says_how_it_ended_and_leads_back(shop: Shop) -> None:
    link = await link_of(shop)
    await press(shop, link, "refuse")

    async with shop.session.get(link) as page:
        text = await page.text()

    assert page.status == 410
    assert "nie zapłacono (REJECTED)" in text
    assert 'href="https://example.com/return?' in text


async def test_an_unknown_link_and_a_guessed_token_show_nothing(shop: Shop) -> None:
    link = await link_of(shop)

    for wrong in (link[:-1], f"{shop.running.autopay_url}/payment/continue/9NOBODY/TOKEN"):
        async with shop.session.get(wrong) as page:
            assert page.status == 404
            assert "123.00" not in await page.text()


@pytest.mark.parametrize(
    ("choice", "attempts"),
    [
        ("pay", [("SUCCESS", "AUTHORIZED")]),
        ("refuse", [("FAILURE", "REJECTED")]),
        ("cancel", [("FAILURE", "REJECTED_BY_USER")]),
        ("pending", [("PENDING", None)]),
    ],
)
async def test_a_plain_choice_moves_the_transaction_announces_it_and_sends_the_customer_back(
    shop: Shop, choice: str, attempts: list[tuple[str, str | None]]
) -> None:
    assert await press(shop, await link_of(shop), choice) == 303

    itn = await shop.itns.next()
    assert await shop.attempts("case-1-1") == attempts
    assert itn.genuine
    assert itn.text("paymentStatus") == attempts[0][0]


async def test_a_payer_who_quits_before_choosing_a_bank_is_announced_without_a_channel(shop: Shop) -> None:
    await press(shop, await link_of(shop), "cancel")

    itn = await shop.itns.next()
    assert itn.text("gatewayID") == ""
    assert itn.genuine


async def test_leaving_changes_nothing_and_the_link_stays_alive(shop: Shop) -> None:
    link = await link_of(shop)

    assert await press(shop, link, "leave") == 200

    assert await shop.attempts("case-1-1") == [("PENDING", None)]
    assert await press(shop, link, "pay") == 303
    assert (await shop.itns.next()).text("paymentStatus") == "SUCCESS"


async def test_paying_twice_makes_a_second_success_with_another_remote_id(shop: Shop) -> None:
    await press(shop, await link_of(shop), "pay_twice")

    itns = [await shop.itns.next(), await shop.itns.next()]

    assert {itn.text("paymentStatus") for itn in itns} == {"SUCCESS"}
    assert len({itn.text("remoteID") for itn in itns}) == 2
    ledger = await shop.ledger("case-1-1")
    assert [item["origin"] for item in ledger["transactions"]] == ["start", "second_payment"]
    assert ledger["starts"] == 1
    assert len((await shop.status("case-1-1")).findall("transactions/transaction")) == 2


async def test_a_delayed_itn_leaves_when_its_time_has_come(shop: Shop) -> None:
    await press(shop, await link_of(shop), "delay_itn")
    listed = (await shop.status("case-1-1")).findtext("transactions/transaction/paymentStatus")

    assert listed == "SUCCESS"
    assert shop.itns.nothing_more()
    shop.clock.advance(15)
    assert (await shop.itns.next()).genuine


async def test_a_dropped_itn_never_leaves_but_the_money_is_there(shop: Shop) -> None:
    await press(shop, await link_of(shop), "drop_itn")
    shop.clock.advance(86_400)
    await press(shop, await link_of(shop, "case-2-1"), "pay")

    assert (await shop.itns.next()).text("orderID") == "case-2-1"
    assert shop.itns.nothing_more()
    transaction = (await shop.ledger("case-1-1"))["transactions"][0]
    assert transaction["status"] == "SUCCESS"
    assert [itn["answer"] for itn in transaction["itns"]] == ["withheld"]


async def test_five_copies_of_an_itn_arrive(shop: Shop) -> None:
    await press(shop, await link_of(shop), "itn_five_times")

    copies = [await shop.itns.next() for _ in range(5)]

    assert {copy.root.findtext("hash") for copy in copies} == {copies[0].root.findtext("hash")}
    assert all(copy.genuine for copy in copies)


async def test_an_altered_itn_does_not_fit_its_hash_and_the_true_one_follows(shop: Shop) -> None:
    await press(shop, await link_of(shop), "itn_altered")

    altered = await shop.itns.next()
    (await shop.clock.next_pause()).over.set()
    true = await shop.itns.next()

    assert (altered.genuine, altered.text("amount")) == (False, "9123.00")
    assert (true.genuine, true.text("amount")) == (True, "123.00")


async def test_paying_another_amount_is_told_with_a_signature_that_fits(shop: Shop) -> None:
    await press(shop, await link_of(shop), "wrong_amount")

    itn = await shop.itns.next()

    assert (itn.genuine, itn.text("paymentStatus"), itn.text("amount")) == (True, "SUCCESS", "124.00")


async def test_a_finished_payment_cannot_be_chosen_again_and_an_unknown_choice_is_refused(shop: Shop) -> None:
    link = await link_of(shop)

    assert await press(shop, link, "steal") == 400
    assert await press(shop, link, "refuse") == 303
    assert await press(shop, link, "pay") == 410
    assert await shop.attempts("case-1-1") == [("FAILURE", "REJECTED")]


async def test_without_any_return_address_the_customer_gets_a_page() -> None:
    async with open_shop() as shop:
        assert await press(shop, await link_of(shop, ReturnURL=""), "pay") == 200
    async with open_shop(return_url="https://example.com/fixed") as shop:
        assert await press(shop, await link_of(shop, ReturnURL=""), "pay") == 303


async def test_wrong_amount_and_wrong_currency_are_signed_and_seen_in_itn_and_status_alike(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.act("case-1-1", "wrong_amount")
    await shop.start("case-2-1")
    await shop.act("case-2-1", "wrong_currency")

    itns = {itn.text("orderID"): itn for itn in (await shop.itns.next(), await shop.itns.next())}

    assert itns["case-1-1"].text("amount") == "124.00"
    assert itns["case-2-1"].text("currency") == "EUR"
    assert all(itn.genuine for itn in itns.values())
    assert (await shop.status("case-1-1")).findtext("transactions/transaction/amount") == "124.00"
    assert (await shop.ledger("case-1-1"))["transactions"][0]["amount"] == "123.00"


async def test_a_late_failure_belongs_to_another_remote_id_and_leaves_the_success_alone(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pay")
    await shop.act("case-1-1", "late_failure")

    itns = [await shop.itns.next(), await shop.itns.next()]

    assert {itn.text("paymentStatus") for itn in itns} == {"SUCCESS", "FAILURE"}
    assert await shop.attempts("case-1-1") == [("SUCCESS", "AUTHORIZED"), ("FAILURE", "REJECTED")]


async def test_money_can_arrive_after_a_cancel_but_a_success_is_final(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.cancel("case-1-1")
    await shop.act("case-1-1", "pay")

    refused, told = await shop.act("case-1-1", "refuse")

    assert await shop.attempts("case-1-1") == [("SUCCESS", "AUTHORIZED")]
    assert refused == 409
    assert "never changes" in told["error"]
    assert (await shop.act("case-9-9", "pay"))[0] == 404
    assert (await shop.act("case-1-1", "dance"))[0] == 400


async def test_a_delayed_pending_arrives_after_the_success(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pending", "delay", delay_seconds=60)
    await shop.act("case-1-1", "pay")
    first = await shop.itns.next()

    shop.clock.advance(60)

    assert [first.text("paymentStatus"), (await shop.itns.next()).text("paymentStatus")] == ["SUCCESS", "PENDING"]


async def test_the_gateway_may_send_again_what_was_confirmed_long_ago(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pay")
    first = await shop.itns.next()

    await shop.act("case-1-1", "resend")

    assert (await shop.itns.next()).root.findtext("hash") == first.root.findtext("hash")


async def test_a_payer_acts_by_himself_on_the_orders_that_concern_him(shop: Shop) -> None:
    await shop.control("POST", "/auto", {"order_prefix": "", "action": "pay"})
    await shop.control("POST", "/auto", {"order_prefix": "bad-", "action": "refuse", "after_seconds": 30})

    await shop.start("good-1")
    await shop.start("bad-1")

    assert (await shop.itns.next()).text("orderID") == "good-1"
    assert await shop.attempts("bad-1") == [("PENDING", None)]
    shop.clock.advance(30)
    assert (await shop.itns.next()).text("paymentStatus") == "FAILURE"
    await shop.control("DELETE", "/auto")
    await shop.start("good-2")
    assert await shop.attempts("good-2") == [("PENDING", None)]


async def test_a_payer_who_comes_after_the_cancel_pays_nothing(shop: Shop) -> None:
    await shop.control("POST", "/auto", {"order_prefix": "case-", "action": "pay", "after_seconds": 30})
    await shop.start("case-1-1")
    await shop.cancel("case-1-1")

    shop.clock.advance(30)

    assert await shop.attempts("case-1-1") == [("FAILURE", "CANCELLED")]


async def test_the_ledger_tells_every_order_and_every_request(shop: Shop) -> None:
    await shop.start("case-1-1")
    await shop.act("case-1-1", "pay")
    await shop.itns.next()
    await shop.status("case-1-1")
    await shop.status("case-1-1")
    await shop.start("case-2-1")
    await shop.cancel("case-2-1")
    await shop.itns.next()

    _, told = await shop.control("GET", "/ledger")
    one = await shop.ledger("case-1-1")
    unknown, _ = await shop.control("GET", "/ledger/nobody")

    assert told["requests"] == {"cancel": 1, "start": 2, "status": 2}
    assert told["cancelled_orders"] == ["case-2-1"]
    assert [item["order_id"] for item in told["transactions"]] == ["case-1-1", "case-2-1"]
    assert one["requests"] == {"start": 1, "status": 2}
    assert (one["cancelled"], one["starts"], unknown) == (False, 1, 404)
    assert "example.com" not in str(told)
