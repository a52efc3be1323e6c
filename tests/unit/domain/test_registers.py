"""What registers are asked about a case, and what a denial makes of it."""

import pytest

from invoicing.domain.cases import BillingData
from invoicing.domain.registers import (
    Asked,
    Question,
    case_faults_of,
    case_questions,
    seller_faults_of,
    seller_questions,
)
from tests.unit.domain.samples import buyer, case_with_line, expert, person

SELLER = Question(Asked.ACTIVE_PAYER, "1234563218")
ACCOUNT = Question(Asked.PAYERS_ACCOUNT, "1234563218", "61109010140000071219812874")
GERMAN = buyer(country="DE", tax_id="136695976", postal_code="10115")
GREEK = buyer(country="GR", tax_id="EL 094259216", postal_code="105 57")


def test_an_ordinary_domestic_case_asks_only_whether_the_seller_charges_vat_rightly() -> None:
    assert case_questions(case_with_line(), buyer(), expert()) == (SELLER,)


@pytest.mark.parametrize(
    ("rate", "who", "asked"),
    [
        ("np_eu", GERMAN, Question(Asked.EU_VAT_NUMBER, "DE136695976")),
        ("np_eu", GREEK, Question(Asked.EU_VAT_NUMBER, "EL094259216")),
        ("oo", buyer(tax_id="PL 526-025-02-74"), Question(Asked.ACTIVE_PAYER, "5260250274")),
    ],
)
def test_the_buyer_is_asked_about_where_the_rate_rests_on_him(
    rate: str, who: BillingData | None, asked: Question
) -> None:
    assert case_questions(case_with_line(vat_rate=rate), who, expert()) == (asked, SELLER)


@pytest.mark.parametrize(
    ("rate", "who"),
    [
        ("23", GERMAN),
        ("np_eu", person(country="DE", postal_code="10115")),
        ("np_eu", buyer(country="DE", tax_id="1/../2?x", postal_code="10115")),
        ("oo", GERMAN),
        ("oo", buyer(tax_id="5260250275")),
        ("np_eu", None),
    ],
)
def test_nothing_is_asked_about_a_buyer_on_whom_no_rate_rests_or_whose_number_cannot_be_one(
    rate: str, who: BillingData | None
) -> None:
    assert case_questions(case_with_line(vat_rate=rate), who, expert()) == (SELLER,)


@pytest.mark.parametrize(
    "changes",
    [
        {"vat_status": "exempt", "exemption_basis": "art. 113 ust. 1"},
        {"country": "DE"},
        {"tax_id": None},
        {"tax_id": "1234563219"},
    ],
)
def test_nothing_is_asked_about_a_seller_who_charges_no_polish_vat(changes: dict[str, object]) -> None:
    assert seller_questions(expert(**changes)) == ()


def test_an_expert_who_invoices_by_himself_is_his_own_judge() -> None:
    assert case_questions(case_with_line(vat_rate="np_eu"), GERMAN, expert(issuer="none")) == ()


def test_a_sellers_account_is_asked_about_only_where_it_is_one_in_poland() -> None:
    assert seller_questions(expert(bank_account="pl61 1090 1014 0000 0712 1981 2874")) == (SELLER, ACCOUNT)
    assert seller_questions(expert(bank_account="DE89370400440532013000")) == (SELLER,)
    assert seller_questions(expert(bank_account=None)) == (SELLER,)


def test_a_denied_buyer_is_a_fault_of_his_number_or_of_the_rate() -> None:
    european = case_with_line(vat_rate="np_eu")
    no = {Question(Asked.EU_VAT_NUMBER, "DE136695976")}
    found = [(f.field, f.code) for f in case_faults_of(european, GERMAN, expert(), no)]
    assert found == [("billing_data.tax_id", "bad_vat_number")]
    reverse = case_with_line(vat_rate="oo")
    no = {Question(Asked.ACTIVE_PAYER, "5260250274")}
    found = [(f.field, f.code) for f in case_faults_of(reverse, buyer(), expert(), no)]
    assert found == [("lines[0].vat_rate", "vat_rate_not_allowed")]


def test_a_denied_seller_is_a_fault_of_the_expert() -> None:
    found = [(f.field, f.code) for f in case_faults_of(case_with_line(), buyer(), expert(), {SELLER})]
    assert found == [("expert_id", "expert_incomplete")]
    own = [(f.field, f.code) for f in seller_faults_of(expert(), {SELLER, ACCOUNT})]
    assert own == [("tax_id", "bad_nip"), ("bank_account", "bad_iban")]


def test_a_denial_of_somebody_else_is_no_fault() -> None:
    other = {Question(Asked.EU_VAT_NUMBER, "DE999999999"), Question(Asked.ACTIVE_PAYER, "5260250274")}
    assert list(case_faults_of(case_with_line(vat_rate="np_eu"), GERMAN, expert(), other)) == []
    assert list(case_faults_of(case_with_line(), buyer(), expert(), other)) == []
