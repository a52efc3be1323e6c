"""What people see, row by row, in five languages: each state is brought about once and read through the API.

The Polish words are those of the specification's table, written down here once more; the other languages must say the
same key in words of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from invoicing.documents.pdf.invoice import render
from invoicing.domain.cases import LANGUAGES
from invoicing.locale import text
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from tests.unit.documents.samples import invoice

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPERT = "exp-rows"
BY_HAND = "exp-hand"


@dataclass(frozen=True)
class Row:
    """One row of the table: what client and expert may do, and the words with their keys."""

    paid: bool
    payment: tuple[str, str | None, str | None]
    cell: tuple[str, str | None, str | None]
    client: tuple[str, ...]
    expert: tuple[str, ...] = ()
    reason: tuple[str | None, str | None] = (None, None)


OPEN = ("open", "payment.open", "Realizowana")
FAILED = ("failed", "payment.failed", "Błąd")
DONE = ("completed", "payment.completed", "Zrealizowana")
AGAIN = ("pay_again", "invoice.pay_again", "Ponów płatność")
EMPTY = ("manual", None, None)
SORRY = ("invoice.failed_reason", "Przepraszamy, nie mogliśmy utworzyć faktury")

ROWS = {
    "priced": Row(False, ("none", None, None), ("none", None, None), ("pay",)),
    "open": Row(
        False, OPEN, ("resume_payment", "invoice.resume_payment", "Spróbuj ponownie"), ("resume_payment",)
    ),
    "cancelled": Row(False, FAILED, AGAIN, ("pay_again",)),
    "failed": Row(False, FAILED, AGAIN, ("pay_again",)),
    "expired": Row(False, FAILED, AGAIN, ("pay_again",)),
    "generating": Row(True, DONE, ("generating", "invoice.generating", "Generowanie faktury"), ()),
    "stored": Row(
        True, DONE, ("available", "invoice.available", "Pobierz fakturę"), ("download",), ("download", "resend_invoice")
    ),
    "by-hand": Row(True, DONE, EMPTY, (), ("attach_invoice",)),
    "attached": Row(
        True, DONE, EMPTY, ("download",), ("download", "resend_invoice", "attach_invoice")
    ),
    "three-failed": Row(
        True, DONE, ("failed", None, None), (), ("regenerate_invoice", "attach_invoice"), SORRY
    ),
}  # fmt: skip
STATUS = {False: ("case.in_analysis", "ANALIZA SPRAWY"), True: ("case.in_preparation", "W PRZYGOTOWANIU")}
SENTENCE = "Wystąpił błąd podczas wystawiania faktury dla klienta do sprawy nr three-failed"
Bring = Callable[[World], Awaitable[object]]


async def attempted(stage: World, case_id: str, action: Action | None = None) -> None:
    await stage.record(case_id, expert_id=EXPERT)
    await stage.pay(case_id)
    if action is not None:
        stage.act(f"{case_id}-1", action)
        await stage.when(case_id, lambda state: state.payment.status == "failed", "the attempt has failed")


async def by_hand(stage: World, case_id: str) -> None:
    await stage.record(case_id, paid=True, expert_id=BY_HAND)
    await stage.ended(case_id)


async def attached(stage: World, case_id: str) -> None:
    await by_hand(stage, case_id)
    async with asked(stage, "PUT", f"/v1/cases/{case_id}/invoice/attachment", f"expert:{BY_HAND}", pdf()) as answer:
        assert answer.status == 200, await answer.text()
    await stage.when(case_id, lambda state: state.invoice.sha256, "the document is there")


async def generating(stage: World, case_id: str) -> None:
    stage.wfirma_fault("invoices/find", "hang", case_id, seconds=14)
    await stage.record(case_id, paid=True, expert_id=EXPERT)
    await stage.when(case_id, lambda state: state.paid, "the case is paid")


async def three_failed(stage: World, case_id: str) -> None:
    stage.wfirma_fault("invoices/add", "out_of_service", case_id, times=3)
    await stage.record(case_id, paid=True, expert_id=EXPERT)
    await stage.when(case_id, lambda state: state.parked, "the case is parked")
    await until(lambda: stage.mailed(case_id, 1), "the expert has his mail")


async def stored(stage: World, case_id: str) -> None:
    await attempted(stage, case_id)
    stage.act(f"{case_id}-1", Action.PAY)
    await stage.ended(case_id)


BRING: dict[str, Bring] = {
    "priced": lambda stage: stage.record("priced", expert_id=EXPERT),
    "open": partial(attempted, case_id="open"),
    "cancelled": partial(attempted, case_id="cancelled", action=Action.CANCEL),
    "failed": partial(attempted, case_id="failed", action=Action.REFUSE),
    "expired": partial(attempted, case_id="expired", action=Action.EXPIRE),
    "generating": partial(generating, case_id="generating"),
    "stored": partial(stored, case_id="stored"),
    "by-hand": partial(by_hand, case_id="by-hand"),
    "attached": partial(attached, case_id="attached"),
    "three-failed": partial(three_failed, case_id="three-failed"),
}


def pdf() -> bytes:
    return render(invoice())


@asynccontextmanager
async def asked(
    stage: World, method: str, path: str, role: str, body: bytes | None = None, language: str = "pl"
) -> AsyncIterator[aiohttp.ClientResponse]:
    """One call of the running API."""
    token = stage.app.tokens.issue(role, stage.app.clock())
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    if body is not None:
        headers["Content-Type"] = "application/pdf"
    url = f"{stage.env['PUBLIC_URL']}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=headers) as answer:
        yield answer


async def read(stage: World, path: str, role: str, language: str = "pl") -> dict[str, Any]:
    async with asked(stage, "GET", path, role, language=language) as answer:
        assert (answer.status, answer.headers["Content-Language"]) == (200, language), await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


Seen = dict[tuple[str, str, str], dict[str, Any]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("rows")) as opened:
        await opened.save_expert(EXPERT, issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
        await opened.save_expert(BY_HAND, issuer="none", invoice_series=None)
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seen(stage: World) -> Seen:
    """Every state, brought about at the same time and read at once in each language as client and as expert."""
    found: Seen = {}

    async def one(row: str) -> None:
        await BRING[row](stage)
        expert = BY_HAND if row in {"by-hand", "attached"} else EXPERT
        for language in LANGUAGES:
            for role in ("client:cli-7", f"expert:{expert}"):
                key = (row, role.partition(":")[0], language)
                found[key] = await read(stage, f"/v1/cases/{row}", role, language)

    await asyncio.gather(*(one(row) for row in ROWS))
    return found


def said(language: str, key: str | None, polish: str | None) -> str | None:
    """The words of a key; the Polish ones are the specification's."""
    if key is None:
        return None
    return polish if language == "pl" else text(language, key)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("row", ROWS)
