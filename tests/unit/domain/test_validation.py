"""Every fault is found before money moves: each code reached by a case, all of them at once, and no false alarm."""

from decimal import Decimal
from typing import Any

import pytest

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.faults import FaultCode
from invoicing.domain.parties import seller_faults
from invoicing.domain.validation import ContentRules, case_totals, content_faults, priced_lines
from tests.unit.domain.samples import EXTERNAL, buyer, case, case_with_line, expert, line_fields, person

RULES = ContentRules()
GERMAN = {"country": "DE", "postal_code": "10115", "tax_id": "DE136695976"}
EXEMPT = {"vat_status": "exempt", "exemption_basis": "art. 113 ust. 1 ustawy o VAT"}


def found(
    document: CaseDocument | None = None,
    who: BillingData | None = None,
    seller: ExpertDocument | None = None,
    rules: ContentRules = RULES,
) -> list[tuple[str, str]]:
    """Faults of the specified documents with some of them exchanged."""
    faults = content_faults(document or case(), who or buyer(), seller or expert(), rules)
    return [(fault.field, fault.code) for fault in faults]


def test_the_specified_documents_have_no_fault() -> None:
    assert found() == []


REACHED = [
    (FaultCode.MISSING, "billing_data.street", {"who": buyer(street=None)}),
    (FaultCode.UNKNOWN_FIELD, "billing_data.tax_id", {"who": buyer(kind="person")}),
    (FaultCode.TOO_LONG, "billing_data.name", {"who": buyer(name="x" * 257)}),
    (FaultCode.BAD_CHARACTERS, "billing_data.name", {"who": buyer(name="a\u202eb")}),
    (FaultCode.BAD_NIP, "billing_data.tax_id", {"who": buyer(tax_id="1234567890")}),
    (FaultCode.BAD_VAT_NUMBER, "billing_data.tax_id", {"who": buyer(**{**GERMAN, "tax_id": "DE1"})}),
    (FaultCode.BAD_POSTAL_CODE, "billing_data.postal_code", {"who": buyer(postal_code="00013")}),
    (FaultCode.BAD_EMAIL, "billing_data.email", {"who": buyer(email="a,b@example.com")}),
    (FaultCode.BAD_EMAIL, "client.email", {"document": case(client={"id": "k", "email": "anna"})}),
    (FaultCode.BAD_COUNTRY, "billing_data.country", {"who": person(country="UK")}),
    (FaultCode.UNKNOWN_VAT_RATE, "lines[0].vat_rate", {"document": case_with_line(vat_rate="22")}),
    (FaultCode.VAT_RATE_NOT_ALLOWED, "lines[0].vat_rate", {"document": case_with_line(vat_rate="np_eu")}),
    (FaultCode.AMOUNT_TOO_SMALL, "lines", {"document": case_with_line(unit_price="0.05")}),
    (FaultCode.AMOUNT_TOO_SMALL, "lines[0].quantity", {"document": case_with_line(quantity="0")}),
    (FaultCode.AMOUNT_TOO_LARGE, "lines", {"document": case_with_line(unit_price="99999999999999.99")}),
    (FaultCode.AMOUNT_TOO_LARGE, "lines[0].discount_amount", {"document": case_with_line(discount_amount="400")}),
    (FaultCode.CURRENCY_NOT_SUPPORTED, "currency", {"document": case(currency="CHF", payment=EXTERNAL)}),
    (FaultCode.EXPERT_INCOMPLETE, "expert_id", {"seller": expert(street=None)}),
    (FaultCode.ISSUER_NOT_READY, "expert_id", {"seller": expert(issuer="wfirma")}),
    (FaultCode.KSEF_REQUIRED, "billing_data.tax_id", {"seller": expert(ksef="required")}),
]


@pytest.mark.parametrize(("code", "path", "changes"), REACHED)
def test_a_fault_is_named_by_path_and_code(code: FaultCode, path: str, changes: dict[str, Any]) -> None:
    assert (path, code.value) in found(**changes)


def test_every_fault_code_of_content_is_reached_by_some_case() -> None:
    elsewhere = {
        FaultCode.BAD_FORMAT,  # a shape error, see test_cases.py
        FaultCode.BAD_IBAN,  # told to the expert himself; a client hears that the expert is incomplete
        FaultCode.EXPERT_UNKNOWN,  # the next test
    }
    assert {code for code, _, _ in REACHED} == set(FaultCode) - elsewhere


