"""`Idempotency-Key` on every POST: executed once, answered alike."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import Request

from invoicing.domain.labels import Role
from invoicing.errors import ConnectivityFault, NotAllowed
from invoicing.ports import utc_now
from invoicing.storage.idempotency import SqlAnswers
from invoicing.storage.session import Database
from invoicing.tokens import Caller
from invoicing.web.idempotency import once
from invoicing.web.replies import Reply
from tests.integration.web.stage import CASE, Stage, a_case

KEY = {"Idempotency-Key": "key-1"}
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
CALLER = Caller(Role.SERVICE)


@pytest.fixture
async def answers(either_url: str) -> AsyncIterator[SqlAnswers]:
    """Where answers are kept."""
    database = Database(either_url)
    yield SqlAnswers(database, utc_now)
    await database.close()


async def test_the_same_request_under_its_key_gets_the_answer_it_got_before(stage: Stage) -> None:
    first = await stage.send("POST", "/v1/cases", json=a_case(), headers=KEY)
    again = await stage.send("POST", "/v1/cases", json=a_case(), headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert (await stage.send("POST", "/v1/cases", json=a_case())).status_code == 200


async def test_a_key_with_another_body_or_path_is_409_and_nothing_happens(stage: Stage) -> None:
    await stage.send("POST", "/v1/cases", json=a_case(), headers=KEY)
    for path, body in (("/v1/cases", a_case(case_id="other")), (f"/v1/cases/{CASE}/payment", a_case())):
        answer = await stage.send("POST", path, json=body, headers={**KEY, "Accept-Language": "en"})
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert [fault["field"] for fault in answer.json()["errors"]] == ["Idempotency-Key"]
        assert "already recorded" not in answer.json()["detail"]
    assert (await stage.send("GET", "/v1/cases/other")).status_code == 404


async def test_the_key_of_one_caller_says_nothing_to_another(stage: Stage) -> None:
    await stage.recorded()
    await stage.opened()
    path = f"/v1/cases/{CASE}/payment"
    own = await stage.send("POST", path, "client:cli-7", headers=KEY)
    assert own.status_code == 200
    assert (await stage.send("POST", path, "client:cli-8", headers=KEY)).status_code == 404
    assert (await stage.send("POST", path, json={"save": False}, headers=KEY)).status_code == 200


async def test_a_refused_request_may_be_cured_and_sent_again_under_its_key(stage: Stage) -> None:
    path = f"/v1/cases/{CASE}/payment"
    await stage.send("POST", "/v1/cases", json=a_case())
    assert (await stage.send("POST", path, headers=KEY)).status_code == 422
    await stage.send("PUT", "/v1/experts/exp-1", json={"name": "Jan Przykładowy", "issuer": "none"})
    assert (await stage.send("POST", path, headers=KEY)).status_code == 202


async def test_asking_again_under_the_key_brings_the_address_once_it_is_known(stage: Stage) -> None:
    path = f"/v1/cases/{CASE}/payment"
    await stage.recorded()
    assert (await stage.send("POST", path, headers=KEY)).status_code == 202
    await stage.opened()
    known = await stage.send("POST", path, headers=KEY)
    assert (known.status_code, known.json()["redirect_url"]) == (200, "https://pay.example/continue/1")


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "ż"])
async def test_an_impossible_key_is_a_fault_of_that_field(stage: Stage, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode()), *httpx.Headers(stage.token("service")).raw]
    answer = await stage.http.post("/v1/cases", json=a_case(), headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_concurrent_requests_under_one_key_are_executed_once(answers: SqlAnswers) -> None:
    executed = 0
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def act() -> Reply:
        nonlocal executed
        executed += 1
        entered.set()
        await go_on.wait()
        return Reply(201, f'{{"execution":{executed}}}', "pl", "/there")

    calls = [asyncio.create_task(asked(answers, act)) for _ in range(8)]
    await entered.wait()
    go_on.set()
    found = await asyncio.gather(*calls)
    assert executed == 1
    assert set(found) == {Reply(201, '{"execution":1}', "pl", "/there")}


async def test_a_key_whose_process_died_is_taken_over_after_its_lease_and_not_before(answers: SqlAnswers) -> None:
    lease, kept = timedelta(minutes=2), timedelta(days=1)
    assert await answers.claim("o", "k", "d", NOW, lease=lease, kept_for=kept) is None
    before = await answers.claim("o", "k", "d", NOW + timedelta(seconds=119), lease=lease, kept_for=kept)
    assert before is not None
    assert before.status is None
    after = NOW + timedelta(seconds=121)
    other = await answers.claim("o", "k", "e", after, lease=lease, kept_for=kept)
    assert other is not None
    assert other.digest == "d"
    assert await answers.claim("o", "k", "d", after, lease=lease, kept_for=kept) is None
    await answers.keep("o", "k", 200, "{}", "pl", None)
    await answers.release("o", "k")
    found = await answers.claim("o", "k", "d", NOW + timedelta(hours=23), lease=lease, kept_for=kept)
    assert found is not None
    assert (found.status, found.body) == (200, "{}")
    assert await answers.claim("o", "k", "e", NOW + timedelta(hours=25), lease=lease, kept_for=kept) is None


async def test_a_failed_or_cancelled_execution_gives_its_key_back(answers: SqlAnswers) -> None:
    async def broken() -> Reply:
        raise ConnectivityFault("database_unavailable")

    async def endless() -> Reply:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def good() -> Reply:
        return Reply(200, "{}", "pl")

    started = asyncio.Event()
    with pytest.raises(ConnectivityFault):
        await asked(answers, broken)
    hanging = asyncio.create_task(asked(answers, endless))
    await started.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await asked(answers, good) == Reply(200, "{}", "pl")
    with pytest.raises(NotAllowed, match="another request"):
        await asked(answers, good, b"other")


async def asked(answers: SqlAnswers, act: Callable[[], Awaitable[Reply]], raw: bytes = b"{}") -> Reply:
    """One request under the key."""
    request = Request({"type": "http", "method": "POST", "path": "/v1/x", "headers": [], "server": ("h", 80),
                       "scheme": "http", "query_string": b""})  # fmt: skip
    return await once(answers, lambda: NOW, request, CALLER, "key-1", raw, act)
