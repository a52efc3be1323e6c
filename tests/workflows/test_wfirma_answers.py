"""What a case does with each class of answer that wFirma gives, and how each is cured, end to end.

Every class is met by a case of its own, all at the same time; what unknown outcomes do is in `test_wfirma`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from invoicing.documents.pdf.invoice import render
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.labels import Role
from invoicing.domain.records import Event
from invoicing.domain.state import CaseState, InvoiceStatus, Parked, Step
from invoicing.errors import Cause
from invoicing.sandbox.wfirma.accounts import Account, Company
from invoicing.storage import tables
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from tests.unit.documents.samples import invoice

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADD, FIND = "invoices/add", "invoices/find"
AFTER = timedelta(seconds=1)


@dataclass(frozen=True)
class Told:
    """An answer, and what becomes of the case: code, cause, attempts, fields named."""

    operation: str
    fault: str
    code: str
    cause: str
    attempts: int
    faults: tuple[tuple[str, str], ...] = ()
    reason: str = ""


ANSWERS = {
    "buyer": Told(
        ADD, "validation", "invoice_data_refused", "billing_data", 1, (("billing_data.tax_id", "bad_nip"),),
        "contractor.nip",
    ),
    "line": Told(
        ADD, "validation", "invoice_data_refused", "billing_data", 1, (("lines[0].vat_rate", "unknown_vat_rate"),),
        "invoicecontents.0.vat",
    ),
    "kind": Told(ADD, "validation", "issuer_settings", "settings", 1, reason="type"),
    "keys": Told(FIND, "auth", "issuer_settings", "settings", 1),
    "locked": Told(FIND, "auth_limit", "issuer_settings", "settings", 1),
    "rights": Told(ADD, "access_denied", "issuer_settings", "settings", 1),
    "scope": Told(FIND, "denied_scope", "issuer_settings", "settings", 1),
    "company": Told(FIND, "company_id_required", "issuer_settings", "settings", 1),
    "ours": Told(ADD, "input_error", "internal", "internal", 1),
    "away": Told(FIND, "drop_before", "issuer_unreachable", "connectivity", 3),
    "closed": Told(ADD, "out_of_service", "provider_maintenance", "connectivity", 3),
    "restored": Told(ADD, "snapshot_lock", "account_maintenance", "connectivity", 3),
    "limit": Told(ADD, "http_429", "provider_limit", "limit", 3, reason="1"),
    "broken": Told(FIND, "fatal", "issuer_unreachable", "connectivity", 3),
    "html": Told(FIND, "html", "issuer_unreachable", "connectivity", 3),
    "error": Told(FIND, "http_500", "issuer_unreachable", "connectivity", 3),
    "cut": Told(FIND, "truncated_json", "issuer_unreachable", "connectivity", 3),
}  # fmt: skip
SERIES = "series"
"""The series of the settings is not there: nothing of wFirma is disturbed."""

DIFFERS = ("repaired", "instead")
"""wFirma has computed another total; two ways out of it, the third (deleted there) stands in `test_wfirma`."""


def parked(cause: str, code: str, attempts: int, faults: tuple[tuple[str, str], ...] = ()) -> Parked:
    return Parked(step=Step.INVOICE, cause=Cause(cause), code=code, attempts=attempts, faults=faults)


def expert_of(row: str) -> str:
    return f"exp-{row}" if row in {"locked", SERIES} else "exp-books"


async def failed(stage: World, case_id: str) -> CaseState:
    """The record of a case whose round has failed, once its expert has his mail."""
    state = await stage.when(case_id, lambda state: state.parked, "the case is parked", 90)
    await until(partial(stage.mailed, case_id, 1), "the expert has his mail")
    return state


Seen = dict[str, CaseState]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("answers"), api=False) as opened:
        opened.box.wfirma.gate.add(Account("access-locked", "secret-locked", (Company(id="20001"),)))
        books: dict[str, Any] = {"issuer": "wfirma", "invoice_series": None, "wfirma": WFIRMA_KEYS}
        await opened.save_expert("exp-books", **books)
        locked = {"access_key": "access-locked", "secret_key": "secret-locked"}
        await opened.save_expert("exp-locked", **{**books, "wfirma": locked})
        opened.wfirma_fault("user_companies/find", "out_of_service")  # so that what is wrong is not found on saving
        await opened.save_expert("exp-series", **{**books, "invoice_series": "Nie ma"})
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seen(stage: World) -> Seen:
    """The records of all cases after their failed round."""
    for row, told in ANSWERS.items():
        more = {"reason": told.reason} if told.reason else {}
        stage.wfirma_fault(told.operation, told.fault, f"{row}-1", times=told.attempts, **more)
    for row in DIFFERS:
        stage.wfirma_fault(ADD, "wrong_total", f"{row}-1")
    cases = [*ANSWERS, SERIES, *DIFFERS]
    for row in cases:
        await stage.record(row, paid=True, expert_id=expert_of(row))
    return dict(zip(cases, await asyncio.gather(*(failed(stage, row) for row in cases)), strict=True))


async def parked_as(stage: World, state: CaseState, wanted: Parked) -> None:
    """The case waits for this reason; the client has no cell and no mail, the expert one notice, ops one alert."""
    case_id = state.case_id
    assert state.parked == wanted
    shown = await stage.shown(case_id, Role.CLIENT)
    assert (shown["payment"]["label"], shown["invoice"]["status"], shown["invoice"]["cell"]) == (
        "Zrealizowana", "failed", None,
    )  # fmt: skip
    assert [mail.message_id for mail in stage.mails(case_id)] == [f"<expert-failed.{case_id}.1@example.com>"]
    assert [row["kind"] for row in await stage.rows(tables.notices, case_id)] == ["expert-failed"]
    assert [alert.code for alert in await stage.alerts(case_id)] == [wanted.code]
    tries = [entry for entry in await stage.app.store.timeline(case_id) if entry.event is Event.ATTEMPT_FAILED]
    assert [entry.attempt for entry in tries] == list(range(1, wanted.attempts + 1))
    assert {(entry.cause, entry.code) for entry in tries} == {(wanted.cause, wanted.code)}


@pytest.mark.parametrize("row", ANSWERS)
async def test_an_answer_parks_the_case_as_its_class_says(stage: World, seen: Seen, row: str) -> None:
    told = ANSWERS[row]
    await parked_as(stage, seen[row], parked(told.cause, told.code, told.attempts, told.faults))
    assert stage.issued(row) == []


async def test_a_series_that_is_not_there_parks_at_once(stage: World, seen: Seen) -> None:
    await parked_as(stage, seen[SERIES], parked("settings", "issuer_settings", 1))


async def test_the_pause_that_wfirma_names_is_kept(stage: World, seen: Seen) -> None:
    tries = [entry.at for entry in await stage.app.store.timeline("limit") if entry.event is Event.ATTEMPT_FAILED]
    assert all(later - earlier >= AFTER for earlier, later in pairwise(tries))


@pytest.mark.parametrize("row", ["buyer", "keys", "ours", "closed", "limit", "cut"])
async def test_a_fresh_round_after_the_cure_issues_one_invoice(stage: World, seen: Seen, row: str) -> None:
    await stage.app.deciding.take(row, DecisionKind.REGENERATE_INVOICE, "ops")
    state = await stage.ended(row)
    assert [item["fullnumber"] for item in stage.issued(row)] == [state.invoice.number]
    assert [item["kind"] for item in await stage.rows(tables.notices, row)] == ["expert-failed", "expert-paid"]
    assert await stage.alerts(row) == []


@pytest.mark.parametrize("row", DIFFERS)
async def test_another_total_is_refused_before_anything_is_mailed(stage: World, seen: Seen, row: str) -> None:
    faults = (("wfirma.total", "bad_format"),)
    await parked_as(stage, seen[row], parked("billing_data", "issuer_total_differs", 1, faults))
    assert [item["total"] for item in stage.issued(row)] == ["398.53"]
    assert await stage.rows(tables.archive, row) == []


async def test_an_invoice_repaired_at_wfirma_is_adopted_by_the_next_round(stage: World, seen: Seen) -> None:
    (document,) = stage.issued("repaired")
    repair = {"invoices": {"0": {"invoice": {"description": "poprawiono"}}}}
    await stage.call_wfirma("POST", f"invoices/edit/{document['id']}", repair)
    await stage.app.deciding.take("repaired", DecisionKind.REGENERATE_INVOICE, "ops")
    state = await stage.ended("repaired")
    assert state.invoice.number == document["fullnumber"]
    assert [item["total"] for item in stage.issued("repaired")] == ["398.52"]


async def test_a_document_attached_instead_ends_the_case_and_is_what_the_client_gets(stage: World, seen: Seen) -> None:
    pdf = render(invoice())
    await stage.app.deciding.attach("instead", "expert:exp-books", pdf, None)
    state = await stage.ended("instead")
    assert (state.invoice.status, state.parked) == (InvoiceStatus.MANUAL, None)
    assert await stage.app.documents.get(state.invoice.sha256 or "") == pdf
    await until(partial(stage.mailed, "instead", 2), "the client has it by mail")
    assert await stage.alerts("instead") == []