def test_an_expert_that_nobody_knows_is_a_fault() -> None:
    faults = content_faults(case(), buyer(), None, RULES)
    assert [(f.field, f.code) for f in faults] == [("expert_id", "expert_unknown")]


def test_a_case_without_billing_data_lacks_them_and_an_address_for_the_invoice() -> None:
    faults = content_faults(case(client={"id": "k"}), None, expert(), RULES)
    assert {(f.field, f.code) for f in faults} == {("billing_data", "missing"), ("client.email", "missing")}


def test_an_address_for_the_invoice_is_needed_once() -> None:
    nobody = case(client={"id": "k"})
    assert found(nobody, buyer()) == []
    assert found(nobody, buyer(email=None)) == [("client.email", "missing")]
    assert found(case(), buyer(email=None)) == []


def test_all_faults_are_told_at_once_each_once() -> None:
    document = case(
        client={"id": "k", "email": "anna"},
        currency="CHF",
        lines=[
            line_fields(description=" ", quantity="0", vat_rate="22"),
            line_fields(unit="x" * 21, vat_rate="7"),
            line_fields(description="a\x00b", vat_rate="np_eu"),
        ],
    )
    wrong = buyer(name=" ", tax_id="1234567890", postal_code="1", email="x")
    seller = expert(tax_id=None, bank_account="PL00", ksef="required")
    told = [(f.field, f.code) for f in content_faults(document, wrong, seller, RULES)]
    assert len(told) == len(set(told))
    assert set(told) == {
        ("billing_data.name", "missing"),
        ("billing_data.postal_code", "bad_postal_code"),
        ("billing_data.email", "bad_email"),
        ("billing_data.tax_id", "bad_nip"),
        ("billing_data.tax_id", "ksef_required"),
        ("client.email", "bad_email"),
        ("currency", "currency_not_supported"),
        ("lines[0].description", "missing"),
        ("lines[0].quantity", "amount_too_small"),
        ("lines[0].vat_rate", "unknown_vat_rate"),
        ("lines[1].unit", "too_long"),
        ("lines[1].vat_rate", "unknown_vat_rate"),
        ("lines[2].description", "bad_characters"),
        ("lines[2].vat_rate", "vat_rate_not_allowed"),
        ("expert_id", "expert_incomplete"),
    }


@pytest.mark.parametrize(
    ("rate", "who", "seller", "allowed"),
    [
        pytest.param("23", buyer(), expert(), True, id="ordinary"),
        pytest.param("zw", buyer(), expert(**EXEMPT), True, id="exempt seller, zw"),
        pytest.param("23", buyer(), expert(**EXEMPT), False, id="exempt seller, 23"),
        pytest.param("0", buyer(), expert(**EXEMPT), False, id="exempt seller, 0"),
        pytest.param("np", person(country="US"), expert(**EXEMPT), False, id="exempt seller, np"),
        pytest.param("zw", buyer(), expert(), False, id="zw without a basis"),
        pytest.param("zw", buyer(), expert(exemption_basis="art. 43 ust. 1 pkt 29"), True, id="zw with a basis"),
        pytest.param("23", buyer(), expert(**EXEMPT, issuer="none"), True, id="issuer none invoices as he likes"),
        pytest.param("np_eu", buyer(**GERMAN), expert(), True, id="np_eu, business abroad"),
        pytest.param("np_eu", buyer(), expert(), False, id="np_eu, Polish business"),
        pytest.param("np_eu", person(country="DE", postal_code="10115"), expert(), False, id="np_eu, person abroad"),
        pytest.param("np_eu", buyer(country="US", tax_id=None), expert(), False, id="np_eu, outside the union"),
        pytest.param("np_eu", buyer(**{**GERMAN, "tax_id": "1"}), expert(), False, id="np_eu, wrong number"),
        pytest.param("np", buyer(country="US", tax_id=None), expert(), True, id="np, abroad"),
        pytest.param("np", buyer(), expert(), False, id="np, Polish buyer"),
        pytest.param("oo", buyer(), expert(), True, id="oo, business"),
        pytest.param("oo", person(), expert(), False, id="oo, person"),
        pytest.param("oo", buyer(country="US", tax_id=None), expert(), False, id="oo, business without number"),
    ],
)
def test_a_rate_is_allowed_by_seller_and_buyer_together(
    rate: str, who: BillingData, seller: ExpertDocument, allowed: bool
) -> None:
    told = ("lines[0].vat_rate", "vat_rate_not_allowed") in found(case_with_line(vat_rate=rate), who, seller)
    assert told is not allowed


