"""The correction to zero, made once, of an invoice that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from invoicing.errors import DataFault
from invoicing.ports import IssueOrder
from tests.contract.gateways.wfirma_stage import COMPANY, Stage, facts, open_stage

ORDER = IssueOrder(facts())


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


async def test_the_correction_takes_the_whole_invoice_back_once(stage: Stage) -> None:
    issued = await stage.issuer().issue(ORDER)
    corrected = await stage.issuer().correct_to_zero(IssueOrder(facts(), 2))
    again = await stage.issuer().correct_to_zero(IssueOrder(facts(), 2))

    first, correction = await stage.record(0), await stage.record(1)
    assert again == corrected
    assert (corrected.number, corrected.sha256 == issued.sha256) == ("FK 1/2026", False)
    assert (correction["type"], correction["id_external"]) == ("correction", "2026-000123-2")
    assert (correction["total"], correction["tax"], correction["parent"]["id"]) == ("-398.52", "-74.52", first["id"])
    assert [content["brutto"] for content in correction["invoicecontents"]] == ["0.00"]
    assert correction["invoicecontents"][0]["parent"] == {"id": first["invoicecontents"][0]["id"]}


async def test_the_buyer_of_a_correction_is_the_one_of_the_invoice(stage: Stage) -> None:
    await stage.issuer().issue(ORDER)
    later = facts(billing={**COMPANY, "tax_id": "5252248481"})
    await stage.issuer().correct_to_zero(IssueOrder(later, 2))
    assert (await stage.record(1))["contractor_detail"]["nip"] == "5260250274"


async def test_there_is_no_correction_without_an_invoice(stage: Stage) -> None:
    with pytest.raises(DataFault) as refused:
        await stage.issuer().correct_to_zero(IssueOrder(facts(), 2))
    assert refused.value.code == "issuer_invoice_differs"


async def test_an_invoice_corrected_by_hand_is_left_to_a_person(stage: Stage) -> None:
    await stage.issuer().issue(ORDER)
    given = {"type": "correction", "parent_id": (await stage.record())["id"]}
    line = {"parent_id": (await stage.record())["invoicecontents"][0]["id"], "count": "1", "price": "240.00"}
    given["invoicecontents"] = {"0": {"invoicecontent": line}}
    told = await stage.call("invoices/add", {"invoices": {"0": {"invoice": given}}})
    assert told["status"]["code"] == "OK"
    with pytest.raises(DataFault) as refused:
        await stage.issuer().correct_to_zero(IssueOrder(facts(), 2))
    assert refused.value.code == "issuer_invoice_differs"
    assert len(await stage.invoices()) == 2
