"""The issuer against the stand-in, which was written from the protocol and shares no code with it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.domain.validation import case_totals
from invoicing.errors import DataFault, SettingsFault
from invoicing.ports import IssueOrder, Issuer
from invoicing.sandbox.wfirma.accounts import Account, Company
from tests.contract.gateways.wfirma_stage import COMPANY, LINE, PERSON, Stage, facts, open_stage

ORDER = IssueOrder(facts())
WARM = {"invoices/find": 1, "contractors/find": 1, "invoices/add": 1, "invoices/download": 1}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


async def test_the_invoice_of_the_specification_is_issued_paid_and_stored(stage: Stage) -> None:
    issuer: Issuer = stage.issuer()
    issued = await issuer.issue(ORDER)

    record = await stage.record()
    assert (issued.number, issued.issued_on) == ("FV 1/11/2026", date(2026, 11, 22))
    assert (await stage.documents.get(issued.sha256)).startswith(b"%PDF")
    assert {name: record[name] for name in ("type", "total", "netto", "tax", "currency", "id_external")} == {
        "type": "normal", "total": "398.52", "netto": "324.00", "tax": "74.52", "currency": "PLN",
        "id_external": "2026-000123-1",
    }  # fmt: skip
    assert (record["paymentstate"], record["alreadypaid"], record["auto_send"]) == ("paid", "398.52", "0")
    assert (record["date"], record["disposaldate"]) == ("2026-11-22", "2026-11-21")
    assert record["contractor_detail"]["nip"] == "5260250274"
    assert record["invoicecontents"][0]["vat_code"] == {"id": 222}
    assert record["contractor"]["id"] in stage.running.wfirma.all_books()[0].contractors


async def test_asking_again_gives_the_same_invoice_and_adds_nothing(stage: Stage) -> None:
    first = await stage.issuer().issue(ORDER)
    again = await stage.issuer().issue(ORDER)

    assert again == first
    assert (await stage.requests())["invoices/add"] == 1


async def test_an_invoice_costs_four_calls_once_buyer_and_rates_are_known(stage: Stage) -> None:
    issuer = stage.issuer()
    await issuer.issue(ORDER)
    first = await stage.requests()
    await issuer.issue(IssueOrder(facts("2026-000124")))
    both = await stage.requests()

    assert first == {**WARM, "contractors/add": 1, "vat_codes/find": 1}
    assert {name: count - first.get(name, 0) for name, count in both.items() if count > first.get(name, 0)} == WARM


async def test_two_experts_of_one_platform_use_their_own_keys(stage: Stage) -> None:
    await stage.account(access_key="other", secret_key="hidden", companies=[{"id": "7", "nip": "5252248481"}])
    other = {"wfirma": {"access_key": "other", "secret_key": "hidden", "company_id": "7"}}
    await stage.issuer().issue(ORDER)
    await stage.issuer().issue(IssueOrder(facts("2026-000124", expert=other)))

    assert [item["company_id"] for item in await stage.invoices()] == ["10001", "7"]


async def test_a_private_person_has_no_tax_number(stage: Stage) -> None:
    order = IssueOrder(facts(billing=PERSON))
    await stage.issuer().issue(order)
    await stage.issuer().issue(IssueOrder(facts("2026-000124", billing=PERSON)))

    detail = (await stage.record())["contractor_detail"]
    assert (detail["name"], detail["nip"], detail["tax_id_type"]) == ("Anna Przykładowa", "", "none")
    assert (await stage.ledger())["contractors"] == 1


@pytest.mark.parametrize("change", [{"street": "Krótka 1"}, {"city": "Łódź"}, {"postal_code": "90-001"}])
async def test_a_person_of_the_same_name_elsewhere_is_somebody_else(stage: Stage, change: dict[str, str]) -> None:
    await stage.issuer().issue(IssueOrder(facts(billing=PERSON)))
    await stage.issuer().issue(IssueOrder(facts("2026-000124", billing={**PERSON, **change})))

    assert (await stage.ledger())["contractors"] == 2


async def test_a_buyer_whose_data_changed_is_edited_and_old_invoices_stay(stage: Stage) -> None:
    await stage.issuer().issue(ORDER)
    moved = {**COMPANY, "street": "Prosta 9", "name": "Przykład Nowy sp. z o.o."}
    await stage.issuer().issue(IssueOrder(facts("2026-000124", billing=moved)))

    assert (await stage.ledger())["contractors"] == 1
    assert (await stage.requests())["contractors/edit"] == 1
    assert (await stage.record(0))["contractor_detail"]["street"] == "Jasna 6/3"
    assert (await stage.record(1))["contractor_detail"]["street"] == "Prosta 9"


@pytest.mark.parametrize(
    ("billing", "kind", "number"),
    [
        ({"country": "DE", "tax_id": "DE136695976", "postal_code": "10117"}, "vat", "DE136695976"),
        ({"country": "DE", "tax_id": "136695976", "postal_code": "10117"}, "vat", "DE136695976"),
        ({"country": "GR", "tax_id": "094259216", "postal_code": "10117"}, "vat", "EL094259216"),
        ({"country": "SA", "tax_id": "310122393500003", "postal_code": None}, "custom", "310122393500003"),
        ({"country": "US", "tax_id": None}, "none", ""),
        ({"tax_id": "PL 526-025-02-74"}, "nip", "5260250274"),
    ],
)
async def test_a_tax_number_goes_under_its_kind_and_is_found_again(
    stage: Stage, billing: dict[str, Any], kind: str, number: str
) -> None:
    order = IssueOrder(facts(billing={**COMPANY, **billing}))
    first = await stage.issuer().issue(order)
    assert await stage.issuer().issue(order) == first

    detail = (await stage.record())["contractor_detail"]
    assert (detail["tax_id_type"], detail["nip"]) == (kind, number)


async def test_a_seller_without_vat_issues_a_bill_with_the_basis_of_his_exemption(tmp_path: Path) -> None:
    seller = Account("exempt", "hidden", (Company(vat_payer=False),))
    async with open_stage(tmp_path, seller) as stage:
        expert = {
            "wfirma": {"access_key": "exempt", "secret_key": "hidden"},
            "vat_status": "exempt",
            "exemption_basis": "art. 113 ust. 1",
        }
        order = IssueOrder(facts(expert=expert, lines=[{**LINE, "vat_rate": "zw"}]))
        issued = await stage.issuer().issue(order)

        record = await stage.record()
        assert (issued.number, record["type"], record["total"]) == ("R 1/2026", "bill", "324.00")
        assert record["description"] == "Podstawa zwolnienia z VAT (zw): art. 113 ust. 1"
        assert "vat_codes/find" not in await stage.requests()


@pytest.mark.parametrize(
    ("rate", "code", "billing"),
    [
        ("23", 222, {}), ("8", 223, {}), ("5", 224, {}), ("0", 225, {}), ("zw", 226, {}), ("np", 227, {}),
        ("np_eu", 228, {"country": "DE", "tax_id": "DE136695976", "postal_code": "10117"}), ("oo", 232, {}),
    ],
)  # fmt: skip
async def test_every_rate_is_looked_up(stage: Stage, rate: str, code: int, billing: dict[str, str]) -> None:
    order = IssueOrder(facts(billing={**COMPANY, **billing}, lines=[{**LINE, "vat_rate": rate}]))
    await stage.issuer().issue(order)

    record = await stage.record()
    assert record["invoicecontents"][0]["vat_code"] == {"id": code}
    assert ("odwrotne obciążenie" in record["description"]) is (rate == "oo")


@pytest.mark.parametrize("prices", ["net", "gross"])
@pytest.mark.parametrize(
    "lines",
    [
        [{"quantity": "4", "unit_price": "657.95", "discount_percent": "0"}, {"quantity": "1", "unit_price": "892.05"}],
        [{"quantity": "0.333333", "unit_price": "100.00"}],
        [{"quantity": "3", "unit_price": "33.33", "discount_amount": "10.01", "discount_percent": "0"}],
        [{"quantity": "1", "unit_price": "100.00", "discount_amount": "12.50", "discount_percent": "20"}],
        [{"quantity": "1", "unit_price": "99999.99", "vat_rate": "8"}, {"unit_price": "0.01"}, {"vat_rate": "zw"}],
    ],
    ids=str,
)
async def test_wfirma_computes_our_total_to_the_grosz(stage: Stage, prices: str, lines: list[dict[str, str]]) -> None:
    case = facts(lines=[{**LINE, **line} for line in lines], prices=prices, expert={"exemption_basis": "art. 43"})
    await stage.issuer().issue(IssueOrder(case))

    sums, record = case_totals(case.document), await stage.record()
    assert sums is not None
    assert (Decimal(record["total"]), Decimal(record["tax"])) == (sums.gross, sums.vat)
    assert record["price_type"] == {"net": "netto", "gross": "brutto"}[prices]


async def test_a_line_that_wfirma_cannot_express_tells_its_parts_in_its_name(stage: Stage) -> None:
    line = {**LINE, "quantity": "0.333333", "unit_price": "100.00", "discount_percent": "0"}
    await stage.issuer().issue(IssueOrder(facts(lines=[line])))

    content = (await stage.record())["invoicecontents"][0]
    assert (content["count"], content["price"]) == ("1.0000", "33.33")
    assert content["name"] == "Konsultacja prawna (0.333333 godz. × 100 PLN)"


@pytest.mark.parametrize(("language", "number"), [("en", "1"), ("fr-CA", "2"), ("ru", "4"), ("ar", 0), ("pl", 0)])
async def test_the_clients_language_stands_beside_polish_where_wfirma_has_it(
    stage: Stage, language: str, number: str | int
) -> None:
    await stage.issuer().issue(IssueOrder(facts(language=language)))
    assert (await stage.record())["translation_language"] == {"id": number}


async def test_another_currency_is_kept(stage: Stage) -> None:
    await stage.issuer().issue(IssueOrder(facts(currency="EUR")))
    assert (await stage.record())["currency"] == "EUR"


async def test_the_experts_series_is_used_by_its_name(stage: Stage) -> None:
    made = {"name": "Porady", "template": "PR/[numer]/[rok]", "type": "normal", "reset": "yearly"}
    await stage.call("series/add", {"series": {"0": {"series": made}}})
    issued = await stage.issuer().issue(IssueOrder(facts(expert={"invoice_series": "Porady"})))
    assert issued.number == "PR/1/2026"


async def test_a_series_that_wfirma_lacks_is_a_matter_of_settings_and_nothing_is_issued(stage: Stage) -> None:
    fault = await stage.fault_of(IssueOrder(facts(expert={"invoice_series": "FV/{number}/{year}"})))
    assert isinstance(fault, SettingsFault)
    assert fault.code == "issuer_settings"
    assert "invoices/add" not in await stage.requests()


async def test_a_series_deleted_meanwhile_is_a_matter_of_settings_and_is_looked_up_anew(stage: Stage) -> None:
    issuer, order = stage.issuer(), IssueOrder(facts(expert={"invoice_series": "Faktury"}))
    await issuer.issue(order)
    books = stage.running.wfirma.all_books()[0]
    kept = books.series.pop(101)
    with pytest.raises(SettingsFault):
        await issuer.issue(IssueOrder(facts("2026-000124", expert={"invoice_series": "Faktury"})))
    books.series[109] = dataclasses.replace(kept, id=109)
    await issuer.issue(IssueOrder(facts("2026-000124", expert={"invoice_series": "Faktury"})))
    assert (await stage.record(1))["series"] == {"id": 109}


@pytest.mark.parametrize(
    ("expert", "billing"),
    [({"wfirma": None}, COMPANY), ({"wfirma": {"access_key": "x", "secret_key": "y"}}, COMPANY)],
)
async def test_missing_and_wrong_keys_are_a_matter_of_settings(
    stage: Stage, expert: dict[str, Any], billing: dict[str, Any]
) -> None:
    fault = await stage.fault_of(IssueOrder(facts(expert=expert, billing=billing)))
    assert (type(fault), fault.code) == (SettingsFault, "issuer_settings")
    assert "y" not in fault.message.split()


async def test_facts_that_lack_the_buyer_are_refused_before_any_call(stage: Stage) -> None:
    fault = await stage.fault_of(IssueOrder(facts(billing={"kind": "company"})))
    assert (type(fault), fault.code) == (DataFault, "invoice_facts_incomplete")
    assert await stage.requests() == {}


@pytest.mark.parametrize(
    ("reason", "path", "code"),
    [
        ("contractor.nip", "billing_data.tax_id", "bad_nip"),
        ("contractor.zip", "billing_data.postal_code", "bad_postal_code"),
        ("invoicecontents.0.name", "lines[0].description", "bad_format"),
        ("invoicecontents.1.price", "lines[1].unit_price", "bad_format"),
        ("invoicecontents.1.vat", "lines[1].vat_rate", "unknown_vat_rate"),
        ("currency", "currency", "currency_not_supported"),
        ("paymentdate", "wfirma.paymentdate", "bad_format"),
    ],
)
async def test_a_refused_field_is_named_by_our_path(stage: Stage, reason: str, path: str, code: str) -> None:
    await stage.fault("validation", "invoices/add", reason=reason)
    fault = await stage.fault_of(IssueOrder(facts(lines=[LINE, LINE])))

    assert isinstance(fault, DataFault)
    assert fault.code == "invoice_data_refused"
    assert [(item.field, item.code) for item in fault.faults] == [(path, code)]
    assert await stage.invoices() == []
    assert (await stage.issuer().issue(IssueOrder(facts(lines=[LINE, LINE])))).number == "FV 1/11/2026"


async def test_a_buyer_whom_wfirma_refuses_is_a_fault_of_the_data(stage: Stage) -> None:
    await stage.fault("validation", "contractors/add", reason="nip")
    fault = await stage.fault_of(ORDER)
    assert isinstance(fault, DataFault)
    assert [(item.field, item.code) for item in fault.faults] == [("billing_data.tax_id", "bad_nip")]


async def test_a_kind_of_document_that_the_account_may_not_issue_is_a_matter_of_settings(stage: Stage) -> None:
    exempt = {"vat_status": "exempt", "exemption_basis": "art. 113"}
    fault = await stage.fault_of(IssueOrder(facts(expert=exempt, lines=[{**LINE, "vat_rate": "zw"}])))
    assert (type(fault), fault.code) == (SettingsFault, "issuer_settings")


async def test_a_company_among_several_must_be_named(stage: Stage) -> None:
    await stage.account(access_key="two", secret_key="hidden", companies=[{"id": "1"}, {"id": "2"}])
    keys = {"access_key": "two", "secret_key": "hidden"}
    assert type(await stage.fault_of(IssueOrder(facts(expert={"wfirma": keys})))) is SettingsFault
    await stage.issuer().issue(IssueOrder(facts(expert={"wfirma": {**keys, "company_id": "2"}})))
    assert [item["company_id"] for item in await stage.invoices()] == ["2"]


@pytest.mark.parametrize(("annex_15", "currency", "demanded"), [(True, "PLN", True), (False, "PLN", False)])
async def test_split_payment_is_asked_for_where_it_is_demanded(
    stage: Stage, annex_15: bool, currency: str, demanded: bool
) -> None:
    line = {**LINE, "quantity": "100", "unit_price": "240.00", "annex_15": annex_15}
    await stage.issuer().issue(IssueOrder(facts(lines=[line], currency=currency)))
    record = await stage.record()
    assert ("mechanizm podzielonej płatności" in record["description"]) is demanded
