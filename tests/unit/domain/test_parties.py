"""Buyers and sellers: tax numbers, postal codes, addresses and texts, each against known good and bad values."""

import pytest

from invoicing.domain.parties import (
    buyer_faults,
    has_bad_characters,
    is_eu_vat_number,
    is_polish_nip,
    seller_faults,
)
from tests.unit.domain.samples import buyer, expert, person


def found(**changes: object) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in buyer_faults(buyer(**changes))]


def found_in_seller(**changes: object) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in seller_faults(expert(**changes))]


def test_the_specified_buyer_and_seller_are_sound() -> None:
    assert found() == []
    assert found_in_seller() == []


@pytest.mark.parametrize("nip", ["5261040828", "5265877635", "1111111111", "5260250274", "1234563218"])
def test_a_nip_with_a_right_checksum_passes(nip: str) -> None:
    assert is_polish_nip(nip)
    assert found(tax_id=nip) == []


@pytest.mark.parametrize("nip", ["526-104-08-28", "PL5261040828", "PL 526 104 08 28"])
def test_a_nip_may_be_written_with_hyphens_spaces_or_its_prefix(nip: str) -> None:
    assert is_polish_nip(nip)


@pytest.mark.parametrize(
    "nip",
    [
        "1234567890",
        "5261040829",
        "5261040282",
        "0000000000",
        "526104082",
        "52610408281",
        "DE5261040828",
        "526104082X",
        "٥٢٦١٠٤٠٨٢٨",
        "5261040828; DROP",
    ],
)
def test_a_nip_with_a_wrong_checksum_length_or_sign_fails(nip: str) -> None:
    assert not is_polish_nip(nip)
    assert found(tax_id=nip) == [("billing_data.tax_id", "bad_nip")]


@pytest.mark.parametrize("position", range(10))
def test_every_single_wrong_digit_of_a_nip_is_noticed(position: int) -> None:
    right = "5261040828"
    for digit in "0123456789":
        if digit != right[position]:
            assert not is_polish_nip(right[:position] + digit + right[position + 1 :])


@pytest.mark.parametrize(
    ("country", "number"),
    [
        ("DE", "DE136695976"),
        ("DE", "136695976"),
        ("DE", "de 136 695 976"),
        ("FR", "FR40303265045"),
        ("AT", "ATU13585627"),
        ("GR", "EL094259216"),
        ("GR", "094259216"),
        ("IE", "IE6433435F"),
        ("ES", "ESX1234567L"),
    ],
)
def test_a_vat_number_of_a_member_state_passes_with_or_without_its_prefix(country: str, number: str) -> None:
    assert is_eu_vat_number(number, country)
    code = {"AT": "1010", "IE": "D02 AF30"}.get(country, "12345")
    assert found(country=country, tax_id=number, postal_code=code) == []


@pytest.mark.parametrize(
    ("country", "number"),
    [("DE", "DE136695977"), ("DE", "FR40303265045"), ("DE", "5260250274"), ("FR", "40303265046"), ("CZ", "x")],
)
def test_a_vat_number_that_is_not_of_its_country_fails(country: str, number: str) -> None:
    assert not is_eu_vat_number(number, country)
    assert found(country=country, tax_id=number, postal_code="12345") == [("billing_data.tax_id", "bad_vat_number")]


def test_a_company_within_the_union_needs_a_tax_number_and_one_outside_does_not() -> None:
    assert found(tax_id=None) == [("billing_data.tax_id", "missing")]
    assert found(tax_id=None, country="DE", postal_code="12345") == [("billing_data.tax_id", "missing")]
    assert found(tax_id=None, country="US", postal_code="10001") == []
    assert found(tax_id="12-3456789", country="US", postal_code="10001") == []


