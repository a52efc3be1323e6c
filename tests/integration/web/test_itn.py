"""Autopay's notifications: every message is answered as the protocol asks, and what is confirmed is stored."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from invoicing.web.webhooks.rejections import LOOKS
from tests.integration.web.stage import CASE, SERVICE, Stage, confirmation, itn, settings, staged

ITN = "/webhooks/autopay/itn"
ORDER = f"{CASE}-1"


async def told(stage: Stage, message: str) -> httpx.Response:
    """One message as the gateway sends it."""
    return await stage.http.post(ITN, data={"transactions": message})


async def alerts(stage: Stage) -> list[dict[str, Any]]:
    """What ops see."""
    found: list[dict[str, Any]] = (await stage.send("GET", "/v1/alerts", "ops")).json()["items"]
    return found


async def waiting(stage: Stage) -> int:
    """Stored messages."""
    return (await stage.app.store.waiting())["inbox"]


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "PENDING"])
async def test_an_authentic_message_is_stored_and_confirmed_and_so_are_its_repeats(stage: Stage, status: str) -> None:
    await stage.recorded()
    await stage.opened()
    woken: list[bool] = []
    stage.app.wakeup.listeners.append(lambda: woken.append(True))
    for _ in range(3):
        answer = await told(stage, itn(status=status))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        assert answer.text == confirmation(ORDER, "CONFIRMED")
    assert await waiting(stage) == 1
    assert woken
    stored = await stage.app.store.notification(1)
    assert (stored.case_id, stored.order_id, stored.remote_id, stored.status) == (CASE, ORDER, "9ABC000001", status)
    assert await alerts(stage) == []


async def test_a_second_transaction_and_another_status_of_an_order_are_stored_too(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    for message in (itn(), itn(status="PENDING"), itn(remote_id="9ABC000002")):
        assert (await told(stage, message)).text == confirmation(ORDER, "CONFIRMED")
    assert await waiting(stage) == 3


async def test_a_storm_of_the_same_message_is_stored_once(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    answers = await asyncio.gather(*(told(stage, itn()) for _ in range(40)))
    assert {answer.text for answer in answers} == {confirmation(ORDER, "CONFIRMED")}
    assert await waiting(stage) == 1


async def test_a_form_that_does_not_escape_its_plus_signs_is_read_as_well(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    message = itn(remote_id=next(f"9{n}" for n in range(10_000) if "+" in itn(remote_id=f"9{n}")))
    answer = await stage.http.post(ITN, content=f"transactions={message}".replace("=", "%3D")
                                   .replace("transactions%3D", "transactions="), headers=headers)  # fmt: skip
    assert answer.text == confirmation(ORDER, "CONFIRMED")


@pytest.mark.parametrize("escaped", ["%0D%0A", "%0a", "%20", "%2B"])
async def test_a_form_escapes_what_it_likes(stage: Stage, escaped: str) -> None:
    await stage.recorded()
    await stage.opened()
    if escaped in {"%20", "%2B"}:  # a plus sign, escaped well or turned into a space on its way
        whole = itn(remote_id=next(f"9{n}" for n in range(10_000) if "+" in itn(remote_id=f"9{n}")))
        body = whole.replace("+", escaped).replace("=", "%3d").replace("/", "%2f")
    else:
        body = escaped.join(itn()[at : at + 76] for at in range(0, len(itn()), 76))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await stage.http.post(ITN, content=f"lang=pl&transactions={body}", headers=headers)
    assert answer.text == confirmation(ORDER, "CONFIRMED")


async def test_a_bad_hash_is_answered_with_a_signed_no_and_alerts_once_for_an_order_of_ours(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    for _ in range(3):
        answer = await told(stage, itn(hashed="0" * 64))
        assert (answer.status_code, answer.text) == (200, confirmation(ORDER, "NOTCONFIRMED"))
    assert await waiting(stage) == 0
    (alert,) = await alerts(stage)
    assert (alert["code"], alert["case_id"], alert["details"]) == ("notification_rejected", CASE, {"order_id": ORDER})
    staff = (await stage.send("GET", f"/v1/cases/{CASE}/timeline", "ops")).json()["items"]
    assert [item["event"] for item in staff].count("notification_rejected") == 1
    client = (await stage.send("GET", f"/v1/cases/{CASE}/timeline", "client:cli-7")).json()["items"]
    assert "notification_rejected" not in [item["event"] for item in client]


async def test_an_authentic_message_about_an_unknown_order_gets_a_signed_no_and_an_alert(stage: Stage) -> None:
    for _ in range(2):
        answer = await told(stage, itn("unknown-1"))
        assert (answer.status_code, answer.text) == (200, confirmation("unknown-1", "NOTCONFIRMED"))
    (alert,) = await alerts(stage)
    assert (alert["code"], alert["case_id"]) == ("notification_rejected", None)
    assert alert["details"]["order_id"] == "unknown-1"


async def test_each_other_transaction_of_an_amount_that_is_not_ours_is_told(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    for wrong in ({"amount": "398.51"}, {"amount": "100.00"}, {"amount": "100.00", "remote_id": "9ABC000002"}):
        for _ in range(2):
            assert (await told(stage, itn(**wrong))).text == confirmation(ORDER, "NOTCONFIRMED")
    found = {(alert["details"]["remote_id"], alert["details"]["told"]) for alert in await alerts(stage)}
    assert found == {("9ABC000001", "398.51 PLN"), ("9ABC000001", "100.00 PLN"), ("9ABC000002", "100.00 PLN")}


@pytest.mark.parametrize("wrong", [{"amount": "398.51"}, {"amount": "39852.00"}, {"currency": "EUR"}])
async def test_another_amount_or_currency_gets_a_signed_no_and_an_alert_with_both_figures(
    stage: Stage, wrong: dict[str, str]
) -> None:
    await stage.recorded()
    await stage.opened()
    for _ in range(2):
        answer = await told(stage, itn(**wrong))
        assert (answer.status_code, answer.text) == (200, confirmation(ORDER, "NOTCONFIRMED"))
    assert await waiting(stage) == 0
    (alert,) = await alerts(stage)
    figures = {"amount": "398.52", "currency": "PLN", **wrong}
    assert (alert["code"], alert["case_id"]) == ("payment_not_verified", CASE)
    assert alert["details"]["expected"] == "398.52 PLN"
    assert alert["details"]["told"] == f"{figures['amount']} {figures['currency']}"
    assert (await told(stage, itn())).text == confirmation(ORDER, "CONFIRMED")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"transactions=",
        b"transactions=%%%",
        b"transactions=bm90IHhtbA==",
        b"other=x",
        urlencode({"transactions": itn(service_id="999999")}).encode(),
        urlencode([("transactions", itn()), ("transactions", itn())]).encode(),
        urlencode([(f"field{n}", "x") for n in range(100)]).encode(),
        b"transactions=\xff\xfe",
        b"transactions",
        b"transactions=" + "".join(f"%{ord(letter):02x}" for letter in itn()).encode(),
        urlencode(
            {"transactions": base64.b64encode(b'<!DOCTYPE a [<!ENTITY b "c">]><transactionList>&b;</transactionList>')}
        ).encode(),
    ],
    ids=[
        "empty",
        "no value",
        "no base64",
        "no xml",
        "other field",
        "foreign service",
        "twice",
        "many",
        "bytes",
        "no equals",
        "all escaped",
        "dtd",
    ],
)
async def test_what_cannot_be_answered_with_a_signature_is_a_problem_and_one_alert_in_all(
    stage: Stage, body: bytes
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        answer = await stage.http.post(ITN, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [alert["code"] for alert in await alerts(stage)] == ["notification_rejected"]


async def test_a_body_beyond_the_limit_is_not_decoded(stage: Stage) -> None:
    answer = await told(stage, "A" * 70_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await alerts(stage) == []


async def test_a_form_in_another_encoding_is_read_because_it_holds_ascii_only(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=ISO-8859-2"}
    answer = await stage.http.post(ITN, content=urlencode({"transactions": itn()}), headers=headers)
    assert answer.text == confirmation(ORDER, "CONFIRMED")


async def test_another_media_type_is_415(stage: Stage) -> None:
    assert (await stage.http.post(ITN, json={"transactions": itn()})).status_code == 415


async def test_junk_about_ever_new_orders_fills_neither_the_alerts_nor_the_log(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    for number in range(3 * LOOKS):
        answer = await told(stage, itn(f"junk-{number}", hashed="0" * 64))
        assert answer.text == confirmation(f"junk-{number}", "NOTCONFIRMED")
    assert [alert["key"] for alert in await alerts(stage)] == [f"notification:unproven:service:{SERVICE}"]
    assert (await told(stage, itn())).text == confirmation(ORDER, "CONFIRMED")


async def test_after_a_flood_of_junk_the_next_window_is_looked_at_again(folder: Path) -> None:
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    async with staged(settings(folder), clock=lambda: now) as stage:
        for number in range(LOOKS + 1):
            await told(stage, itn(f"junk-{number}", hashed="0" * 64))
        await stage.recorded()
        await stage.opened()
        await told(stage, itn(hashed="0" * 64))
        assert CASE not in {alert["case_id"] for alert in await alerts(stage)}
        now += timedelta(minutes=1)
        await told(stage, itn(hashed="0" * 64))
        assert CASE in {alert["case_id"] for alert in await alerts(stage)}


async def test_nothing_is_confirmed_while_the_database_is_away(folder: Path) -> None:
    (folder / "away").mkdir()
    async with staged(settings(folder, DATABASE_URL=f"sqlite+aiosqlite:///{folder / 'away'}")) as stage:
        for message in (itn(), itn(hashed="0" * 64)):
            answer = await told(stage, message)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert "CONFIRMED" not in answer.text
