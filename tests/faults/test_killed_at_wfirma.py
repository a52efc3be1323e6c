"""Workers killed around every call of wFirma, and answers that are lost: one invoice a case, and one correction.

One world; every case has a seller with an account of his own, and a point or a fault. The books of the stand-in decide.
A worker here does one activity at a time, so a death hits no other case.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from invoicing.domain.records import Event
from invoicing.domain.state import Badge, InvoiceStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.sandbox.autopay.notifier import ItnMode
from invoicing.sandbox.wfirma.accounts import Account, Company
from invoicing.storage import tables
from tests.faults.stage import killed_for_all, unarmed
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUING = (
    "invoices/find",
    "vat_codes/find",
    "series/find",
    "translation_languages/find",
    "contractors/find",
    "contractors/add",
    "invoices/add",
    "invoices/download",
)
"""Calls of an issue in their order; `contractors/edit` stands for `contractors/add` where the buyer is known."""

CORRECTING = ("invoices/find", "invoices/add", "invoices/download")
WHEN = ("before", "after")
ISSUED = {
    f"kill-{number}": f"{when} {place} 1 of generate_invoice"
    for number, (place, when) in enumerate((place, when) for place in ISSUING for when in WHEN)
}
EDITED = {f"edit-{when}": f"{when} contractors/edit 1 of generate_invoice" for when in WHEN}
ZEROED = {
    f"zero-{number}": f"{when} {place} 1 of correct_after_refund"
    for number, (place, when) in enumerate((place, when) for place in CORRECTING for when in WHEN)
} | {"zero-again": "after invoices/find 2 of correct_after_refund"}
POINTS = {**ISSUED, **EDITED, **ZEROED}

FAULTS = {
    "invoices/add": ("drop_after_commit", "truncated_json", "fatal_after_commit", "hang"),
    "invoices/download": ("drop_before", "drop_after_commit", "truncated_json", "not_a_pdf", "hang"),
    "invoices/find": ("drop_after_commit", "truncated_json", "html_after_commit"),
    "contractors/find": ("drop_after_commit", "http_500_after_commit"),
    "contractors/add": ("drop_after_commit", "html_after_commit"),
}
LOST = {
    f"lost-{number}": told
    for number, told in enumerate((place, fault) for place, faults in FAULTS.items() for fault in faults)
}
"""Answers that do not arrive, or not whole."""


async def seller(stage: World, case_id: str) -> None:
    """An expert of the case alone, with keys, company and books of his own."""
    at = [*POINTS, *LOST].index(case_id)
    stage.box.wfirma.gate.add(Account(f"access-{case_id}", f"secret-{case_id}", (Company(id=f"2{at:04}"),)))
    keys = {"access_key": f"access-{case_id}", "secret_key": f"secret-{case_id}"}
    await stage.save_expert(f"exp-{case_id}", issuer="wfirma", invoice_series="Faktury", wfirma=keys)


def buyer(case_id: str) -> dict[str, Any]:
    """A buyer without a tax number: the stand-in's switches find him by his name."""
    return {
        "kind": "person", "name": f"Klient {case_id}", "street": "Długa 5", "postal_code": "31-146", "city": "Kraków",
        "country": "PL", "email": "klient@example.com",
    }  # fmt: skip


async def known(stage: World, case_id: str) -> None:
    """The buyer is in the catalogue already, with another address for mail."""
    who = {name: value for name, value in buyer(case_id).items() if name not in {"kind", "postal_code"}}
    record = {**who, "tax_id_type": "none", "zip": "31-146", "email": "dawny@example.com"}
    headers = {"accessKey": f"access-{case_id}", "secretKey": f"secret-{case_id}", "appKey": "sandbox-app"}
    url = f"{stage.box.wfirma_url}/contractors/add?inputFormat=json&outputFormat=json"
    body = {"contractors": {"0": {"contractor": record}}}
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
        assert (await answer.json())["status"]["code"] == "OK"


def aim(case_id: str, operation: str) -> str:
    """What a switch for this case alone is aimed at."""
    return buyer(case_id)["name"] if operation.startswith("contractors") else f"{case_id}-1"