def test_a_private_person_has_no_tax_number() -> None:
    assert list(buyer_faults(person())) == []
    faults = [(f.field, f.code) for f in buyer_faults(buyer(kind="person"))]
    assert faults == [("billing_data.tax_id", "unknown_field")]


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("PL", "00-013"),
        ("DE", "10115"),
        ("FR", "75001"),
        ("GB", "SW1A 1AA"),
        ("GB", "M1 1AE"),
        ("NL", "1012 AB"),
        ("NL", "1012ab"),
        ("PT", "1000-001"),
        ("AT", "1010"),
        ("CZ", "110 00"),
        ("SK", "81101"),
        ("SE", "111 20"),
        ("GR", "105 57"),
        ("RO", "010011"),
        ("IE", "D02 AF30"),
        ("MT", "VLT 1117"),
        ("LU", "L-1009"),
        ("LV", "LV-1050"),
        ("LT", "01103"),
        ("US", "94103-1234"),
        ("AE", "00000"),
        ("JP", "100-0001"),
    ],
)
def test_a_postal_code_of_its_country_passes(country: str, code: str) -> None:
    assert list(buyer_faults(person(country=country, postal_code=code))) == []


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("PL", "00013"),
        ("PL", "00-01"),
        ("PL", "00-0133"),
        ("PL", " 00-013"),
        ("PL", "AB-CDE"),
        ("DE", "1011"),
        ("FR", "7500A"),
        ("GB", "-1"),
        ("GB", "SW1A/1AA"),
        ("GB", "12345"),
        ("AT", "10100"),
        ("CZ", "11 000"),
        ("NL", "0012 AB"),
        ("IE", "12345"),
        ("RO", "01001"),
        ("US", "9410"),
        ("DE", "１０１１５"),
        ("AE", "?"),
    ],
)
def test_a_postal_code_of_another_shape_fails(country: str, code: str) -> None:
    faults = [(f.field, f.code) for f in buyer_faults(person(country=country, postal_code=code))]
    assert faults == [("billing_data.postal_code", "bad_postal_code")]


def test_a_postal_code_may_be_missing_outside_the_union_only() -> None:
    assert [f.code for f in buyer_faults(person(postal_code=None))] == ["missing"]
    assert list(buyer_faults(person(country="AE", postal_code=None))) == []


@pytest.mark.parametrize("country", ["pl", "POL", "XX", "UK", "P", "Polska"])
def test_a_country_is_an_upper_case_code_of_two_letters(country: str) -> None:
    assert ("billing_data.country", "bad_country") in found(country=country)


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.com",
        "anna.maria+faktury@mail.example.com",
        "o'brien@example.com",
        "a_b-c@example.org",
        "1@example.com",
    ],
)
def test_an_ordinary_address_passes(address: str) -> None:
    assert found(email=address) == []


@pytest.mark.parametrize(
    "address",
    [
        "anna",
        "anna@",
        "@example.com",
        "anna@example",
        "anna@localhost",
        "anna@@example.com",
        "anna@example..com",
        "anna..maria@example.com",
        ".anna@example.com",
        "anna@-example.com",
        "anna@[127.0.0.1]",
        "a,b@example.com",
        "anna@example.com,eva@example.com",
        "anna@example.com, eva@example.com",
        "anna@example.com;eva@example.com",
        "Anna <anna@example.com>",
        "<anna@example.com>",
        '"anna"@example.com',
        "anna (praca)@example.com",
        "mailto:anna@example.com",
        " anna@example.com",
        "anna@example.com ",
        "an na@example.com",
        "   ",
        "żółw@example.com",
    ],
)
def test_a_list_a_display_name_or_what_a_server_would_not_take_is_refused(address: str) -> None:
    assert found(email=address) == [("billing_data.email", "bad_email")]


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.com\r\nBcc: eva@example.com",
        "anna@example.com\n",
        "anna\r@example.com",
        "anna@example.com\x00",
        "anna@exam\u202eple.com",
    ],
)
def test_an_address_that_could_add_a_header_is_refused_before_anything_else(address: str) -> None:
    assert found(email=address) == [("billing_data.email", "bad_characters")]


def test_an_address_has_254_characters_at_most() -> None:
    assert found(email="a@" + "x" * 250 + ".com") == [("billing_data.email", "too_long")]


