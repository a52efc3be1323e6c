"""Rows of batch files: every row is a case or a refused row with its number and all its faults."""

import io
import json

import pytest

from invoicing.domain.cases import BillingData, CaseDocument
from invoicing.errors import DataFault, Fault
from starter.documents import Refusal, read_json
from starter.rows import Row, RowReader
from tests.unit.starter.commands import EXAMPLES, case, json_lines

HEADER = "case_id,expert_id,client.id,line.description,line.quantity,line.unit_price,line.vat_rate"


def rows(content: str | bytes, suffix: str = ".csv") -> list[Row]:
    raw = content if isinstance(content, bytes) else content.encode()
    return RowReader(io.BytesIO(raw), suffix).take(1000)


def refused(row: Row) -> tuple[Fault, ...]:
    assert isinstance(row.case, Refusal), row
    return row.case.faults


def taken(row: Row) -> CaseDocument:
    assert isinstance(row.case, CaseDocument), row
    return row.case


def test_the_example_files_hold_only_cases_that_are_taken() -> None:
    for name in ("cases.csv", "cases.jsonl"):
        found = rows((EXAMPLES / name).read_bytes(), name[name.index(".") :])
        assert len(found) == 3
        assert all(taken(row).arrives_paid for row in found)


def test_a_csv_row_is_the_case_that_its_json_is() -> None:
    content = (
        "case_id,expert_id,client.id,client.email,client.language,billing_data.kind,billing_data.name,"
        "billing_data.tax_id,billing_data.street,billing_data.postal_code,billing_data.city,billing_data.country,"
        "billing_data.email,currency,prices,line.description,line.quantity,line.unit,line.unit_price,"
        "line.discount_percent,line.vat_rate,payment.method\n"
        "2026-000123,exp-1,cli-7,anna@example.com,pl,company,Przykład sp. z o.o.,5260250274,Jasna 6/3,00-013,"
        "Warszawa,PL,faktury@example.com,PLN,net,Konsultacja prawna,1.5,godz.,240.00,10,23,autopay\n"
    )
    from_json = read_json(json.dumps(case("2026-000123")).encode())
    assert isinstance(from_json, CaseDocument)
    assert taken(rows(content)[0]).canonical() == from_json.canonical()


def test_empty_cells_are_absent_and_defaults_apply() -> None:
    found = taken(rows(f"{HEADER},currency,billing_data.name\nc-1,e,k,Porada,,10.00,23,,\n")[0])
    assert (str(found.lines[0].quantity), found.currency, found.billing_data) == ("1", "PLN", None)


def test_a_file_of_a_polish_spreadsheet_is_read_with_its_byte_order_mark_semicolons_and_line_ends() -> None:
    content = "\ufeff" + HEADER.replace(",", ";") + '\r\nc-1;e;k;"Porada; dwie ""części""";1;10.00;23\r\n'
    assert taken(rows(content)[0]).lines[0].description == 'Porada; dwie "części"'


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    two_lines = 'c-1,e,k,"Porada\nw dwóch wierszach",1,10.00,23'
    found = rows(f"{HEADER}\n{two_lines}\n\n,,,,,,\nc-2,e,k,Porada,1,ten,23\n")
    assert [row.number for row in found] == [2, 5]
    assert taken(found[0]).lines[0].description == "Porada\nw dwóch wierszach"
    assert refused(found[1]) == (Fault("line.unit_price", "bad_format"),)


def test_all_faults_of_a_row_are_told_at_once_by_column() -> None:
    found = rows(f"{HEADER},payment.method,currency\nwrong id,,k,Porada,1,10.001,23,cash,zł\n")
    assert refused(found[0]) == (
        Fault("case_id", "bad_format"),
        Fault("expert_id", "missing"),
        Fault("currency", "bad_format"),
        Fault("line.unit_price", "bad_format"),
        Fault("payment", "bad_format"),
    )


