"""The channel list: unsigned, therefore only shown; asked for once a minute, and kept when the gateway fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from invoicing.errors import ConnectivityFault, PaidcaseError, SettingsFault, Throttled
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.ports import Channel
from tests.contract.gateways.far_server import served
from tests.unit.gateways.autopay_messages import KEY, signature

CHANNEL: dict[str, Any] = {
    "gatewayID": 106,
    "name": "Płatność testowa PBL",
    "groupType": "PBL",
    "state": "OK",
    "minValidityTime": None,
    "currencies": [{"currency": "PLN", "minAmount": 0.01, "maxAmount": 5000.00}],
}
LATER: dict[str, Any] = {
    "id": 701,
    "name": "Zapłać później",
    "groupType": "BNPL",
    "state": "TEMPORARY_DISABLED",
    "minValidityTime": 60,
    "description": '<div class="x">Dane dotyczące kosztu</div>',
    "currencies": [{"currency": "EUR"}, {"currency": "PLN", "minAmount": "49.99"}],
}
SHOWN = Channel(106, "Płatność testowa PBL", "PBL", True, "PLN", Decimal("0.01"), Decimal("5000.0"))

Answer = Callable[[dict[str, Any]], object]


class Lister:
    """A gateway that lists channels as told, and counts how often it was asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
        self.asked: list[dict[str, Any]] = []
        self.answer: Answer = lambda asked: self.listed(asked, CHANNEL)
        self.status = 200
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    @staticmethod
    def listed(asked: dict[str, Any], *channels: dict[str, Any], **changes: object) -> dict[str, Any]:
        """A good answer to what was asked."""
        return {
            "result": "OK",
            "errorStatus": None,
            "description": None,
            "gatewayGroups": [{"type": "PBL", "title": "Przelew internetowy", "order": 1}],
            "serviceID": str(asked["ServiceID"]),
            "messageID": asked["MessageID"],
            "gatewayList": list(channels),
            **changes,
        }

    async def handle(self, request: web.Request) -> web.Response:
        assert (request.path, request.headers["BmHeader"]) == ("/gatewayList/v3", "pay-bm")
        self.asked.append(await request.json())
        self.arrived.set()
        await self.gate.wait()
        told = self.answer(self.asked[-1])
        body = told if isinstance(told, str) else json.dumps(told)
        return web.Response(text=body, status=self.status, headers={"Retry-After": "5"})

    def lists(self, *channels: dict[str, Any], **changes: object) -> None:
        self.answer = lambda asked: self.listed(asked, *channels, **changes)

    def says(self, told: object, status: int = 200) -> None:
        self.answer, self.status = lambda _asked: told, status


@pytest.fixture
async def far() -> AsyncIterator[tuple[Lister, AutopayGateway]]:
    lister = Lister()
    async with served(lister.handle) as address:
        services = (
            AutopayService("2", "PLN", (KEY,), HashKind.SHA256, address),
            AutopayService("3", "EUR", ("euro",), HashKind.SHA512, address),
        )
        gateway = AutopayGateway(AutopayServices(services), lambda: lister.now)
        yield lister, gateway
        await gateway.close()


async def test_the_channels_of_a_currency_are_told_with_their_limits(far: tuple[Lister, AutopayGateway]) -> None:
    lister, gateway = far
    lister.lists(CHANNEL, LATER)
    assert await gateway.channels(["PLN"], "pl") == (
        SHOWN,
        Channel(701, "Zapłać później", "BNPL", False, "PLN", Decimal("49.99"), None, timedelta(minutes=60)),
    )
    (asked,) = lister.asked
    assert asked["Hash"] == signature(["2", asked["MessageID"], "PLN", "PL"])
    assert (asked["Currencies"], asked["Language"], len(asked["MessageID"])) == ("PLN", "PL", 32)


async def test_every_currency_is_asked_of_its_own_service_and_language(far: tuple[Lister, AutopayGateway]) -> None:
    lister, gateway = far
    lister.lists({**CHANNEL, "currencies": [{"currency": "PLN"}, {"currency": "EUR"}]})
    told = await gateway.channels(["PLN", "EUR"], "ar")
    assert [channel.currency for channel in told] == ["PLN", "EUR"]
    assert [(asked["ServiceID"], asked["Currencies"], asked["Language"]) for asked in lister.asked] == [
        (2, "PLN", "EN"),
        (3, "EUR", "EN"),
    ]
    assert len(lister.asked[1]["Hash"]) == 128
    assert lister.asked[0]["MessageID"] != lister.asked[1]["MessageID"]
    with pytest.raises(SettingsFault) as fault:
        await gateway.channels(["GBP"], "pl")
    assert fault.value.code == "autopay_disabled"


async def test_the_gateway_is_asked_once_a_minute(far: tuple[Lister, AutopayGateway]) -> None:
    lister, gateway = far
    for seconds, asked in ((0, 1), (59, 1), (1, 2), (59, 2), (3600, 3)):
        lister.now += timedelta(seconds=seconds)
        await gateway.channels(["PLN"], "pl")
        assert len(lister.asked) == asked
    await gateway.channels(["PLN"], "en")
    assert len(lister.asked) == 4


