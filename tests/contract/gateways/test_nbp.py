"""Sources of exchange rates: a file, the bank's API over real HTTP, and both in their order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web

from invoicing.domain.exchange import ExchangeRate
from invoicing.errors import ConnectivityFault, SettingsFault
from invoicing.gateways.nbp.client import ANSWER_LIMIT, NbpRates
from invoicing.gateways.nbp.sources import RatesInOrder
from invoicing.gateways.nbp.table import TableRates, read_rates
from invoicing.ports import utc_now
from tests.contract.gateways.far_server import FarServer, refusing, served

FRIDAY = ExchangeRate("EUR", Decimal("4.2518"), "225/A/NBP/2026", date(2026, 11, 20))
MONDAY = date(2026, 11, 23)
HEAD = "date,currency,rate,table\n"


class Bank(FarServer):
    """What the bank answers: tables by day, or one answer to everything. Written from the bank's description."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.answer = self.published

    async def keep(self, request: web.Request) -> None:
        self.asked.append(request.path_qs)

    async def published(self, request: web.Request) -> web.Response:
        if request.path != "/api/exchangerates/rates/a/eur/2026-11-20/":
            return web.Response(status=404, text="404 NotFound - Not Found - Brak danych")
        told = (
            '{"table":"A","currency":"euro","code":"EUR",'
            '"rates":[{"no":"225/A/NBP/2026","effectiveDate":"2026-11-20","mid":4.2518}]}'
        )
        return web.Response(text=told, content_type="application/json")


@asynccontextmanager
async def bank_and_client(timeout: timedelta = timedelta(seconds=20)) -> AsyncIterator[tuple[Bank, NbpRates]]:
    bank = Bank()
    async with served(bank.handle) as address:
        client = NbpRates(f"{address}/api", utc_now, timeout=timeout)
        try:
            yield bank, client
        finally:
            await client.close()


async def test_the_bank_is_asked_day_by_day_backwards_and_the_rate_is_exact() -> None:
    async with bank_and_client() as (bank, client):
        assert await client.before("EUR", MONDAY) == FRIDAY
        assert bank.asked == [f"/api/exchangerates/rates/a/eur/2026-11-{day}/?format=json" for day in (22, 21, 20)]


async def test_a_rate_that_was_found_is_not_asked_for_again() -> None:
    async with bank_and_client() as (bank, client):
        first = await client.before("EUR", MONDAY)
        assert await client.before("EUR", MONDAY) == first
        assert len(bank.asked) == 3


async def test_when_the_bank_has_no_table_for_many_days_the_rate_is_missing() -> None:
    async with bank_and_client() as (bank, client):
        with pytest.raises(SettingsFault) as caught:
            await client.before("XAU", MONDAY)
        assert caught.value.code == "exchange_rate_missing"
        assert len(bank.asked) == 10


@pytest.mark.parametrize("status", [301, 400, 429, 500, 503])
async def test_another_status_is_a_fault_of_the_connection_and_may_be_asked_again(status: int) -> None:
    async with bank_and_client() as (bank, client):
        bank.says("", status)
        with pytest.raises(ConnectivityFault) as caught:
            await client.before("EUR", MONDAY)
        assert caught.value.code == "exchange_rates_unreachable"
        bank.answer = bank.published
        assert await client.before("EUR", MONDAY) == FRIDAY


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        "null",
        "{}",
        '{"code":"EUR","rates":[]}',
        '{"code":"USD","rates":[{"no":"1","effectiveDate":"2026-11-22","mid":4.2}]}',
        '{"code":"EUR","rates":[{"no":"1","effectiveDate":"2026-11-19","mid":4.2}]}',
        '{"code":"EUR","rates":[{"no":"1","effectiveDate":"2026-11-22","mid":"4.2"}]}',
        '{"code":"EUR","rates":[{"no":"1","effectiveDate":"2026-11-22","mid":0}]}',
        '{"code":"EUR","rates":[{"no":"1","effectiveDate":"2026-11-22","mid":NaN}]}',
        '{"code":"EUR","rates":[{"no":"","effectiveDate":"2026-11-22","mid":4.2}]}',
    ],
)
async def test_an_answer_that_cannot_be_believed_is_no_rate(body: str) -> None:
    async with bank_and_client() as (bank, client):
        bank.says(body)
        with pytest.raises(ConnectivityFault):
            await client.before("EUR", MONDAY)


