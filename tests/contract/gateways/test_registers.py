"""VIES and the white list over real HTTP: verdicts, silence, and how sparingly they are asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from invoicing.domain.registers import Answer, Asked, Question, Verdict
from invoicing.gateways.registers.client import HttpTaxRegisters

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
GERMAN = Question(Asked.EU_VAT_NUMBER, "DE136695976")
PAYER = Question(Asked.ACTIVE_PAYER, "5260250274")
ACCOUNT = Question(Asked.PAYERS_ACCOUNT, "5260250274", "61109010140000071219812874")

VALID = {"isValid": True, "userError": "VALID", "vatNumber": "136695976", "requestIdentifier": "WAPIAAAAY1"}
ACTIVE = {"result": {"subject": {"nip": "5260250274", "statusVat": "Czynny"}, "requestId": "aa111-1"}}


class Registers:
    """Both registers behind one server; each answers what the test says. Written from their descriptions."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.told: Any = {}
        self.status = 200
        self.silent = asyncio.Event()
        self.silent.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        await self.silent.wait()
        if isinstance(self.told, str):
            return web.Response(status=self.status, text=self.told, headers={"Location": "/elsewhere"})
        return web.json_response(self.told, status=self.status)


class Watch:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def registers(
    watch: Watch, timeout: timedelta = timedelta(seconds=10)
) -> AsyncIterator[tuple[Registers, HttpTaxRegisters]]:
    far, app = Registers(), web.Application()
    app.router.add_get("/{rest:.*}", far.answer)
    async with TestServer(app) as server:
        base = str(server.make_url("")).rstrip("/")
        client = HttpTaxRegisters(watch, vies_url=f"{base}/vies", white_list_url=base, timeout=timeout)
        try:
            yield far, client
        finally:
            far.silent.set()
            await client.close()


@pytest.mark.parametrize(
    ("question", "told", "answer", "path"),
    [
        (GERMAN, VALID, Answer(Verdict.CONFIRMED, "WAPIAAAAY1"), "/vies/ms/DE/vat/136695976"),
        (GERMAN, {"isValid": False, "userError": "INVALID"}, Answer(Verdict.DENIED), "/vies/ms/DE/vat/136695976"),
        (PAYER, ACTIVE, Answer(Verdict.CONFIRMED, "aa111-1"), "/api/search/nip/5260250274?date=2026-11-23"),
        (
            PAYER,
            {"result": {"subject": {"nip": "5260250274", "statusVat": "Zwolniony"}}},
            Answer(Verdict.DENIED),
            "/api/search/nip/5260250274?date=2026-11-23",
        ),
        (
            PAYER,
            {"result": {"subject": None, "requestId": "aa111-2"}},
            Answer(Verdict.DENIED, "aa111-2"),
            "/api/search/nip/5260250274?date=2026-11-23",
        ),
        (
            ACCOUNT,
            {"result": {"accountAssigned": "TAK", "requestId": "aa111-3"}},
            Answer(Verdict.CONFIRMED, "aa111-3"),
            "/api/check/nip/5260250274/bank-account/61109010140000071219812874?date=2026-11-23",
        ),
        (
            ACCOUNT,
            {"result": {"accountAssigned": "NIE"}},
            Answer(Verdict.DENIED),
            "/api/check/nip/5260250274/bank-account/61109010140000071219812874?date=2026-11-23",
        ),
    ],
)
async def test_a_definite_answer_is_a_verdict_with_the_registers_reference(
    question: Question, told: Any, answer: Answer, path: str
) -> None:
    async with registers(Watch()) as (far, client):
        far.told = told
        assert await client.ask(question, DAY) == answer
        assert far.asked == [path]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (GERMAN, {"isValid": False, "userError": "MS_UNAVAILABLE"}),
        (GERMAN, {"isValid": False, "userError": "MS_MAX_CONCURRENT_REQ"}),
        (GERMAN, {"isValid": True, "userError": "VALID", "vatNumber": "999999999"}),
        (GERMAN, {"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}),
        (GERMAN, "<html>"),
        (GERMAN, []),
        (PAYER, {"result": {"subject": {"nip": "1234563218", "statusVat": "Czynny"}}}),
        (PAYER, {"result": {"subject": {"nip": "5260250274", "statusVat": "inny"}}}),
        (PAYER, {"result": {}}),
        (PAYER, {"code": "WL-100", "message": "Wystąpił nieoczekiwany błąd serwera."}),
        (PAYER, "[" * 100_000),
        (PAYER, " " * 300_000),
        (ACCOUNT, {"result": {"accountAssigned": "MOŻE"}}),
    ],
)
async def test_whatever_is_no_definite_answer_is_none(question: Question, told: Any) -> None:
    async with registers(Watch()) as (far, client):
        far.told = told
        assert (await client.ask(question, DAY)).verdict is Verdict.UNANSWERED