@pytest.mark.parametrize(
    "lacking",
    [
        {"tax_id": None},
        {"street": " "},
        {"postal_code": None},
        {"city": None},
        {"invoice_series": None},
        {"invoice_series": "FV/{month}/{year}"},
        {"invoice_series": "{number}/{month}"},
        {"tax_id": "1234567890"},
        {"bank_account": "PL00"},
        {"vat_status": "exempt"},
        {"name": "a\u202eb"},
        {"email": "x"},
    ],
)
def test_an_expert_whose_own_invoice_could_not_be_made_is_incomplete(lacking: dict[str, Any]) -> None:
    document = case_with_line(vat_rate="zw") if "vat_status" in lacking else case()
    assert ("expert_id", "expert_incomplete") in found(document, seller=expert(**lacking))


def test_an_expert_who_invoices_by_himself_needs_nothing_of_that() -> None:
    bare = expert(issuer="none", tax_id=None, street=None, city=None, postal_code=None, invoice_series=None)
    assert found(seller=bare) == []


def test_an_issuer_that_is_set_up_is_ready() -> None:
    ready = ContentRules(ready_issuers=frozenset({"wfirma"}))
    keys = {"access_key": "access", "secret_key": "secret", "company_id": None}
    assert found(seller=expert(issuer="wfirma", wfirma=keys), rules=ready) == []
    assert found(seller=expert(issuer="wfirma"), rules=ready) == [("expert_id", "issuer_not_ready")]
    assert found(seller=expert(), rules=ready) == [("expert_id", "issuer_not_ready")]


@pytest.mark.parametrize(
    ("who", "seller", "needed"),
    [
        pytest.param(buyer(), expert(ksef="required"), True, id="Polish business"),
        pytest.param(buyer(), expert(ksef="outside"), False, id="expert outside KSeF"),
        pytest.param(person(), expert(ksef="required"), False, id="private person"),
        pytest.param(buyer(**GERMAN), expert(ksef="required"), False, id="business abroad"),
        pytest.param(buyer(), expert(ksef="required", issuer="none"), False, id="issuer none"),
    ],
)
def test_ksef_is_needed_for_own_invoices_to_polish_businesses(
    who: BillingData, seller: ExpertDocument, needed: bool
) -> None:
    assert (("billing_data.tax_id", "ksef_required") in found(who=who, seller=seller)) is needed


@pytest.mark.parametrize(
    ("price", "minimum", "enough"),
    [("0.08", "0.10", True), ("0.07", "0.10", False), ("0.10", "0.13", False), ("0.10", "0.12", True)],
)
def test_the_gross_total_is_held_against_the_minimum(price: str, minimum: str, enough: bool) -> None:
    document = case_with_line(quantity="1", unit_price=price, discount_percent="0")
    rules = ContentRules(minimum_amount=Decimal(minimum))
    assert (("lines", "amount_too_small") not in found(document, rules=rules)) is enough


def test_a_free_consultation_is_under_the_minimum_though_its_money_came_another_way() -> None:
    document = case(lines=[line_fields(discount_percent="100")], payment=EXTERNAL)
    assert found(document) == [("lines", "amount_too_small")]


def test_the_largest_sums_are_refused_and_not_an_error() -> None:
    line = line_fields(quantity="999999999.999999", unit_price="99999999999999.99", discount_percent="0")
    assert found(case(lines=[line] * 500)) == [("lines", "amount_too_large")]


@pytest.mark.parametrize("price", ["81300813008130.07", "81300813008130.08"])
def test_the_gateways_highest_amount_is_the_border(price: str) -> None:
    document = case_with_line(quantity="1", unit_price=price, discount_percent="0")
    sums = case_totals(document)
    assert sums is not None
    too_large = sums.gross > Decimal("99999999999999.99")
    assert (("lines", "amount_too_large") in found(document)) is too_large
    assert too_large is (price == "81300813008130.08")