@pytest.mark.parametrize(
    "text",
    [
        "Zażółć gęślą jaźń",
        "Ünïcödé & Söhne <GmbH>",
        "ООО «Пример»",
        "شركة المثال",
        "例え株式会社",
        "Kancelaria 😀",
        "a\u00a0b",
        "x\u0301",
        "",
    ],
)
def test_letters_and_signs_of_every_script_may_be_printed(text: str) -> None:
    assert not has_bad_characters(text)


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param("\x00", id="nul"),
        pytest.param("\t", id="tab"),
        pytest.param("\n", id="line feed"),
        pytest.param("\r", id="carriage return"),
        pytest.param("\x1b", id="escape"),
        pytest.param("\x7f", id="delete"),
        pytest.param("\x85", id="next line"),
        pytest.param("\u200e", id="left-to-right mark"),
        pytest.param("\u200f", id="right-to-left mark"),
        pytest.param("\u202a", id="left-to-right embedding"),
        pytest.param("\u202e", id="right-to-left override"),
        pytest.param("\u2066", id="left-to-right isolate"),
        pytest.param("\u2069", id="end of isolate"),
        pytest.param("\u061c", id="arabic letter mark"),
        pytest.param("\u2028", id="line separator"),
        pytest.param("\u2029", id="paragraph separator"),
        pytest.param("\ue000", id="private use"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("\uffff", id="no character"),
    ],
)
def test_a_sign_that_could_not_be_printed_or_would_turn_the_text_is_refused(sign: str) -> None:
    assert has_bad_characters(sign)
    assert has_bad_characters(f"Przykład{sign}sp. z o.o.")


@pytest.mark.parametrize("field", ["name", "street", "city"])
def test_texts_of_the_buyer_are_there_short_enough_and_printable(field: str) -> None:
    path = f"billing_data.{field}"
    assert found(**{field: None}) == [(path, "missing")]
    assert found(**{field: " \u00a0 "}) == [(path, "missing")]
    assert found(**{field: "x" * 300}) == [(path, "too_long")]
    assert found(**{field: "a\u202eb"}) == [(path, "bad_characters")]


@pytest.mark.parametrize(("field", "longest"), [("name", 256), ("street", 200), ("city", 100)])
def test_a_text_of_the_longest_length_passes_and_one_more_does_not(field: str, longest: int) -> None:
    assert found(**{field: "x" * longest}) == []
    assert found(**{field: "x" * (longest + 1)}) == [(f"billing_data.{field}", "too_long")]


@pytest.mark.parametrize("country", ["XX", None])
def test_a_country_that_is_wrong_hides_no_other_fault(country: str | None) -> None:
    found = {fault.field for fault in buyer_faults(buyer(country=country, tax_id="1234567890", postal_code="0-0"))}
    assert found == {f"billing_data.{name}" for name in ("country", "tax_id", "postal_code")}


def test_everything_wrong_with_an_empty_buyer_is_told_at_once() -> None:
    empty = buyer(kind=None, name=None, tax_id=None, street=None, postal_code=None, city=None, country=None, email=None)
    fields = {fault.field for fault in buyer_faults(empty) if fault.code == "missing"}
    assert fields == {f"billing_data.{name}" for name in ("kind", "name", "street", "postal_code", "city", "country")}


@pytest.mark.parametrize(
    ("account", "sound"),
    [
        ("PL61109010140000071219812874", True),
        ("PL61 1090 1014 0000 0712 1981 2874", True),
        ("DE89370400440532013000", True),
        (None, True),
        ("PL61109010140000071219812875", False),
        ("61109010140000071219812874", False),
        ("", False),
    ],
)
def test_a_bank_account_has_a_right_checksum_or_is_not_given(account: str | None, sound: bool) -> None:
    assert found_in_seller(bank_account=account) == ([] if sound else [("bank_account", "bad_iban")])


def test_the_seller_is_checked_as_hard_as_the_buyer() -> None:
    wrong = found_in_seller(
        name="", tax_id="1234567890", postal_code="00001", country="PL", email="a,b@example.com", city="x\ny"
    )
    assert wrong == [
        ("name", "missing"),
        ("city", "bad_characters"),
        ("postal_code", "bad_postal_code"),
        ("email", "bad_email"),
        ("tax_id", "bad_nip"),
    ]


def test_a_seller_may_complete_his_data_later() -> None:
    assert found_in_seller(tax_id=None, street=None, postal_code=None, city=None, email=None) == []


def test_an_exempt_seller_names_the_basis_of_his_exemption() -> None:
    assert found_in_seller(vat_status="exempt") == [("exemption_basis", "missing")]
    assert found_in_seller(vat_status="exempt", exemption_basis="art. 113 ust. 1 ustawy o VAT") == []
    assert found_in_seller(exemption_basis="x" * 257) == [("exemption_basis", "too_long")]
