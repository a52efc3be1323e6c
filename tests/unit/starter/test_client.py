"""The Python client against an HTTP server that answers as a script says."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from invoicing.domain.cases import CaseDocument
from invoicing.errors import ConnectivityFault, InternalFault, StillPending
from starter.client import ApiProblem, CaseClient, FieldError
from tests.unit.starter.commands import case

Script = list[Callable[[], web.Response]]
RECORD = {"case_id": "c-1", "payment": {"status": "none"}}
PROBLEM = {
    "type": "about:blank",
    "title": "Unprocessable Content",
    "status": 422,
    "code": "invalid",
    "detail": "Correct the fields shown and send again.",
    "errors": [{"field": "lines", "code": "missing", "message": "This field is required."}],
}


class Api:
    """Answers one after another, and keeps what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs, dict(request.headers), await request.read()))
        # the last answer stays: aiohttp repeats a GET by itself when a kept connection breaks
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if answer is breaks_off and request.transport is not None:
            request.transport.abort()
        return answer()


def says(document: Any, status: int = 200, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.json_response(document, status=status, headers=headers)


def breaks_off() -> web.Response:
    return web.Response()  # nobody hears it: the connection is aborted first


@asynccontextmanager
async def serving(*script: Callable[[], web.Response], tries: int = 4) -> AsyncIterator[tuple[Api, CaseClient]]:
    api = Api(list(script))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        CaseClient(str(server.make_url("")), "the-token", language="en", tries=tries) as client,
    ):
        yield api, client


async def test_a_case_is_recorded_with_the_token_and_a_key_made_of_call_and_body() -> None:
    document = case("c-1")
    turned = dict(reversed(document.items()))
    async with serving(*[says(RECORD, 201)] * 3) as (api, client):
        assert await client.record_case(document) == RECORD
        await client.record_case(turned)
        await client.record_case(case("c-2"))
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in api.asked]
    assert keys[0] == keys[1] != keys[2]
    method, path, headers, body = api.asked[0]
    assert (method, path, json.loads(body)) == ("POST", "/v1/cases", document)
    assert (headers["Authorization"], headers["Accept-Language"]) == ("Bearer the-token", "en")


async def test_a_document_object_is_sent_as_the_document_that_it_was_read_from() -> None:
    read = CaseDocument.model_validate(case("c-1"))
    async with serving(says(RECORD, 201)) as (api, client):
        await client.record_case(read)
    assert CaseDocument.model_validate(json.loads(api.asked[0][3])) == read


async def test_asking_for_payment_sends_no_key_because_a_kept_answer_would_hide_the_next_attempt() -> None:
    async with serving(*[says({**RECORD, "redirect_url": "https://pay.example.com/1"})] * 2) as (api, client):
        answered = await client.ask_for_payment("c-1")
        await client.ask_for_payment("c-1", {"kind": "person", "name": "Jan Przykładowy"})
    assert answered["redirect_url"] == "https://pay.example.com/1"
    assert all("Idempotency-Key" not in headers for _, _, headers, _ in api.asked)
    assert [json.loads(body) for _, _, _, body in api.asked] == [
        {},
        {"billing_data": {"kind": "person", "name": "Jan Przykładowy"}},
    ]


async def test_a_refusal_is_a_problem_with_status_code_and_every_fault_and_is_not_repeated() -> None:
    async with serving(says(PROBLEM, 422)) as (api, client):
        with pytest.raises(ApiProblem) as refused:
            await client.record_case({})
    problem = refused.value
    assert (problem.status, problem.code) == (422, "invalid")
    assert problem.errors == (FieldError("lines", "missing", "This field is required."),)
    assert len(api.asked) == 1


async def test_what_was_turned_away_or_lost_is_repeated_with_the_same_key() -> None:
    later = says({"code": "unavailable", "title": "Service Unavailable"}, 503, **{"Retry-After": "0"})
    async with serving(later, breaks_off, says(RECORD, 201)) as (api, client):
        assert await client.record_case(case("c-1")) == RECORD
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in api.asked}) == 1
    assert len(api.asked) == 3


async def test_an_api_that_stays_away_is_told_as_a_problem_or_as_not_reached() -> None:
    away = says({"code": "unavailable", "title": "Service Unavailable"}, 503)
    async with serving(away, breaks_off, tries=1) as (_, client):
        with pytest.raises(ApiProblem, match="Service Unavailable"):
            await client.case("c-1")
        with pytest.raises(ConnectivityFault) as lost:
            await client.case("c-1")
    assert lost.value.code == "api_unreachable"


async def test_an_answer_of_somebody_else_is_not_taken_for_ours() -> None:
    page = lambda: web.Response(text="<html>", content_type="text/html")  # noqa: E731  # one of a script's answers
    moved = lambda: web.Response(status=302, headers={"Location": "/login"})  # noqa: E731  # likewise
    async with serving(page, moved) as (_, client):
        with pytest.raises(InternalFault):
            await client.case("c-1")
        with pytest.raises(ApiProblem) as redirected:
            await client.case("c-1")
    assert redirected.value.status == 302


async def test_waiting_reads_the_case_until_the_condition_holds() -> None:
    paid = {**RECORD, "payment": {"status": "completed"}}
    async with serving(says(RECORD), says(RECORD), says(paid)) as (api, client):
        found = await client.wait_until(
            "c-1", lambda record: record["payment"]["status"] == "completed", every=timedelta(0)
        )
    assert found == paid
    assert len(api.asked) == 3


async def test_waiting_ends_when_its_time_is_over() -> None:
    async with serving(*[says(RECORD)] * 2) as (_, client):
        with pytest.raises(StillPending):
            await client.wait_until("c-1", lambda _: False, timeout=timedelta(seconds=0.2), every=timedelta(hours=1))


async def test_a_timeline_is_read_to_its_last_page() -> None:
    first = says({"items": [{"event": "case_recorded"}], "next_cursor": "7"})
    last = says({"items": [{"event": "completed"}], "next_cursor": None})
    async with serving(first, last) as (api, client):
        events = [entry["event"] for entry in await client.timeline("c-1")]
    assert events == ["case_recorded", "completed"]
    assert [path for _, path, _, _ in api.asked] == ["/v1/cases/c-1/timeline", "/v1/cases/c-1/timeline?cursor=7"]


async def test_the_pdf_is_given_as_its_bytes_and_its_absence_as_a_problem() -> None:
    pdf = lambda: web.Response(body=b"%PDF-1.4", content_type="application/pdf")  # noqa: E731  # a script's answer
    async with serving(says({"code": "no_invoice", "title": "Not Found"}, 404), pdf) as (_, client):
        with pytest.raises(ApiProblem) as absent:
            await client.invoice_pdf("c-1")
        assert await client.invoice_pdf("c-1") == b"%PDF-1.4"
    assert absent.value.code == "no_invoice"


async def test_an_id_cannot_lead_a_call_elsewhere() -> None:
    async with serving(says(RECORD)) as (api, client):
        await client.case("../experts/exp-1?x=1")
    assert api.asked[0][1].startswith("/v1/cases/..%2F")


async def test_a_client_outside_its_block_says_so() -> None:
    with pytest.raises(InternalFault):
        await CaseClient("http://127.0.0.1:1", "t").case("c-1")
