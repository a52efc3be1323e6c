"""Failure records: what went wrong, what it means, in codes.

The table `FAILURES` is the closed list of stable codes a step may park with. Each row names the cause and who can cure
it; the texts for the three readers live in the language catalogues under `failure.{code}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from invoicing.domain.invoices import Fact
from invoicing.domain.state import Step
from invoicing.errors import Cause


@dataclass(frozen=True, slots=True)
class FailureKind:
    """One stable code: its cause, and whether an alert for ops is opened when it parks a case."""

    code: str
    cause: Cause


FAILURES = {
    kind.code: kind
    for kind in (
        FailureKind("billing_data_invalid", Cause.BILLING_DATA),
        FailureKind("invoice_facts_incomplete", Cause.BILLING_DATA),
        FailureKind("autopay_disabled", Cause.SETTINGS),
        FailureKind("issuer_not_ready", Cause.SETTINGS),
        FailureKind("issuer_settings", Cause.SETTINGS),
        FailureKind("issuer_unreachable", Cause.CONNECTIVITY),
        FailureKind("issuer_outcome_unknown", Cause.CONNECTIVITY),
        FailureKind("exchange_rate_missing", Cause.SETTINGS),
        FailureKind("exchange_rates_unreachable", Cause.CONNECTIVITY),
        FailureKind("provider_maintenance", Cause.CONNECTIVITY),
        FailureKind("provider_brownout", Cause.CONNECTIVITY),
        FailureKind("invoice_data_refused", Cause.BILLING_DATA),
        FailureKind("issuer_total_differs", Cause.BILLING_DATA),
        FailureKind("issuer_invoice_differs", Cause.BILLING_DATA),
        FailureKind("issuer_document_differs", Cause.BILLING_DATA),
        FailureKind("mail_not_configured", Cause.SETTINGS),
        FailureKind("gateway_settings", Cause.SETTINGS),
        FailureKind("gateway_unreachable", Cause.CONNECTIVITY),
        FailureKind("gateway_outcome_unknown", Cause.CONNECTIVITY),
        FailureKind("payment_refused", Cause.PAYMENT),
        FailureKind("payment_not_verified", Cause.PAYMENT),
        FailureKind("payment_duplicate", Cause.PAYMENT),
        FailureKind("notification_rejected", Cause.PAYMENT),
        FailureKind("provider_limit", Cause.LIMIT),
        FailureKind("refund_refused", Cause.PAYMENT),
        FailureKind("refund_too_large", Cause.PAYMENT),
        FailureKind("correction_proposed", Cause.BILLING_DATA),
        FailureKind("reconciliation_difference", Cause.PAYMENT),
        FailureKind("database_unavailable", Cause.CONNECTIVITY),
        FailureKind("mail_deferred", Cause.CONNECTIVITY),
        FailureKind("mail_refused", Cause.BILLING_DATA),
        FailureKind("mail_undeliverable", Cause.CONNECTIVITY),
        FailureKind("mail_outcome_unknown", Cause.CONNECTIVITY),
        FailureKind("document_store", Cause.INTERNAL),
        FailureKind("step_timed_out", Cause.INTERNAL),
        FailureKind("run_cancelled", Cause.INTERNAL),
        FailureKind("internal", Cause.INTERNAL),
    )
}


def known_code(code: str) -> str:
    """The code itself when it is in the table, else `internal`: a park never carries an unexplained code."""
    return code if code in FAILURES else "internal"


class Failure(Fact):
    """One failed attempt of one step. No personal data in any field."""

    case_id: str
    step: Step
    cause: Cause
    code: str
    attempt: int
    faults: tuple[tuple[str, str], ...] = ()
    outcome_known: bool = True