async def test_a_row_of_the_table_reads_as_it_is_written(seen: Seen, row: str, language: str) -> None:
    wanted = ROWS[row]
    status, label, polish = wanted.payment
    code, cell, polish_cell = wanted.cell
    for role, actions in (("client", wanted.client), ("expert", wanted.expert)):
        told = seen[row, role, language]
        assert told["case_status"]["label"] == said(language, *STATUS[wanted.paid]), role
        assert (told["payment"]["status"], told["payment"]["label"]) == (status, said(language, label, polish)), role
        assert (told["invoice"]["status"], told["invoice"]["cell"]) == (code, said(language, cell, polish_cell)), role
        assert told["invoice"]["reason"] == said(language, *wanted.reason), role
        assert tuple(told["actions"]) == actions, role


async def test_no_two_languages_say_a_label_in_the_same_words(seen: Seen) -> None:
    for row, wanted in ROWS.items():
        if wanted.payment[1]:
            assert len({seen[row, "client", language]["payment"]["label"] for language in LANGUAGES}) == 5, row


async def test_a_case_that_was_never_clicked_has_no_row_in_the_list_of_payments(stage: World, seen: Seen) -> None:
    listed = {item["case_id"] for item in (await read(stage, "/v1/payments?limit=100", "client:cli-7"))["items"]}
    assert listed >= set(ROWS) - {"priced"}
    assert "priced" not in listed


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_expert_is_told_of_the_failed_round_once_in_the_reader_s_language(
    stage: World, seen: Seen, language: str
) -> None:
    page = await read(stage, "/v1/notifications?limit=100", f"expert:{EXPERT}", language)
    (told,) = [item["message"] for item in page["items"] if item["case_id"] == "three-failed"]
    wanted = text(language, "mail.expert-failed.text", case_id="three-failed")
    assert told == (SENTENCE if language == "pl" else wanted)
    others = await read(stage, "/v1/notifications", f"expert:{BY_HAND}", language)
    assert "three-failed" not in {item["case_id"] for item in others["items"]}


async def test_a_notification_that_is_read_is_counted_no_more(stage: World, seen: Seen) -> None:
    role, path = f"expert:{EXPERT}", "/v1/notifications"
    page = await read(stage, path, role)
    (told,) = [item for item in page["items"] if item["case_id"] == "three-failed"]
    assert told["read_at"] is None
    for _ in range(2):
        async with asked(stage, "POST", f"{path}/{told['id']}/read", role) as answer:
            assert answer.status == 200
    after = await read(stage, path, role)
    assert after["unread"] == page["unread"] - 1
    assert {item["id"]: item["read_at"] is None for item in after["items"]}[told["id"]] is False


async def test_zrealizowana_is_final_whatever_the_gateway_says_later(stage: World, seen: Seen) -> None:
    stage.act("stored-1", Action.LATE_FAILURE)

    async def taken() -> bool:
        rows = [row for row in await stage.rows(tables.inbox, "stored") if row["status"] == "FAILURE"]
        return bool(rows) and all(row["delivered_at"] for row in rows)

    await until(taken, "the late failure was handed over")
    later = await read(stage, "/v1/cases/stored", "client:cli-7")
    assert later["payment"] == seen["stored", "client", "pl"]["payment"]
    assert later["case_status"]["label"] == "W PRZYGOTOWANIU"
