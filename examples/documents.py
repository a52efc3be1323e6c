"""The documents of the specification, which the demonstration, the benchmarks and the tests vary.

`expert.json` and `case-autopay.json` beside this file are the same for people who try the commands; a test compares
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

CASE_ID: Final = "2026-000123"

EXPERT: Final[Mapping[str, Any]] = {
    "name": "Jan Przykładowy Doradztwo",
    "tax_id": "1234563218",
    "street": "Prosta 1",
    "postal_code": "00-001",
    "city": "Warszawa",
    "country": "PL",
    "email": "ekspert@example.com",
    "language": "pl",
    "bank_account": "PL61109010140000071219812874",
    "vat_status": "active",
    "exemption_basis": None,
    "issuer": "builtin",
    "invoice_series": "FV/{number}/{month}/{year}",
    "ksef": "outside",
    "wfirma": None,
}

COMPANY: Final[Mapping[str, Any]] = {
    "kind": "company",
    "name": "Przykład sp. z o.o.",
    "tax_id": "5260250274",
    "street": "Jasna 6/3",
    "postal_code": "00-013",
    "city": "Warszawa",
    "country": "PL",
    "email": "faktury@example.com",
}

_CASE: Final[Mapping[str, Any]] = {
    "case_id": CASE_ID,
    "expert_id": "exp-1",
    "client": {"id": "cli-7", "email": "anna@example.com", "language": "pl"},
    "billing_data": dict(COMPANY),
    "currency": "PLN",
    "prices": "net",
    "lines": [
        {
            "description": "Konsultacja prawna",
            "quantity": "1.5",
            "unit": "godz.",
            "unit_price": "240.00",
            "discount_percent": "10",
            "vat_rate": "23",
        }
    ],
    "payment": {"method": "autopay"},
}


def case_document(**changes: Any) -> dict[str, Any]:
    """The case with other values; every call gives a document of its own."""
    return {**deepcopy(dict(_CASE)), **changes}
