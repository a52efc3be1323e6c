"""Every way in which wFirma can answer, or not, and what each of them proves for a read and for a write."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from invoicing.errors import (
    ConnectivityFault,
    DataFault,
    InternalFault,
    OutcomeUnknown,
    PaidcaseError,
    SettingsFault,
    Throttled,
)
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.client import WfirmaAccount, WfirmaClient
from invoicing.ports import utc_now
from tests.contract.gateways.far_server import FarServer, refusing, served

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ACCOUNT = WfirmaAccount("the-access-key", "the-secret-key", "77")
APP = "the-app-key"
BODY = {"invoices": {"0": {"invoice": {"contractor": {"name": "Anna Przykładowa"}}}}}
PDF = b"%PDF-1.7\n" + b"x" * 500 + b"\n%%EOF\n"


def status(code: str, **more: object) -> str:
    return json.dumps({**more, "status": {"code": code}})


class Far(FarServer):
    """A wFirma that answers what a test tells it, and keeps what it was asked."""

    begins = b'{"status": {"code": "OK"}}'

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict[str, str], dict[str, str], Any]] = []

    async def keep(self, request: web.Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.path, dict(request.query), headers, await request.json()))


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def remote() -> AsyncIterator[tuple[Far, str]]:
    far = Far()
    async with served(far.handle) as address:
        yield far, address


@pytest.fixture
def far(remote: tuple[Far, str]) -> Far:
    return remote[0]


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
async def client(remote: tuple[Far, str], clock: Time) -> AsyncIterator[WfirmaClient]:
    made = WfirmaClient(remote[1] + "/", APP, clock)
    yield made
    await made.close()


async def fault_of(call: Awaitable[object]) -> PaidcaseError:
    with pytest.raises(PaidcaseError) as caught:
        await call
    said = f"{caught.value.message} {caught.value.args}"
    assert not {"Anna", "Przykładowa", APP, *(ACCOUNT.access_key, ACCOUNT.secret_key)} & set(said.split())
    assert caught.value.__context__ is None or APP not in repr(caught.value.__context__)
    return caught.value


def read(client: WfirmaClient) -> Awaitable[object]:
    return client.read(ACCOUNT, "invoices/find", BODY)


def write(client: WfirmaClient) -> Awaitable[object]:
    return client.write(ACCOUNT, "invoices/add", BODY)


async def test_a_call_carries_keys_company_and_format_and_its_body_as_json(far: Far, client: WfirmaClient) -> None:
    far.says(status("OK"))
    await write(client)

    path, query, headers, body = far.asked[0]
    assert (path, body) == ("/invoices/add", BODY)
    assert query == {"inputFormat": "json", "outputFormat": "json", "company_id": "77"}
    assert (headers["accesskey"], headers["secretkey"], headers["appkey"]) == ("the-access-key", "the-secret-key", APP)
    assert headers["content-type"] == "application/json; charset=utf-8"


async def test_an_account_without_company_names_none(far: Far, client: WfirmaClient) -> None:
    far.says(status("OK"))
    await client.read(WfirmaAccount("a", "b"), "invoices/find", {})
    assert "company_id" not in far.asked[0][1]


async def test_calls_share_one_connection(far: Far, client: WfirmaClient) -> None:
    far.says(status("OK"))
    for _ in range(5):
        await read(client)
    assert len(far.ports) == 1


async def test_keys_are_not_in_the_representation_of_an_account() -> None:
    assert "key" not in repr(ACCOUNT).replace("_key", "").replace("WfirmaAccount", "")


CODES = [
    ("ERROR", DataFault, DataFault, "invoice_data_refused", None),
    ("INPUT ERROR", InternalFault, InternalFault, "internal", None),
    ("ACTION NOT FOUND", InternalFault, InternalFault, "internal", None),
    ("AUTH", SettingsFault, SettingsFault, "issuer_settings", None),
    ("AUTH FAILED LIMIT WAIT 5 MINUTES", SettingsFault, SettingsFault, "issuer_settings", None),
    ("ACCESS DENIED", SettingsFault, SettingsFault, "issuer_settings", None),
    ("DENIED SCOPE REQUESTED", SettingsFault, SettingsFault, "issuer_settings", None),
    ("COMPANY ID REQUIRED", SettingsFault, SettingsFault, "issuer_settings", None),
    ("OUT OF SERVICE", ConnectivityFault, ConnectivityFault, "provider_maintenance", None),
    ("SNAPSHOT LOCK", ConnectivityFault, ConnectivityFault, "account_maintenance", None),
    ("TOTAL REQUESTS LIMIT EXCEEDED", Throttled, Throttled, "provider_limit", 60),
    ("TOTAL EXECUTION TIME LIMIT EXCEEDED", Throttled, OutcomeUnknown, "provider_limit", 60),
    ("FATAL", ConnectivityFault, OutcomeUnknown, "issuer_unreachable", None),
    ("A CODE OF TOMORROW", ConnectivityFault, OutcomeUnknown, "issuer_unreachable", None),
]


@pytest.mark.parametrize("http", [200, 401, 400, 500])
@pytest.mark.parametrize(("code", "of_read", "of_write", "named", "pause"), CODES, ids=[row[0] for row in CODES])
async def test_the_status_code_in_the_body_decides_whatever_http_says(
    far: Far,
    client: WfirmaClient,
    code: str,
    of_read: type[PaidcaseError],
    of_write: type[PaidcaseError],
    named: str,
    pause: int | None,
    http: int,
) -> None:
    far.says(status(code), http)
    fault = await fault_of(read(client))
    assert (type(fault), fault.code) == (of_read, named)
    assert fault.retry_after == (timedelta(seconds=pause) if pause else None)
    if code.startswith("AUTH FAILED"):
        return
    fault = await fault_of(write(client))
    assert (type(fault), fault.code) == (of_write, "issuer_outcome_unknown" if of_write is OutcomeUnknown else named)
    assert fault.retry_after == (timedelta(seconds=pause) if pause else None)


@pytest.mark.parametrize("code", ["OK", "NOT FOUND", "Obiekt nie istnieje", "Nie znaleziono dokumentu."])
async def test_found_and_not_found_are_answers(far: Far, client: WfirmaClient, code: str) -> None:
    far.says(status(code))
    assert (await client.read(ACCOUNT, "invoices/get/1", {})).code == code


NONSENSE = [
    "", "<html>Przerwa techniczna</html>", '{"status": {"code": "O', "null", "[]", "{}", '{"status": "OK"}',
    '{"status": {"code": 7}}', '{"status": {"code": ""}}', b"\xff\xfe", "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("http", [200, 302, 418, 500, 502, 503])
@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: repr(body)[:30])
async def test_an_answer_that_cannot_be_believed_leaves_a_write_unknown(
    far: Far, client: WfirmaClient, body: str | bytes, http: int
) -> None:
    far.says(body, http, Location="/elsewhere")
    for call, kind, code in (
        (read, ConnectivityFault, "issuer_unreachable"),
        (write, OutcomeUnknown, "issuer_outcome_unknown"),
    ):
        fault = await fault_of(call(client))
        assert (type(fault), fault.code) == (kind, code)
    assert {path for path, *_ in far.asked} == {"/invoices/find", "/invoices/add"}


@pytest.mark.parametrize(
    ("http", "header", "seconds"),
    [
        (429, "7", 7), (429, None, 60), (429, "Sun, 22 Nov 2026 10:01:40 GMT", 100),
        (429, "Fri, 20 Nov 2026 10:00:00 GMT", 0), (429, "soon", 60), (429, "999999999", 6 * 3600), (503, "11", 11),
    ],
)  # fmt: skip
async def test_a_pause_that_is_named_is_kept(
    far: Far, client: WfirmaClient, http: int, header: str | None, seconds: int
) -> None:
    far.says("Too Many Requests", http, **({"Retry_After": header} if header else {}))
    fault = await fault_of(read(client))
    assert (type(fault), fault.code) == (Throttled, "provider_limit")
    assert fault.retry_after == timedelta(seconds=seconds)


async def test_a_write_that_was_turned_away_unread_is_known_and_one_behind_a_proxy_is_not(
    far: Far, client: WfirmaClient
) -> None:
    far.says("Too Many Requests", 429, Retry_After="7")
    assert type(await fault_of(write(client))) is Throttled
    far.says("Service Unavailable", 503, Retry_After="7")
    fault = await fault_of(write(client))
    assert (type(fault), fault.retry_after) == (OutcomeUnknown, timedelta(seconds=7))


@pytest.mark.parametrize("http", [401, 403, 404, 405])
async def test_an_address_that_takes_nothing_is_a_matter_of_settings(far: Far, client: WfirmaClient, http: int) -> None:
    far.says("<html></html>", http)
    for call in (read, write):
        fault = await fault_of(call(client))
        assert (type(fault), fault.code) == (SettingsFault, "issuer_settings")


@pytest.mark.parametrize("how", ["reset", "half", "hang"])
async def test_a_lost_answer_leaves_a_write_unknown(remote: tuple[Far, str], how: str) -> None:
    remote[0].answer = getattr(remote[0], how)
    client = WfirmaClient(remote[1], APP, utc_now, timeout=timedelta(seconds=0.2))
    assert type(await fault_of(read(client))) is ConnectivityFault
    assert type(await fault_of(write(client))) is OutcomeUnknown
    assert len(remote[0].asked) == 2
    await client.close()


@pytest.mark.parametrize("address", ["http://wfirma.invalid", "refused"])
async def test_a_connection_that_is_never_made_proves_that_nothing_happened(address: str) -> None:
    with refusing() as refused:
        client = WfirmaClient(refused if address == "refused" else address, APP, utc_now, timeout=timedelta(seconds=5))
        for call in (read, write):
            fault = await fault_of(call(client))
            assert (type(fault), fault.code) == (ConnectivityFault, "issuer_unreachable")
        await client.close()


async def test_a_write_does_not_leave_after_its_time(far: Far, client: WfirmaClient, clock: Time) -> None:
    far.says(status("OK"))
    late = client.write(ACCOUNT, "invoices/add", BODY, NOW - timedelta(seconds=1))
    assert type(await fault_of(late)) is ConnectivityFault
    assert far.asked == []
    await client.write(ACCOUNT, "invoices/add", BODY, NOW)
    clock.now += timedelta(seconds=1)
    assert type(await fault_of(client.write(ACCOUNT, "invoices/add", BODY, NOW))) is ConnectivityFault
    assert len(far.asked) == 1
    await write(client)  # the connection that was not used is still good, or another is made


async def test_a_locked_key_is_left_alone_for_five_minutes_and_others_are_not(
    far: Far, client: WfirmaClient, clock: Time
) -> None:
    far.says(status("AUTH FAILED LIMIT WAIT 5 MINUTES"))
    await fault_of(read(client))
    far.says(status("OK"))
    for call in (read, write):
        fault = await fault_of(call(client))
        assert (type(fault), fault.code) == (SettingsFault, "issuer_settings")
    assert len(far.asked) == 1
    await client.read(WfirmaAccount("another", "key"), "invoices/find", {})
    clock.now += timedelta(minutes=5)
    await read(client)
    assert len(far.asked) == 3


async def test_a_document_is_bytes_that_begin_like_a_pdf_whatever_the_headers_say(
    far: Far, client: WfirmaClient
) -> None:
    far.says(PDF, 200, Content_Type="text/html")
    assert await client.download(ACCOUNT, "12") == PDF
    path, _, _, body = far.asked[0]
    assert path == "/invoices/download/12"
    assert {"parameter": {"name": "page", "value": "invoice"}} in body["invoices"]["parameters"].values()


@pytest.mark.parametrize(
    ("body", "http", "kind", "code"),
    [
        (status("NOT FOUND"), 200, ConnectivityFault, "issuer_unreachable"),
        (status("OK"), 200, ConnectivityFault, "issuer_unreachable"),
        (status("AUTH"), 200, SettingsFault, "issuer_settings"),
        (status("OUT OF SERVICE"), 200, ConnectivityFault, "provider_maintenance"),
        ("<html>%PDF</html>", 200, ConnectivityFault, "issuer_unreachable"),
        (b" " + PDF, 200, ConnectivityFault, "issuer_unreachable"),
        (PDF, 500, ConnectivityFault, "issuer_unreachable"),
        (PDF + b"x" * wire.PDF_LIMIT, 200, ConnectivityFault, "issuer_unreachable"),
    ],
    ids=["not found", "ok", "auth", "service", "html", "space", "error", "large"],
)
async def test_anything_else_is_no_document(
    far: Far, client: WfirmaClient, body: str | bytes, http: int, kind: type[PaidcaseError], code: str
) -> None:
    far.says(body, http)
    fault = await fault_of(client.download(ACCOUNT, "12"))
    assert (type(fault), fault.code) == (kind, code)


async def test_a_closed_client_opens_again(far: Far, client: WfirmaClient) -> None:
    far.says(status("OK"))
    await read(client)
    await client.close()
    await read(client)
    assert len(far.asked) == 2