@pytest.mark.parametrize("status", [301, 400, 429, 500, 503])
async def test_a_status_other_than_200_is_no_answer_whatever_the_body_says(status: int) -> None:
    async with registers(Watch()) as (far, client):
        far.status, far.told = status, VALID
        assert (await client.ask(GERMAN, DAY)).verdict is Verdict.UNANSWERED
        assert len(far.asked) == 1


async def test_a_slow_register_is_given_up_and_left_alone_for_a_minute() -> None:
    watch = Watch()
    async with registers(watch, timeout=timedelta(milliseconds=50)) as (far, client):
        far.silent.clear()
        assert (await client.ask(GERMAN, DAY)).verdict is Verdict.UNANSWERED
        far.silent.set()
        far.told = VALID
        assert (await client.ask(GERMAN, DAY)).verdict is Verdict.UNANSWERED
        assert len(far.asked) == 1
        watch.now += timedelta(seconds=61)
        assert (await client.ask(GERMAN, DAY)).verdict is Verdict.CONFIRMED


async def test_a_register_that_is_not_there_does_not_silence_the_other() -> None:
    async with registers(Watch()) as (far, both):
        far.told = ACTIVE
        alone = HttpTaxRegisters(Watch(), vies_url="http://127.0.0.1:1", white_list_url=both._white_list_url)
        assert (await alone.ask(GERMAN, DAY)).verdict is Verdict.UNANSWERED
        assert (await alone.ask(PAYER, DAY)).verdict is Verdict.CONFIRMED
        await alone.close()


async def test_what_a_register_said_before_counts_while_it_is_left_alone() -> None:
    watch = Watch()
    async with registers(watch) as (far, client):
        far.told = ACTIVE
        assert (await client.ask(PAYER, DAY)).verdict is Verdict.CONFIRMED
        far.status = 503
        assert (await client.ask(ACCOUNT, DAY)).verdict is Verdict.UNANSWERED
        assert (await client.ask(PAYER, DAY)).verdict is Verdict.CONFIRMED
        assert (await client.ask(ACCOUNT, DAY)).verdict is Verdict.UNANSWERED
        assert len(far.asked) == 2


async def test_what_was_confirmed_counts_for_the_day_and_what_was_denied_for_minutes() -> None:
    watch = Watch()
    async with registers(watch) as (far, client):
        far.told = ACTIVE
        assert (await client.ask(PAYER, DAY)).verdict is Verdict.CONFIRMED
        watch.now += timedelta(hours=8)
        assert (await client.ask(PAYER, DAY)).verdict is Verdict.CONFIRMED
        assert len(far.asked) == 1
        far.told = {"isValid": False, "userError": "INVALID"}
        assert (await client.ask(GERMAN, DAY)).verdict is Verdict.DENIED
        watch.now += timedelta(minutes=4)
        assert (await client.ask(GERMAN, DAY)).verdict is Verdict.DENIED
        assert len(far.asked) == 2
        far.told = VALID
        watch.now += timedelta(minutes=2)
        assert (await client.ask(GERMAN, DAY)).verdict is Verdict.CONFIRMED
