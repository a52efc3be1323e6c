"""Autopay's messages about money paid out: verified, answered with the id of the transfer, kept, and decide nothing."""

import base64
from pathlib import Path

import httpx
import pytest

from invoicing.domain.records import Event, LogQuery, StoredLogEntry
from tests.integration.web.stage import CASE, SERVICE, Stage, itn, settings, signature, staged
from tests.integration.web.stage import confirmation as itn_confirmation

ADDRESSES = ["/webhooks/autopay/itn", "/webhooks/autopay/istn"]
OUT_ID = "ZWTR_6063048773"
PERSONAL = {"title": "Zwrot dla Anny", "receiverNRB": "61109010140000071219812874", "receiverName": "Anna Kowalska"}


def istn(hashed: str | None = None, **changes: str | None) -> str:
    """One message, Base64 of signed XML; None leaves a field out."""
    fields = {
        "isRefund": "true",
        "orderID": f"{CASE}-1",
        "remoteID": "9ABC000001",
        "remoteOutID": OUT_ID,
        "amount": "398.52",
        "currency": "PLN",
        "transferDate": "20261122110000",
        "transferStatus": "SUCCESS",
        "transferStatusDetails": "CONFIRMED",
        **PERSONAL,
        **changes,
    }
    there = {name: value for name, value in fields.items() if value is not None}
    leaves = "".join(f"<{name}>{value}</{name}>" for name, value in there.items())
    told = hashed or signature(SERVICE, *there.values())
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><transactionList><serviceID>{SERVICE}</serviceID>'
        f"<transactions><transaction>{leaves}</transaction></transactions><hash>{told}</hash></transactionList>"
    )
    return base64.b64encode(document.encode()).decode()


def confirmation(verdict: str, out_id: str = OUT_ID) -> str:
    """The answer that the gateway expects, byte for byte."""
    return itn_confirmation(out_id, verdict).replace("orderID>", "remoteOutID>")


async def told(stage: Stage, address: str, message: str) -> httpx.Response:
    """One message as the gateway sends it."""
    return await stage.http.post(address, data={"transactions": message})


async def kept(stage: Stage) -> list[StoredLogEntry]:
    """Lines about money paid out, newest first."""
    return list(await stage.app.store.activity(LogQuery(event=Event.TRANSFER_TOLD)))


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_refund_told_is_kept_with_its_case_once_confirmed_and_decides_nothing(
    stage: Stage, address: str
) -> None:
    await stage.recorded()
    await stage.opened()
    before = await stage.facts()
    for _ in range(3):
        answer = await told(stage, address, istn())
        assert (answer.status_code, answer.text) == (200, confirmation("CONFIRMED"))
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    (line,) = await kept(stage)
    assert (line.case_id, line.attempt, line.actor) == (CASE, 1, "autopay")
    assert line.details == {
        "remote_out_id": OUT_ID,
        "status": "SUCCESS",
        "told": "398.52 PLN",
        "refund": "yes",
        "order_id": f"{CASE}-1",
        "remote_id": "9ABC000001",
        "reason": "CONFIRMED",
    }
    assert await stage.facts() == before
    waiting = await stage.app.store.waiting()
    assert waiting["inbox"] == 0
    assert (await stage.send("GET", "/v1/alerts", "ops")).json()["items"] == []


async def test_every_change_of_status_is_kept_also_the_way_back(stage: Stage) -> None:
    for status in ("SUCCESS", "PENDING", "PENDING", "SUCCESS"):
        assert (await told(stage, ADDRESSES[1], istn(transferStatus=status))).text == confirmation("CONFIRMED")
    assert [line.details["status"] for line in await kept(stage)] == ["SUCCESS", "PENDING", "SUCCESS"]


async def test_a_settlement_of_no_order_of_ours_is_kept_without_a_case(stage: Stage) -> None:
    message = istn(isRefund="false", orderID=None, remoteID=None)
    assert (await told(stage, ADDRESSES[0], message)).text == confirmation("CONFIRMED")
    (line,) = await kept(stage)
    assert (line.case_id, line.details["refund"], line.details.get("order_id")) == (None, "no", None)


async def test_who_is_paid_and_why_is_not_kept(stage: Stage) -> None:
    await told(stage, ADDRESSES[1], istn())
    shown = (await stage.send("GET", "/v1/activity-log", "ops")).text
    assert OUT_ID in shown
    assert [value for value in PERSONAL.values() if value in shown] == []


async def test_the_clients_timeline_does_not_tell_of_transfers(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    await told(stage, ADDRESSES[1], istn())
    for role, seen in (("ops", True), ("client:cli-7", False)):
        items = (await stage.send("GET", f"/v1/cases/{CASE}/timeline", role)).json()["items"]
        assert ("transfer_told" in [item["event"] for item in items]) is seen


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_bad_hash_gets_a_signed_no_that_names_the_transfer_and_an_alert(stage: Stage, address: str) -> None:
    for _ in range(2):
        answer = await told(stage, address, istn(hashed="0" * 64))
        assert (answer.status_code, answer.text) == (200, confirmation("NOTCONFIRMED"))
    assert await kept(stage) == []
    alerts = (await stage.send("GET", "/v1/alerts", "ops")).json()["items"]
    assert [alert["code"] for alert in alerts] == ["notification_rejected"]


async def test_an_itn_at_the_address_for_settlements_is_taken_as_the_itn_that_it_is(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    assert (await told(stage, ADDRESSES[1], itn())).text == itn_confirmation(f"{CASE}-1", "CONFIRMED")
    assert (await stage.app.store.waiting())["inbox"] == 1
    assert await kept(stage) == []


@pytest.mark.parametrize("address", ADDRESSES)
async def test_nothing_is_confirmed_while_the_database_is_away(folder: Path, address: str) -> None:
    (folder / "away").mkdir()
    async with staged(settings(folder, DATABASE_URL=f"sqlite+aiosqlite:///{folder / 'away'}")) as stage:
        answer = await told(stage, address, istn())
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "CONFIRMED" not in answer.text


@pytest.mark.parametrize("address", ADDRESSES)
async def test_another_method_is_a_problem_that_names_the_right_one(stage: Stage, address: str) -> None:
    answer = await stage.http.get(address)
    assert (answer.status_code, answer.headers["allow"], answer.json()["status"]) == (405, "POST", 405)
