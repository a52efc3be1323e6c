"""What a check of an expert's account finds, by field, and what it must leave open."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from invoicing.domain.cases import ExpertDocument
from invoicing.errors import ConnectivityFault
from invoicing.ports import IssueOrder
from invoicing.sandbox.wfirma.faults import CODES
from tests.contract.gateways.wfirma_stage import Stage, facts, open_stage

SHORT = timedelta(seconds=0.2)
FIELDS = {
    "auth": [("wfirma.access_key", "issuer_not_ready"), ("wfirma.secret_key", "issuer_not_ready")],
    "access_denied": [("wfirma.access_key", "issuer_not_ready")],
    "denied_scope": [("wfirma.access_key", "issuer_not_ready")],
    "company_id_required": [("wfirma.company_id", "missing")],
}
"""Codes that say definitely what the expert must change."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


def expert(**changes: Any) -> ExpertDocument:
    found = facts(expert=changes).expert
    assert found is not None
    return found


async def found(stage: Stage, told: ExpertDocument, **options: Any) -> list[tuple[str, str]]:
    return [(item.field, item.code) for item in await stage.issuer(**options).check(told)]


async def test_a_good_account_is_proved_by_reading_alone(stage: Stage) -> None:
    assert await found(stage, expert(invoice_series="Faktury", tax_id="1234563218")) == []
    assert await stage.requests() == {
        "invoices/find": 1, "series/find": 1, "user_companies/find": 1, "vat_codes/find": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"wfirma": None}, [("wfirma", "missing")]),
        ({"wfirma": {"access_key": "sandbox-access", "secret_key": "wrong"}}, FIELDS["auth"]),
        ({"wfirma": {"access_key": "nobody", "secret_key": "sandbox-secret"}}, FIELDS["auth"]),
        (
            {"wfirma": {"access_key": "sandbox-access", "secret_key": "sandbox-secret", "company_id": "9"}},
            [("wfirma.company_id", "issuer_not_ready")],
        ),
        ({"wfirma": {"access_key": "two", "secret_key": "hidden"}}, FIELDS["company_id_required"]),
        ({"invoice_series": "Nie ma"}, [("invoice_series", "issuer_not_ready")]),
        ({"invoice_series": "Rachunki"}, [("invoice_series", "issuer_not_ready")]),
        (
            {"invoice_series": "Faktury", "vat_status": "exempt", "exemption_basis": "art. 113"},
            [("invoice_series", "issuer_not_ready")],
        ),
        ({"invoice_series": "Rachunki", "vat_status": "exempt", "exemption_basis": "art. 113"}, []),
        ({"wfirma": {"access_key": "two", "secret_key": "hidden", "company_id": "2"}}, []),
    ],
    ids=str,
)
async def test_what_would_fail_later_is_found_by_its_field(
    stage: Stage, changes: dict[str, Any], fields: list[tuple[str, str]]
) -> None:
    await stage.account(access_key="two", secret_key="hidden", companies=[{"id": "1"}, {"id": "2"}])
    assert await found(stage, expert(**changes)) == fields


async def test_keys_of_another_seller_are_found_by_his_documents(stage: Stage) -> None:
    await stage.issuer().issue(IssueOrder(facts()))
    assert await found(stage, expert(tax_id="1234563218")) == []
    assert await found(stage, expert(tax_id="5260250274")) == [("tax_id", "issuer_not_ready")]


async def test_a_series_of_the_name_for_another_kind_of_document_is_passed_over(stage: Stage) -> None:
    await stage.issuer().issue(IssueOrder(facts()))
    (books,) = {books for books, _ in stage.running.wfirma.documents()}
    books.series[999] = dataclasses.replace(books.series[101], id=999, type="proforma")
    assert await found(stage, expert(invoice_series="Faktury")) == []
    await stage.issuer().issue(IssueOrder(facts("2026-000124", expert={"invoice_series": "Faktury"})))
    assert (await stage.record(1))["series"] == {"id": 101}


@pytest.mark.parametrize("operation", ["user_companies/find", "invoices/find", "vat_codes/find", "series/find"])
@pytest.mark.parametrize("fault", [*CODES, "hang", "drop_before", "drop_after_commit", "http_500", "html", "http_429"])
async def test_each_answer_says_what_is_wrong_or_that_it_cannot_be_known(
    stage: Stage, fault: str, operation: str
) -> None:
    await stage.fault(fault, operation)
    told = expert(invoice_series="Faktury")
    if fault in FIELDS:
        assert await found(stage, told, timeout=SHORT) == FIELDS[fault]
    elif fault == "not_found":
        named = {"vat_codes/find": "vat_status", "series/find": "invoice_series"}.get(operation)
        assert await found(stage, told, timeout=SHORT) == ([(named, "issuer_not_ready")] if named else [])
    else:
        with pytest.raises(ConnectivityFault):
            await found(stage, told, timeout=SHORT)
    assert await stage.invoices() == []
