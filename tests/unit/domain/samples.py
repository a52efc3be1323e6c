"""The documents of the specification, word for word, and small variations of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.faults import shape_faults
from invoicing.domain.payments import Attempt, AttemptState, Transaction, TransactionStatus
from invoicing.domain.state import CaseState

CASE_JSON = """
{
  "case_id": "2026-000123",
  "expert_id": "exp-1",
  "client": {"id": "cli-7", "email": "anna@example.com", "language": "pl"},
  "billing_data": {"kind": "company", "name": "Przykład sp. z o.o.", "tax_id": "5260250274",
                   "street": "Jasna 6/3", "postal_code": "00-013", "city": "Warszawa", "country": "PL",
                   "email": "faktury@example.com"},
  "currency": "PLN",
  "prices": "net",
  "lines": [{"description": "Konsultacja prawna", "quantity": "1.5", "unit": "godz.",
             "unit_price": "240.00", "discount_percent": "10", "vat_rate": "23"}],
  "payment": {"method": "autopay"}
}
"""

EXPERT_JSON = """
{
  "name": "Jan Przykładowy Doradztwo", "tax_id": "1234563218", "street": "Prosta 1", "postal_code": "00-001",
  "city": "Warszawa", "country": "PL", "email": "ekspert@example.com", "language": "pl",
  "bank_account": "PL61109010140000071219812874",
  "vat_status": "active", "exemption_basis": null, "issuer": "builtin", "invoice_series": "FV/{number}/{month}/{year}",
  "ksef": "outside", "wfirma": null
}
"""

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

EXTERNAL = {"method": "external", "reference": "PRZELEW 7", "paid_at": "2026-11-22T10:00:00Z"}


def case_fields(**changes: Any) -> dict[str, Any]:
    """The case document with some fields exchanged."""
    return {**json.loads(CASE_JSON), **changes}


def line_fields(**changes: Any) -> dict[str, Any]:
    """The line of the case document with some fields exchanged."""
    return {**json.loads(CASE_JSON)["lines"][0], **changes}


def case(**changes: Any) -> CaseDocument:
    return CaseDocument.model_validate(case_fields(**changes))


def case_with_line(**changes: Any) -> CaseDocument:
    """The case with one line, changed."""
    return case(lines=[line_fields(**changes)])


def buyer(**changes: Any) -> BillingData:
    return BillingData.model_validate({**json.loads(CASE_JSON)["billing_data"], **changes})


def person(**changes: Any) -> BillingData:
    return buyer(kind="person", name="Anna Przykładowa", tax_id=None, **changes)


def expert(**changes: Any) -> ExpertDocument:
    return ExpertDocument.model_validate({**json.loads(EXPERT_JSON), **changes})


def faults_of(**changes: Any) -> list[tuple[str, str]]:
    """Path and code of every shape fault of a changed case document; empty when its shape is right."""
    try:
        case(**changes)
    except ValidationError as error:
        return [(fault.field, fault.code) for fault in shape_faults(error)]
    return []


def state(**changes: Any) -> CaseState:
    return CaseState(case_id="2026-000123", currency="PLN", **changes)


def attempt(status: AttemptState, number: int = 1, **changes: Any) -> Attempt:
    """An attempt whose request left a minute before `NOW` and whose link lives for three days."""
    fields: dict[str, Any] = {
        "case_id": "2026-000123",
        "attempt": number,
        "order_id": f"2026-000123-{number}",
        "service_id": "100",
        "amount": Decimal("398.52"),
        "currency": "PLN",
        "state": status,
        "sent_at": NOW - timedelta(minutes=1),
        "valid_until": NOW + timedelta(days=3),
        "redirect_url": "https://pay.example.com/t/1" if status in LINKED else None,
    }
    return Attempt.model_validate({**fields, **changes})


LINKED = {AttemptState.OPEN, AttemptState.FAILED, AttemptState.PAID}
"""States of attempts whose payer was given an address."""


def transaction(status: TransactionStatus, remote_id: str = "9ABC", number: int = 1) -> Transaction:
    return Transaction(
        order_id=f"2026-000123-{number}",
        remote_id=remote_id,
        amount=Decimal("398.52"),
        currency="PLN",
        status=status,
    )
