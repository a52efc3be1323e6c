"""The shape of incoming documents: what is taken, what is refused, and when two documents are the same."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from invoicing.domain.cases import (
    AutopayPayment,
    BillingData,
    CaseDocument,
    ExpertDocument,
    ExternalPayment,
    Line,
    ProfileReference,
    offered_language,
)
from invoicing.domain.faults import shape_faults
from invoicing.domain.tax import Prices
from tests.unit.domain.samples import CASE_JSON, EXPERT_JSON, EXTERNAL, case, case_with_line, faults_of, line_fields

EXACT = settings(deadline=None, database=None)
BARE: dict[str, Any] = {"description": "Konsultacja", "unit_price": "240", "vat_rate": "23"}


def decimals_of(line: Line) -> list[object]:
    return [line.quantity, line.unit_price, line.discount_percent, line.discount_amount]


def test_the_specified_case_document_is_taken_as_it_stands() -> None:
    document = CaseDocument.model_validate_json(CASE_JSON)
    line = document.lines[0]
    assert document.case_id == "2026-000123"
    assert isinstance(document.billing_data, BillingData)
    assert document.billing_data.tax_id == "5260250274"
    assert decimals_of(line) == [Decimal("1.5"), Decimal("240.00"), Decimal(10), Decimal(0)]
    assert document.prices is Prices.NET
    assert not document.arrives_paid


def test_the_specified_expert_document_is_taken_as_it_stands() -> None:
    document = ExpertDocument.model_validate_json(EXPERT_JSON)
    assert document.model_dump(exclude={"colour"}) == json.loads(EXPERT_JSON)


def test_a_document_is_the_same_whether_it_was_read_as_text_or_as_an_object() -> None:
    assert CaseDocument.model_validate_json(CASE_JSON) == CaseDocument.model_validate(json.loads(CASE_JSON))


def test_a_case_that_comes_with_its_money_starts_at_once() -> None:
    document = case(payment=EXTERNAL)
    assert document.arrives_paid
    assert isinstance(document.payment, ExternalPayment)
    assert document.payment.paid_at == datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_the_buyer_may_be_a_saved_profile_or_wait_until_payment_is_asked_for() -> None:
    assert case(billing_data={"profile_id": "prof-1"}).billing_data == ProfileReference(profile_id="prof-1")
    assert case(billing_data=None).billing_data is None


def test_what_is_left_out_of_a_case_is_filled_with_the_defaults() -> None:
    document = CaseDocument.model_validate({"case_id": "c-1", "expert_id": "e", "client": {"id": "k"}, "lines": [BARE]})
    line = document.lines[0]
    assert (document.currency, document.prices, document.billing_data) == ("PLN", Prices.NET, None)
    assert document.payment == AutopayPayment()
    assert document.client.language == "pl"
    assert line.unit == "szt."
    assert decimals_of(line) == [Decimal(1), Decimal(240), Decimal(0), Decimal(0)]


@pytest.mark.parametrize("number", [240, 240.5, 0, True, None, [], {}])
@pytest.mark.parametrize("field", ["unit_price", "quantity", "discount_percent", "discount_amount"])
def test_an_amount_that_is_not_a_string_is_refused(field: str, number: object) -> None:
    assert faults_of(lines=[line_fields(**{field: number})]) == [(f"lines[0].{field}", "bad_format")]


def test_a_json_number_is_refused_in_the_text_of_a_document_too() -> None:
    with pytest.raises(ValidationError) as raised:
        CaseDocument.model_validate_json(CASE_JSON.replace('"240.00"', "240.00"))
    assert [(f.field, f.code) for f in shape_faults(raised.value)] == [("lines[0].unit_price", "bad_format")]


@pytest.mark.parametrize(
    "price",
    ["19.999", "0.001", "1,50", "1e3", "-1", "+1", "", " 1", "1 ", "1.", ".5", "1\n", "NaN", "Infinity", "٣", "1_000"],
)
@pytest.mark.parametrize("field", ["unit_price", "discount_amount"])
def test_a_price_has_a_dot_and_two_decimals_at_most(field: str, price: str) -> None:
    assert faults_of(lines=[line_fields(**{field: price})]) == [(f"lines[0].{field}", "bad_format")]


@pytest.mark.parametrize("price", ["0", "0.01", "240", "240.0", "240.00", "99999999999999.99"])
def test_a_price_may_be_written_with_no_one_or_two_decimals(price: str) -> None:
    assert case_with_line(unit_price=price).lines[0].unit_price == Decimal(price)


def test_a_price_has_fourteen_digits_before_the_dot_at_most() -> None:
    assert faults_of(lines=[line_fields(unit_price="1" + "0" * 14)]) == [("lines[0].unit_price", "bad_format")]


@pytest.mark.parametrize(("quantity", "taken"), [("0.000001", True), ("999999999.999999", True), ("1.0000001", False)])
def test_a_quantity_has_six_decimals_at_most(quantity: str, taken: bool) -> None:
    assert (faults_of(lines=[line_fields(quantity=quantity)]) == []) is taken


@pytest.mark.parametrize(
    ("percent", "taken"),
    [("0", True), ("99.99", True), ("100", True), ("100.00", True), ("100.01", False), ("101", False), ("-5", False)],
)
def test_a_discount_is_between_nought_and_all(percent: str, taken: bool) -> None:
    assert (faults_of(lines=[line_fields(discount_percent=percent)]) == []) is taken


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"vat": "1"}, "vat"),
        ({"client": {"id": "k", "phone": "1"}}, "client.phone"),
        ({"billing_data": {"kind": "person", "nip": "1"}}, "billing_data.nip"),
        ({"billing_data": {"profile_id": "p", "name": "x"}}, "billing_data.name"),
        ({"lines": [line_fields(), line_fields(price="1")]}, "lines[1].price"),
        ({"payment": {"method": "autopay", "channel": "blik"}}, "payment.channel"),
        ({"payment": {**EXTERNAL, "amount": "1"}}, "payment.amount"),
    ],
)
def test_an_unknown_field_is_refused_at_every_level_by_its_path(changes: dict[str, Any], path: str) -> None:
    assert faults_of(**changes) == [(path, "unknown_field")]


@pytest.mark.parametrize(
    ("document", "path"),
    [({"note": 1}, "note"), ({"wfirma": {"access_key": "a", "secret_key": "s", "x": 1}}, "wfirma.x")],
)
def test_an_unknown_field_of_an_expert_is_refused_by_its_path(document: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ExpertDocument.model_validate({**json.loads(EXPERT_JSON), **document})
    assert [(f.field, f.code) for f in shape_faults(raised.value)] == [(path, "unknown_field")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"case_id": "a" * 25}, ("case_id", "bad_format")),
        ({"case_id": ""}, ("case_id", "bad_format")),
        ({"case_id": "a\n"}, ("case_id", "bad_format")),
        ({"case_id": "sprawa/1"}, ("case_id", "bad_format")),
        ({"case_id": "żółw"}, ("case_id", "bad_format")),
        ({"case_id": 7}, ("case_id", "bad_format")),
        ({"expert_id": "e" * 65}, ("expert_id", "bad_format")),
        ({"client": {"id": "k@example.com"}}, ("client.id", "bad_format")),
        ({"client": {"email": "anna@example.com"}}, ("client.id", "missing")),
        ({"client": {"id": "k", "language": "x" * 36}}, ("client.language", "too_long")),
        ({"currency": "pln"}, ("currency", "bad_format")),
        ({"currency": "EURO"}, ("currency", "bad_format")),
        ({"prices": "brutto"}, ("prices", "bad_format")),
        ({"lines": []}, ("lines", "bad_format")),
        ({"lines": [line_fields()] * 501}, ("lines", "bad_format")),
        ({"lines": {"0": line_fields()}}, ("lines", "bad_format")),
        ({"lines": ["x"]}, ("lines[0]", "bad_format")),
        ({"lines": [line_fields(description="x" * 20_001)]}, ("lines[0].description", "too_long")),
        ({"billing_data": {"kind": "firma"}}, ("billing_data.kind", "bad_format")),
        ({"billing_data": {"profile_id": "a b"}}, ("billing_data.profile_id", "bad_format")),
        ({"billing_data": "prof-1"}, ("billing_data", "bad_format")),
        ({"payment": "autopay"}, ("payment", "bad_format")),
        ({"payment": {"method": "cash"}}, ("payment", "bad_format")),
        ({"payment": {**EXTERNAL, "paid_at": "2026-11-22"}}, ("payment.paid_at", "bad_format")),
        ({"payment": {**EXTERNAL, "paid_at": "2026-11-22T10:00:00"}}, ("payment.paid_at", "bad_format")),
        ({"payment": {**EXTERNAL, "paid_at": "wczoraj"}}, ("payment.paid_at", "bad_format")),
        ({"payment": {**EXTERNAL, "paid_at": 1795341600}}, ("payment.paid_at", "bad_format")),
        ({"payment": {**EXTERNAL, "reference": ""}}, ("payment.reference", "bad_format")),
        ({"payment": {**EXTERNAL, "reference": "x" * 65}}, ("payment.reference", "too_long")),
    ],
)
def test_a_wrong_shape_is_named_by_path_and_code(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert faults_of(**changes) == [expected]


def test_all_faults_of_a_shape_are_told_at_once_each_once() -> None:
    found = faults_of(
        case_id="a b",
        client={"phone": "1"},
        lines=[{"description": "x", "unit_price": 1, "vat_rate": 23}, {"vat_rate": "23", "total": "1"}],
        payment={"method": "external"},
        note="x",
    )
    assert len(found) == len(set(found))
    assert set(found) == {
        ("case_id", "bad_format"),
        ("client.id", "missing"),
        ("client.phone", "unknown_field"),
        ("lines[0].unit_price", "bad_format"),
        ("lines[0].vat_rate", "bad_format"),
        ("lines[1].description", "missing"),
        ("lines[1].unit_price", "missing"),
        ("lines[1].total", "unknown_field"),
        ("payment.reference", "missing"),
        ("payment.paid_at", "missing"),
        ("note", "unknown_field"),
    }


def test_a_prefix_stands_before_the_path_of_a_nested_document() -> None:
    with pytest.raises(ValidationError) as raised:
        BillingData.model_validate({"nip": "1"})
    assert shape_faults(raised.value, "billing_data")[0].field == "billing_data.nip"


@pytest.mark.parametrize("vat_rate", ["22", "", "ZW"])
def test_a_rate_that_we_do_not_know_is_a_matter_of_content_and_not_of_shape(vat_rate: str) -> None:
    assert case_with_line(vat_rate=vat_rate).lines[0].vat_rate == vat_rate


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("pl", "pl"),
        ("en", "en"),
        ("FR", "fr"),
        ("ru-RU", "ru"),
        ("ar_EG", "ar"),
        (" en ", "en"),
        ("de", "pl"),
        ("", "pl"),
        (None, "pl"),
        ("english", "pl"),
        ("x" * 35, "pl"),
    ],
)
def test_a_language_that_is_not_offered_falls_back_to_polish(wanted: str | None, language: str) -> None:
    assert offered_language(wanted) == language


def test_a_case_in_a_language_that_is_not_offered_is_taken() -> None:
    assert faults_of(client={"id": "k", "language": "de-CH"}) == []


@pytest.mark.parametrize(
    "same",
    [
        {"unit_price": "240"},
        {"unit_price": "240.0"},
        {"unit_price": "0240.00"},
        {"quantity": "1.50"},
        {"quantity": "1.500000"},
        {"discount_percent": "10.00"},
        {"discount_amount": "0"},
        {"discount_amount": "0.00"},
    ],
)
def test_two_spellings_of_a_decimal_are_the_same_document(same: dict[str, str]) -> None:
    assert case_with_line(**same).canonical() == case().canonical()


@pytest.mark.parametrize(
    "other",
    [{"unit_price": "240.01"}, {"unit_price": "24"}, {"unit_price": "2400"}, {"quantity": "1.05"}, {"unit": "h"}],
)
def test_another_value_is_another_document(other: dict[str, str]) -> None:
    assert case_with_line(**other).canonical() != case().canonical()


def test_a_default_that_was_written_out_changes_nothing() -> None:
    short = {"case_id": "c-1", "expert_id": "e", "client": {"id": "k"}, "lines": [BARE]}
    spelled_out = {
        **short,
        "client": {"id": "k", "email": None, "language": "pl"},
        "billing_data": None,
        "currency": "PLN",
        "prices": "net",
        "lines": [{**BARE, "quantity": "1", "unit": "szt.", "discount_percent": "0.00", "discount_amount": "0.00"}],
        "payment": {"method": "autopay"},
    }
    assert CaseDocument.model_validate(short).canonical() == CaseDocument.model_validate(spelled_out).canonical()


def test_the_order_of_the_fields_changes_nothing_but_that_of_the_lines_does() -> None:
    fields = json.loads(CASE_JSON)
    backwards = dict(reversed(fields.items()))
    assert CaseDocument.model_validate(backwards).canonical() == case().canonical()
    lines = [line_fields(description="A"), line_fields(description="B")]
    assert case(lines=lines).canonical() != case(lines=lines[::-1]).canonical()


@pytest.mark.parametrize("changes", [{}, {"payment": EXTERNAL}, {"billing_data": {"profile_id": "p"}}])
def test_the_recorded_text_gives_back_the_same_document(changes: dict[str, Any]) -> None:
    document = case(**changes)
    again = CaseDocument.model_validate_json(document.canonical())
    assert again == document
    assert again.canonical() == document.canonical()


@EXACT
@given(st.decimals(min_value=0, max_value=Decimal("99999999999999.99"), places=2), st.integers(0, 3))
def test_every_price_survives_recording_without_loss(price: Decimal, noughts: int) -> None:
    written = f"{price:f}"
    document = case_with_line(unit_price=written)
    again = CaseDocument.model_validate_json(document.canonical())
    assert again.lines[0].unit_price == price
    padded = ("0" * noughts + written)[-17:] if len(written) + noughts <= 17 else written
    assert case_with_line(unit_price=padded).canonical() == document.canonical()


def test_a_document_cannot_be_changed_after_it_was_checked() -> None:
    with pytest.raises(ValidationError):
        case().currency = "EUR"  # type: ignore[misc]  # the refusal is what is tested


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "#12345g", "#123456\n"])
def test_a_colour_is_six_hexadecimal_digits(colour: str) -> None:
    with pytest.raises(ValidationError):
        ExpertDocument.model_validate({**json.loads(EXPERT_JSON), "colour": colour})