async def record(stage: World, case_id: str, *, paid: bool = True) -> None:
    client = {"id": "cli-7", "email": "klient@example.com", "language": "en"}
    await stage.record(case_id, paid=paid, expert_id=f"exp-{case_id}", billing_data=buyer(case_id), client=client)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    temporal: TemporalServer, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder, settings = tmp_path_factory.mktemp("wfirma"), {"PAYMENT_POLL_INTERVAL": "300ms", "BROWNOUT_GOVERNOR": "off"}
    async with world(temporal, folder, workers=0, api=False, template=template, settings=settings) as opened:
        for case_id in (*POINTS, *LOST):
            await seller(opened, case_id)
        opened.payer("zero-", Action.PAY, ItnMode.DROP)
        worker = unarmed(opened)
        for case_id in ZEROED:
            await record(opened, case_id, paid=False)
        await asyncio.gather(*(opened.pay(case_id, 0.01) for case_id in ZEROED))
        for case_id in ZEROED:
            await opened.run_ended(case_id)
        worker.kill()
        await asyncio.to_thread(worker.wait, 10)
        for case_id in ZEROED:
            await opened.app.deciding.refund(case_id, "ops", None, "not needed any more", "once")
        for case_id in EDITED:
            await known(opened, case_id)
        for case_id, (operation, fault) in LOST.items():
            seconds = {"seconds": 5} if fault == "hang" else {}
            opened.wfirma_fault(operation, fault, aim(case_id, operation), **seconds)
        for case_id in (*ISSUED, *EDITED, *LOST):
            await record(opened, case_id)
        await killed_for_all(opened, POINTS)
        yield opened


async def one_invoice(stage: World, case_id: str) -> None:
    """The case has the invoice that stands in the books, alone, and everybody was told once."""
    state = await stage.ended(case_id, 90)
    assert (state.invoice.status, state.parked, state.badges) == (InvoiceStatus.AVAILABLE, None, ()), stage.logs()
    documents = stage.issued(case_id)
    assert [(item["id_external"], item["fullnumber"]) for item in documents] == [(f"{case_id}-1", state.invoice.number)]
    assert (await stage.app.documents.get(state.invoice.sha256 or "")).startswith(b"%PDF")
    assert [row["kind"] for row in await stage.rows(tables.notices, case_id)] == ["expert-paid"]
    assert await stage.alerts(case_id) == []
    assert await stage.open_tasks(case_id) == []
    assert {mail.message_id for mail in stage.mails(case_id)} == {
        f"<invoice.{case_id}.1@example.com>", f"<expert-paid.{case_id}.1@example.com>",
    }  # fmt: skip


@pytest.mark.parametrize(("case_id", "point"), ISSUED.items(), ids=ISSUED.values())
async def test_a_kill_around_a_call_leaves_one_invoice(stage: World, case_id: str, point: str) -> None:
    await one_invoice(stage, case_id)
    told = [entry for entry in await stage.app.store.timeline(case_id) if entry.event is Event.ATTEMPT_FAILED]
    assert (told[0].attempt, told[0].code) == (1, "step_timed_out"), "the death stands in our own record"


@pytest.mark.parametrize(("case_id", "point"), EDITED.items(), ids=EDITED.values())
async def test_a_kill_around_the_edit_of_a_buyer_leaves_one_invoice_for_the_buyer_of_today(
    stage: World, case_id: str, point: str
) -> None:
    await one_invoice(stage, case_id)
    (document,) = stage.issued(case_id)
    assert document["contractor_detail"]["email"] == "klient@example.com"


@pytest.mark.parametrize(("case_id", "lost"), LOST.items(), ids=[" ".join(lost) for lost in LOST.values()])
async def test_a_lost_answer_leaves_one_invoice(stage: World, case_id: str, lost: tuple[str, str]) -> None:
    await one_invoice(stage, case_id)
    left = {switch["match"] for switch in stage.box.wfirma.switches.as_json()}
    assert aim(case_id, lost[0]) not in left, "the fault was met"


@pytest.mark.parametrize(("case_id", "point"), ZEROED.items(), ids=ZEROED.values())
async def test_a_kill_around_a_call_of_the_correction_leaves_one_correction(
    stage: World, case_id: str, point: str
) -> None:
    async def corrected() -> bool:
        return Event.INVOICE_CORRECTED in await stage.events(case_id)

    await until(corrected, f"{case_id} is corrected", 90)
    assert set((await stage.state(case_id)).badges) == {Badge.REFUNDED, Badge.CORRECTED}
    documents = stage.issued(case_id)
    assert [(item["type"], item["id_external"]) for item in documents] == [
        ("normal", f"{case_id}-1"), ("correction", f"{case_id}-2"),
    ]  # fmt: skip
    assert (await stage.events(case_id)).count(Event.INVOICE_CORRECTED) == 1
