"""The web's pure parts: languages, the mapping of errors, names of files, the guard."""

from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invoicing import errors
from invoicing.errors import DataFault, Fault, NotAllowed, NotFound, PaidcaseError, Throttled
from invoicing.web.files import file_name
from invoicing.web.guard import Guard
from invoicing.web.languages import negotiated
from invoicing.web.problems import document, problem_of

PROBLEM_CODES = set(
    """invalid conflict not_found no_invoice unauthenticated forbidden action_not_allowed already_paid
    autopay_disabled too_large unsupported_media_type rate_limited unavailable""".split()
)
TREE = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, PaidcaseError) and found is not PaidcaseError
]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "pl"),
        ("", "pl"),
        ("fr", "fr"),
        ("de, en;q=0.5", "en"),
        ("en;q=0.5, ru;q=0.9", "ru"),
        ("en;q=0.5, ru;q=0.5", "en"),
        ("AR-EG", "ar"),
        ("en;q=0", "pl"),
        ("en;q=0, fr;q=0.001", "fr"),
        ("*", "pl"),
        ("en;q=nan, fr;q=7, ru;q=-1", "pl"),
        ("x" * 100_000 + ",en", "pl"),
        ("en_US", "pl"),
        (";;;,,,q=1", "pl"),
    ],
)
def test_the_offered_language_that_is_liked_best_wins_and_polish_when_none_is(
    header: str | None, language: str
) -> None:
    assert negotiated(header) == language


@pytest.mark.parametrize("kind", TREE)
def test_every_error_of_the_tree_becomes_a_problem_of_the_contract(kind: type[PaidcaseError]) -> None:
    problem = problem_of(kind("some_code", message="a text with anna@example.com"))
    assert problem.code in PROBLEM_CODES
    told = document(problem, "en")
    assert told["status"] == problem.status >= 400
    assert "anna@example.com" not in str(told)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotAllowed("unauthenticated"), 401, "unauthenticated"),
        (NotAllowed("forbidden"), 403, "forbidden"),
        (NotAllowed("already_paid"), 409, "already_paid"),
        (NotAllowed("autopay_disabled"), 409, "autopay_disabled"),
        (NotAllowed("anything_else"), 409, "action_not_allowed"),
        (NotAllowed("conflict"), 409, "conflict"),
        (NotFound("no_invoice"), 404, "no_invoice"),
        (NotFound("case_unknown"), 404, "not_found"),
        (DataFault("too_large"), 413, "too_large"),
        (DataFault("unsupported_media_type"), 415, "unsupported_media_type"),
        (DataFault("invalid", [Fault("a", "missing")]), 422, "invalid"),
        (errors.ConnectivityFault("database_unavailable"), 503, "unavailable"),
        (errors.SettingsFault("database_schema"), 503, "unavailable"),
        (errors.InternalFault("anything"), 500, "unavailable"),
    ],
)
def test_codes_have_their_status(error: PaidcaseError, status: int, code: str) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)


def test_a_waiting_time_that_was_named_is_passed_on() -> None:
    headers = dict(problem_of(Throttled("limit", retry_after=timedelta(seconds=42))).headers)
    assert headers == {"Retry-After": "42"}


@pytest.mark.parametrize(
    ("number", "name"),
    [("FV/1/11/2026", "FV-1-11-2026.pdf"), ('a"\r\nb', "a-b.pdf"), ("../../x", "x.pdf"), ("ż/ł", "invoice.pdf")],
)
def test_the_name_of_a_file_holds_nothing_that_a_header_or_a_file_system_misreads(number: str, name: str) -> None:
    assert file_name(number) == name


async def test_an_unforeseen_fault_is_answered_as_a_problem_and_logged_by_its_class_alone(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(_request: Request) -> Response:
        raise ZeroDivisionError("anna@example.com")

    app = Starlette(routes=[Route("/", broken)])
    app.add_middleware(Guard)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://paidcase.test") as http:
        answer = await http.get("/", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (500, "unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    printed = capsys.readouterr()
    told = caplog.text + printed.out + printed.err
    assert "ZeroDivisionError" in told
    assert "anna@example.com" not in told