@pytest.mark.parametrize(
    ("currency", "payment", "supported"),
    [
        ("PLN", {"method": "autopay"}, True),
        ("EUR", {"method": "autopay"}, False),
        ("EUR", EXTERNAL, True),
        ("CHF", EXTERNAL, False),
        ("XXX", {"method": "autopay"}, False),
    ],
)
def test_a_currency_needs_a_gateway_service_unless_the_money_is_there(
    currency: str, payment: dict[str, str], supported: bool
) -> None:
    told = ("currency", "currency_not_supported") in found(
        case(currency=currency, payment=payment), rules=ContentRules(knows_rates=True)
    )
    assert told is not supported


def test_a_second_gateway_service_opens_its_currency() -> None:
    both = ContentRules(autopay_currencies=frozenset({"PLN", "EUR"}), knows_rates=True)
    assert found(case(currency="EUR"), rules=both) == []


def test_tax_in_a_foreign_currency_needs_a_source_of_rates_when_the_invoice_is_our_own() -> None:
    without = ContentRules(autopay_currencies=frozenset({"PLN", "EUR"}), ready_issuers=frozenset({"none", "builtin"}))
    taxed, untaxed = case(currency="EUR"), case(currency="EUR", lines=[line_fields(vat_rate="zw")])
    told = [("currency", "currency_not_supported")]
    assert found(taxed, rules=without) == told
    assert found(taxed, seller=expert(issuer="none"), rules=without) == []
    exempt = expert(vat_status="exempt", exemption_basis="art. 113 ust. 1")
    assert found(untaxed, seller=exempt, rules=without) == []
    assert found(case(), rules=without) == []


@pytest.mark.parametrize(("field", "longest"), [("description", 512), ("unit", 20)])
def test_a_text_of_a_line_is_there_short_enough_and_printable(field: str, longest: int) -> None:
    path = f"lines[0].{field}"
    assert found(case_with_line(**{field: "x" * longest})) == []
    assert found(case_with_line(**{field: "x" * (longest + 1)})) == [(path, "too_long")]
    assert found(case_with_line(**{field: " "})) == [(path, "missing")]
    assert found(case_with_line(**{field: "a\nb"})) == [(path, "bad_characters")]


def test_nothing_is_computed_while_a_rate_is_not_known() -> None:
    document = case(lines=[line_fields(), line_fields(vat_rate="22")])
    assert priced_lines(document) is None
    assert case_totals(document) is None
    assert found(document) == [("lines[1].vat_rate", "unknown_vat_rate")]


STRANGE = ["Kawa \N{HOT BEVERAGE} sp. z o.o.", "\N{GRINNING FACE}", "北京公司", "שלום", "ก"]
SHOWN = ["Zażółć", "Договор", "عقد", "Λόγος", "<b>x</b> & y", "5 m² \N{EN DASH} 10 €"]


@pytest.mark.parametrize("text", STRANGE)
def test_what_our_documents_have_no_letters_for_is_refused_with_its_field(text: str) -> None:
    faults = found(case(lines=[line_fields(description=text, unit=text)]), buyer(name=text, street=text, city=text))
    assert faults == [
        (path, "bad_characters")
        for path in (
            "billing_data.name", "billing_data.street", "billing_data.city", "lines[0].description", "lines[0].unit",
        )
    ]  # fmt: skip
    assert found(seller=expert(name=text)) == [("expert_id", "expert_incomplete")]
    assert [(f.field, f.code) for f in seller_faults(expert(city=text))] == [("city", "bad_characters")]


@pytest.mark.parametrize("text", SHOWN)
def test_what_they_have_letters_for_is_not(text: str) -> None:
    assert found(case(lines=[line_fields(description=text)]), buyer(name=text), expert(name=text)) == []


@pytest.mark.parametrize("text", STRANGE)
def test_an_issuer_elsewhere_may_have_the_letters_that_we_have_not(text: str) -> None:
    elsewhere = expert(issuer="none", name=text)
    assert found(case(lines=[line_fields(description=text)]), buyer(name=text), elsewhere) == []
