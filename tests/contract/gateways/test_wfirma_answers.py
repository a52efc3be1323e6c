"""How answers are read: records in every spelling, refused fields under our names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from invoicing.errors import DataFault, PaidcaseError, SettingsFault
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.judgement import refusal


def status(code: str, **more: object) -> str:
    return json.dumps({**more, "status": {"code": code}})


def refused(branch: dict[str, Any]) -> str:
    return status("ERROR", invoices={"0": {"invoice": branch}})


def errors(*pairs: tuple[str, str]) -> dict[str, Any]:
    told = [
        {"error": {"field": name, "message": "Anna!", "method": {"name": how, "parameters": ""}}} for name, how in pairs
    ]
    return {"errors": {str(number): item for number, item in enumerate(told)}}


def judged(branch: dict[str, Any]) -> PaidcaseError | None:
    answer = wire.read(refused(branch).encode())
    assert answer is not None
    return refusal(answer, write=True, pause=None)


@pytest.mark.parametrize(
    ("branch", "faults"),
    [
        (errors(("date", "date")), [("wfirma.date", "bad_format")]),
        ({"contractor": errors(("nip", "nip"), ("zip", "require"))},
         [("billing_data.tax_id", "bad_nip"), ("billing_data.postal_code", "missing")]),
        ({"invoicecontents": {"0": {"invoicecontent": {}}, "2": {"invoicecontent": errors(("name", "require"))}}},
         [("lines[2].description", "missing")]),
        (errors(("contractor", "exists")), [("billing_data", "bad_format")]),
        (errors(("<script>", "x")), [("wfirma.field", "bad_format")]),
        ({}, [("billing_data", "bad_format")]),
    ],
)  # fmt: skip
def test_every_refused_field_is_named_and_no_sentence_of_wfirma_is_repeated(
    branch: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    fault = judged(branch)
    assert isinstance(fault, DataFault)
    assert [(item.field, item.code) for item in fault.faults] == faults
    assert "Anna" not in fault.message


@pytest.mark.parametrize("name", ["series", "type", "lumpcode"])
def test_a_refused_field_of_the_account_is_a_matter_of_settings(name: str) -> None:
    assert type(judged(errors((name, "exists"), ("date", "date")))) is SettingsFault


@pytest.mark.parametrize(
    ("branch", "ids"),
    [
        ({"0": {"invoice": {"id": "5"}}, "1": {"invoice": {"id": 6}}, "parameters": {"total": "2"}}, ["5", "6"]),
        ({"10": {"invoice": {"id": "b"}}, "9": {"invoice": {"id": "a"}}}, ["a", "b"]),
        ([{"invoice": {"id": "5"}}], ["5"]),
        ({"parameters": {"total": "0"}}, []),
        ({"0": {"other": {}}, "1": "text"}, []),
        ("text", []),
    ],
    ids=str,
)
def test_records_are_read_in_every_spelling(branch: Any, ids: list[str]) -> None:
    answer = wire.read(status("OK", invoices=branch).encode())
    assert answer is not None
    assert [wire.text(record, "id") for record in answer.records("invoices", "invoice")] == ids
