"""The sample documents are what they claim to be."""

import json
import re
from datetime import UTC, date, datetime

import pytest

from examples import documents
from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.correcting import CorrectionRequest, changes_nothing, correction_faults
from invoicing.domain.issuing import plan_invoice
from invoicing.domain.validation import ContentRules, content_faults
from invoicing.errors import Fault
from starter.documents import read_correction
from starter.rows import RowReader
from tests.unit.domain.samples import CASE_JSON, EXPERT_JSON
from tests.unit.starter.commands import EXAMPLES

CASES = sorted(path.name for path in EXAMPLES.glob("case-*.json"))
EXPERT = ExpertDocument.model_validate_json((EXAMPLES / "expert.json").read_bytes())


def faults(document: CaseDocument) -> tuple[Fault, ...]:
    billing = document.billing_data
    assert not hasattr(billing, "profile_id")
    return content_faults(document, billing, EXPERT, ContentRules())


def of_file(name: str) -> list[CaseDocument]:
    with (EXAMPLES / name).open("rb") as file:
        found = [row.case for row in RowReader(file, name[name.index(".") :]).take(100)]
    assert all(isinstance(case, CaseDocument) for case in found)
    return [case for case in found if isinstance(case, CaseDocument)]


@pytest.mark.parametrize("name", CASES)
def test_a_sample_case_can_be_invoiced_unless_its_name_says_otherwise(name: str) -> None:
    document = CaseDocument.model_validate(json.loads((EXAMPLES / name).read_text()))
    expected = (Fault("billing_data.tax_id", "bad_nip"),) if "bad-nip" in name else ()
    assert faults(document) == expected


@pytest.mark.parametrize("name", ["cases.csv", "cases.jsonl"])
def test_every_row_of_the_sample_files_can_be_invoiced(name: str) -> None:
    assert [faults(document) for document in of_file(name)] == [(), (), ()]


def test_the_sample_correction_can_be_carried_out_on_the_sample_case() -> None:
    document = CaseDocument.model_validate(json.loads((EXAMPLES / "case-external.json").read_text()))
    assert isinstance(document.billing_data, BillingData)
    invoice = plan_invoice(
        document, document.billing_data, EXPERT, number="FV/1/11/2026", issued_on=date(2026, 11, 22),
        paid_at=datetime(2026, 11, 22, tzinfo=UTC), payment_reference="1", language="pl",
    )  # fmt: skip
    wish = read_correction((EXAMPLES / "correction.json").read_bytes())
    assert isinstance(wish, CorrectionRequest)
    assert correction_faults(wish, invoice, document, document.billing_data, EXPERT, ContentRules()) == ()
    assert not changes_nothing(invoice, document, wish)


def test_the_files_are_the_documents_that_demonstration_and_tests_vary() -> None:
    assert json.loads((EXAMPLES / "expert.json").read_text()) == documents.EXPERT
    assert json.loads((EXAMPLES / "case-autopay.json").read_text()) == documents.case_document()


def test_the_documents_are_those_of_the_specification_word_for_word() -> None:
    assert json.loads(CASE_JSON) == documents.case_document()
    assert json.loads(EXPERT_JSON) == documents.EXPERT


def test_sample_cases_have_ids_of_their_own() -> None:
    ids = [json.loads((EXAMPLES / name).read_text())["case_id"] for name in CASES]
    ids += [document.case_id for name in ("cases.csv", "cases.jsonl") for document in of_file(name)]
    assert len(ids) == len(set(ids)) == 11


def test_several_rates_are_several() -> None:
    document = CaseDocument.model_validate(json.loads((EXAMPLES / "case-several-rates.json").read_text()))
    assert {line.vat_rate for line in document.lines} == {"23", "8", "5"}


def test_every_address_of_the_samples_is_one_that_nobody_has() -> None:
    texts = [path.read_text() for path in EXAMPLES.iterdir() if path.suffix in {".json", ".csv", ".jsonl"}]
    addresses = [address for text in texts for address in re.findall(r"[\w.]+@([\w.]+)", text)]
    assert set(addresses) == {"example.com"}
