"""What is found at wFirma is proved before it is used: the record, its sum, the file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from invoicing.errors import DataFault, OutcomeUnknown
from invoicing.ports import IssueOrder
from tests.contract.gateways.wfirma_stage import COMPANY, NOON, PERSON, Stage, facts, open_stage

ORDER = IssueOrder(facts())


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


async def test_a_total_that_differs_by_a_grosz_is_refused_until_the_invoice_is_repaired(stage: Stage) -> None:
    await stage.fault("wrong_total", "invoices/add")
    for _ in range(2):
        fault = await stage.fault_of(ORDER)
        assert (type(fault), fault.code) == (DataFault, "issuer_total_differs")
    found = (await stage.invoices())[0]
    assert ((await stage.requests())["invoices/add"], found["total"]) == (1, "398.53")

    await stage.call(f"invoices/edit/{found['id']}", {"invoices": {"0": {"invoice": {"description": "poprawiono"}}}})
    assert (await stage.issuer().issue(ORDER)).number == found["fullnumber"]


async def test_a_differing_invoice_deleted_at_wfirma_is_issued_anew(stage: Stage) -> None:
    await stage.fault("wrong_total", "invoices/add")
    await stage.fault_of(ORDER)
    await stage.call(f"invoices/delete/{(await stage.invoices())[0]['id']}", {})
    issued = await stage.attempts(ORDER)
    assert [(item["total"], item["fullnumber"]) for item in await stage.invoices()] == [("398.52", issued.number)]


@pytest.mark.parametrize(
    "other",
    [
        facts(billing={**COMPANY, "tax_id": "5252248481"}),
        facts(billing=PERSON),
        facts(currency="EUR"),
    ],
    ids=["tax number", "person", "currency"],
)
async def test_an_invoice_that_says_something_else_is_not_adopted(stage: Stage, other: Any) -> None:
    await stage.issuer().issue(IssueOrder(other))
    fault = await stage.fault_of(ORDER)
    assert (type(fault), fault.code) == (DataFault, "issuer_invoice_differs")
    assert len(await stage.invoices()) == 1


async def test_a_document_of_another_kind_is_not_adopted(stage: Stage) -> None:
    await stage.issuer().issue(ORDER)
    stage.running.wfirma.documents()[0][1].record["type"] = "proforma"
    fault = await stage.fault_of(ORDER)
    assert isinstance(fault, DataFault)
    assert [item.field for item in fault.faults] == ["wfirma.type"]


async def test_two_invoices_under_one_id_are_left_to_a_person(stage: Stage) -> None:
    await stage.issuer().issue(ORDER)
    await stage.issuer().issue(IssueOrder(facts("2026-000124")))
    stage.running.wfirma.documents()[1][1].record["id_external"] = "2026-000123-1"
    fault = await stage.fault_of(ORDER)
    assert (type(fault), fault.code) == (DataFault, "issuer_invoice_differs")


async def test_cases_whose_ids_differ_only_in_case_never_share_an_invoice(stage: Stage) -> None:
    await stage.issuer().issue(IssueOrder(facts("case-a")))
    await stage.issuer().issue(IssueOrder(facts("case-A")))
    assert [item["id_external"] for item in await stage.invoices()] == ["case-a-1", "case-A-1"]


async def test_nothing_is_added_while_the_search_is_not_obeyed(stage: Stage) -> None:
    await stage.issuer().issue(IssueOrder(facts("another")))
    await stage.fault("ignore_conditions", "invoices/find")
    fault = await stage.fault_of(ORDER)
    assert (fault.code, fault.retryable, fault.outcome_known) == ("issuer_unreachable", True, True)
    assert len(await stage.invoices()) == 1


@pytest.mark.parametrize("fault", ["not_a_pdf", "html", "truncated_json", "not_found", "fatal"])
async def test_bytes_that_are_no_pdf_are_never_stored(stage: Stage, fault: str, tmp_path: Path) -> None:
    await stage.fault(fault, "invoices/download")
    failed = await stage.fault_of(ORDER)
    assert (failed.code, failed.retryable) == ("issuer_unreachable", True)
    assert files(tmp_path) == []
    assert (await stage.issuer().issue(ORDER)).number == "FV 1/11/2026"


async def test_a_pdf_with_another_total_is_refused(stage: Stage, tmp_path: Path) -> None:
    await stage.fault("wrong_total", "invoices/download")
    fault = await stage.fault_of(ORDER)
    assert isinstance(fault, DataFault)
    assert (fault.code, [item.field for item in fault.faults]) == ("issuer_document_differs", ["wfirma.pdf.total"])
    assert files(tmp_path) == []


async def test_looking_adopts_what_is_there_and_proves_what_is_not(stage: Stage) -> None:
    assert await stage.issuer().look(ORDER) is None
    issued = await stage.issuer().issue(ORDER)
    assert await stage.issuer().look(ORDER) == issued


async def test_looking_proves_nothing_while_an_add_may_be_under_way(stage: Stage) -> None:
    await stage.fault("drop_before", "invoices/add")
    lost = await stage.fault_of(ORDER)
    with pytest.raises(OutcomeUnknown) as early:
        await stage.issuer().look(ORDER)
    assert early.value.retry_after == lost.retry_after
    stage.clock.advance(lost.retry_after or NOON - NOON)
    assert await stage.issuer().look(ORDER) is None