async def test_a_clock_that_goes_back_does_not_keep_a_list_for_ever(far: tuple[Lister, AutopayGateway]) -> None:
    lister, gateway = far
    await gateway.channels(["PLN"], "pl")
    lister.now -= timedelta(days=1)
    await gateway.channels(["PLN"], "pl")
    assert len(lister.asked) == 2


async def test_many_callers_at_once_ask_once(far: tuple[Lister, AutopayGateway]) -> None:
    lister, gateway = far
    lister.gate.clear()
    callers = [asyncio.create_task(gateway.channels(["PLN"], "pl")) for _ in range(20)]
    await lister.arrived.wait()
    lister.gate.set()
    assert set(await asyncio.gather(*callers)) == {(SHOWN,)}
    assert len(lister.asked) == 1


FAILURES: dict[str, tuple[Answer, int]] = {
    "empty list": (lambda asked: Lister.listed(asked), 200),
    "empty groups": (lambda asked: Lister.listed(asked, CHANNEL, gatewayGroups=[]), 200),
    "an error": (lambda asked: Lister.listed(asked, CHANNEL, result="ERROR"), 200),
    "about another question": (lambda asked: Lister.listed(asked, CHANNEL, messageID="x" * 32), 200),
    "about another service": (lambda asked: Lister.listed(asked, CHANNEL, serviceID="9"), 200),
    "only another currency": (lambda asked: Lister.listed(asked, {**CHANNEL, "currencies": []}), 200),
    "no JSON": (lambda _asked: "ERROR", 200),
    "no object": (lambda _asked: [CHANNEL], 200),
    "nothing": (lambda _asked: "", 200),
    "server error": (lambda asked: Lister.listed(asked, CHANNEL), 500),
    "forbidden": (lambda asked: Lister.listed(asked, CHANNEL), 403),
    "redirect": (lambda _asked: "", 302),
    "unavailable": (lambda _asked: "", 503),
    "wrong key": (lambda _asked: {"errorStatus": "INVALID_HASH"}, 200),
    "blocked": (lambda _asked: {"errorStatus": "TEMPORARY_DISABLED"}, 200),
}
KINDS = {"wrong key": SettingsFault, "blocked": Throttled, "unavailable": Throttled}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_told_while_there_is_no_good_list(name: str, far: tuple[Lister, AutopayGateway]) -> None:
    lister, gateway = far
    lister.answer, lister.status = FAILURES[name]
    with pytest.raises(PaidcaseError) as fault:
        await gateway.channels(["PLN"], "pl")
    assert type(fault.value) is KINDS.get(name, ConnectivityFault)
    assert KEY not in f"{fault.value!r}"


@pytest.mark.parametrize("name", FAILURES)
async def test_after_a_failure_the_last_good_list_stays_and_the_gateway_is_left_alone_for_a_minute(
    name: str, far: tuple[Lister, AutopayGateway]
) -> None:
    lister, gateway = far
    await gateway.channels(["PLN"], "pl")
    lister.answer, lister.status = FAILURES[name]
    lister.now += timedelta(minutes=1)
    for _ in range(3):
        assert await gateway.channels(["PLN"], "pl") == (SHOWN,)
    assert len(lister.asked) == 2
    lister.now += timedelta(minutes=1)
    lister.lists({**CHANNEL, "state": "DISABLED"})
    lister.status = 200
    (back,) = await gateway.channels(["PLN"], "pl")
    assert not back.available


@pytest.mark.parametrize(
    "changes",
    [
        {"gatewayID": "1e3"},
        {"gatewayID": 1234567},
        {"gatewayID": None},
        {"gatewayID": [106]},
        {"name": ""},
        {"name": None},
        {"name": "x" * 201},
        {"name": "a\u202eb"},
        {"name": "a\nb"},
        {"currencies": "PLN"},
        {"currencies": ["PLN"]},
    ],
    ids=str,
)
async def test_an_entry_that_cannot_be_shown_is_left_out(
    changes: dict[str, object], far: tuple[Lister, AutopayGateway]
) -> None:
    lister, gateway = far
    lister.lists({**CHANNEL, **changes}, CHANNEL)
    assert await gateway.channels(["PLN"], "pl") == (SHOWN,)


async def test_limits_and_times_that_are_none_are_left_out(far: tuple[Lister, AutopayGateway]) -> None:
    lister, gateway = far
    offers = [{"currency": "PLN", "minAmount": "free", "maxAmount": -1}]
    lister.lists({**CHANNEL, "currencies": offers, "minValidityTime": "soon", "groupType": "<b>"})
    (told,) = await gateway.channels(["PLN"], "pl")
    assert (told.minimum, told.maximum, told.minimum_validity, told.group) == (None, None, None, "")