def test_a_row_without_any_value_of_its_line_misses_the_line() -> None:
    assert refused(rows(f"{HEADER}\nc-1,e,k,,,,\n")[0]) == (Fault("line", "missing"),)


def test_a_refused_row_does_not_end_the_file() -> None:
    content = b"\n".join(
        [
            HEADER.encode(),
            b"c-1,e,k,Por\xf3da,1,10.00,23",
            b'c-2,e,k,"Porada"?,1,10.00,23',
            b"c-3,e,k,Porada,1,10.00,23,too,many",
            b"c-4,e,k,Porada,1,10.00,23",
        ]
    )
    found = rows(content)
    assert [row.number for row in found] == [2, 3, 4, 5]
    assert refused(found[0]) == (Fault("line.description", "bad_characters"),)
    assert refused(found[1]) == (Fault("", "bad_format"),)
    assert refused(found[2]) == (Fault("column 8", "unknown_field"),)
    assert taken(found[3]).case_id == "c-4"


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (f"{HEADER},line.price", Fault("line.price", "unknown_field")),
        (f"{HEADER},case_id", Fault("case_id", "bad_format")),
        ("expert_id,client.id", Fault("case_id", "missing")),
        ("", Fault("expert_id", "missing")),
    ],
)
def test_a_header_that_cannot_be_used_refuses_the_file_before_any_row(header: str, fault: Fault) -> None:
    with pytest.raises(DataFault) as refusal:
        rows(f"{header}\nc-1,e\n")
    assert fault in refusal.value.faults


def test_json_lines_are_numbered_by_line_and_refused_one_by_one() -> None:
    broken = '{"case_id": "c-2",\n'
    deep = "[" * 100_000 + "\n"
    number = json_lines(case("c-4", lines=[{"description": "Porada", "unit_price": 240.0, "vat_rate": "23"}]))
    found = rows(json_lines(case("c-1")) + "\n" + broken + deep + number + json_lines(case("c-5")), ".jsonl")
    assert [row.number for row in found] == [1, 3, 4, 5, 6]
    assert taken(found[0]).case_id == "c-1"
    assert refused(found[1]) == refused(found[2]) == (Fault("", "bad_format"),)
    assert refused(found[3]) == (Fault("lines[0].unit_price", "bad_format"),)
    assert taken(found[4]).case_id == "c-5"


def test_a_refused_document_is_named_by_its_id_only_where_it_is_one() -> None:
    named = read_json(json.dumps(case("c-1", nonsense=1)).encode())
    unnamed = read_json(json.dumps(case("Jan Przykładowy")).encode())
    assert isinstance(named, Refusal) and named.case_id == "c-1"
    assert isinstance(unnamed, Refusal) and unnamed.case_id is None


def test_taking_in_pieces_loses_no_row_and_counts_the_bytes() -> None:
    content = json_lines(*(case(f"c-{number}") for number in range(10))).encode()
    reader = RowReader(io.BytesIO(content), ".jsonl")
    pieces = [reader.take(4) for _ in range(4)]
    assert [len(piece) for piece in pieces] == [4, 4, 2, 0]
    assert [row.number for piece in pieces for row in piece] == list(range(1, 11))
    assert reader.read == len(content)


def test_a_profile_of_billing_data_can_be_named_in_a_column() -> None:
    found = taken(rows(f"{HEADER},billing_data.profile_id\nc-1,e,k,Porada,1,10.00,23,p-1\n")[0])
    assert found.billing_data is not None and not isinstance(found.billing_data, BillingData)


def test_a_column_says_whether_a_line_is_of_annex_15() -> None:
    sold = "x-1,exp-1,cli-1,Konsultacja,1,100.00,23"
    told = [row.case for row in rows(f"{HEADER},line.annex_15\n{sold},true\n{sold},false\n{sold},\n{sold},tak\n")]
    assert [case.lines[0].annex_15 for case in told[:3] if isinstance(case, CaseDocument)] == [True, False, False]
    assert isinstance(told[3], Refusal)
    assert told[3].faults == (Fault("line.annex_15", "bad_format"),)