async def test_a_bank_that_is_not_there_is_a_fault_of_the_connection() -> None:
    with refusing() as address:
        client = NbpRates(address, utc_now)
        with pytest.raises(ConnectivityFault):
            await client.before("EUR", MONDAY)
        await client.close()


@pytest.mark.parametrize("way", ["hang", "reset", "half"])
async def test_a_bank_that_breaks_off_may_be_asked_again(way: str) -> None:
    async with bank_and_client(timedelta(seconds=0.2)) as (bank, client):
        bank.answer = getattr(bank, way)
        with pytest.raises(ConnectivityFault) as caught:
            await client.before("EUR", MONDAY)
        assert caught.value.code == "exchange_rates_unreachable"
        bank.answer = bank.published
        assert await client.before("EUR", MONDAY) == FRIDAY


async def test_more_than_is_ever_read_is_no_rate_and_a_pause_that_was_named_is_passed_on() -> None:
    async with bank_and_client() as (bank, client):
        bank.says("{" + " " * ANSWER_LIMIT)
        with pytest.raises(ConnectivityFault):
            await client.before("EUR", MONDAY)
        bank.says("", 503, Retry_After="7")
        with pytest.raises(ConnectivityFault) as caught:
            await client.before("EUR", MONDAY)
        assert caught.value.retry_after == timedelta(seconds=7)


async def test_the_file_gives_the_newest_row_before_the_day_and_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(f"{HEAD}2026-11-19,EUR,4.25,224/A/NBP/2026\n2026-11-23,EUR,9.99,x\n2026-11-20,USD,3.6,y\n")
    rates = TableRates(path)
    assert (await rates.before("EUR", MONDAY)).on == date(2026, 11, 19)
    with path.open("a") as file:
        file.write("2026-11-20,EUR,4.2518,225/A/NBP/2026\n")
    assert await rates.before("EUR", MONDAY) == FRIDAY


async def test_a_stale_file_has_no_rate(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(f"{HEAD}2026-11-20,EUR,4.2518,225/A/NBP/2026\n")
    assert await TableRates(path).before("EUR", date(2026, 11, 27)) == FRIDAY
    for day in (date(2026, 11, 28), date(2026, 11, 20)):
        with pytest.raises(SettingsFault) as caught:
            await TableRates(path).before("EUR", day)
        assert caught.value.code == "exchange_rate_missing"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "line 0"),
        ("currency,rate\n", "line 1"),
        (f"{HEAD}2026-11-20,EUR,4.2518\n", "line 2"),
        (f"{HEAD}2026-11-20,EUR,4.2518,t,more\n", "line 2"),
        (f"{HEAD}2026-11-20,EUR,4.25,t\n20.11.2026,EUR,4.25,t\n", "line 3"),
        (f"{HEAD}2026-11-20,euro,4.25,t\n", "line 2"),
        (f'{HEAD}2026-11-20,EUR,"4,25",t\n', "line 2"),
        (f"{HEAD}2026-11-20,EUR,0,t\n", "line 2"),
        (f"{HEAD}2026-11-20,EUR,4.25,t\n2026-11-20,EUR,4.26,t\n", "line 3"),
    ],
)
def test_a_wrong_file_is_told_with_the_line(tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(content)
    with pytest.raises(SettingsFault, match=line):
        read_rates(path)


async def test_the_file_comes_first_and_the_bank_for_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(f"{HEAD}2026-11-20,USD,3.60,225/A/NBP/2026\n")
    async with bank_and_client() as (bank, client):
        rates = RatesInOrder([TableRates(path), client])
        assert (await rates.before("USD", MONDAY)).rate == Decimal("3.60")
        assert bank.asked == []
        assert await rates.before("EUR", MONDAY) == FRIDAY
    with pytest.raises(SettingsFault):
        await RatesInOrder([TableRates(path)]).before("EUR", MONDAY)
