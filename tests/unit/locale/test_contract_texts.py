"""The texts that other programs and people rely on, letter for letter."""

import pytest

from invoicing.domain.labels import Role, view
from invoicing.domain.records import MailKind
from invoicing.domain.state import CaseState, InvoiceState, InvoiceStatus, PaymentState, PaymentStatus
from invoicing.locale import text

POLISH = {
    "case.in_analysis": "ANALIZA SPRAWY",
    "case.in_preparation": "W PRZYGOTOWANIU",
    "payment.open": "Realizowana",
    "payment.failed": "Błąd",
    "payment.completed": "Zrealizowana",
    "invoice.resume_payment": "Spróbuj ponownie",
    "invoice.pay_again": "Ponów płatność",
    "invoice.generating": "Generowanie faktury",
    "invoice.available": "Pobierz fakturę",
    "invoice.failed_reason": "Przepraszamy, nie mogliśmy utworzyć faktury",
    "action.pay": "ZAPŁAĆ",
    "action.regenerate_invoice": "Wygeneruj ponownie",
}

ROWS = [
    (PaymentStatus.NONE, InvoiceStatus.NONE, None, None, None),
    (PaymentStatus.OPEN, InvoiceStatus.NONE, "Realizowana", "Spróbuj ponownie", None),
    (PaymentStatus.FAILED, InvoiceStatus.NONE, "Błąd", "Ponów płatność", None),
    (PaymentStatus.COMPLETED, InvoiceStatus.GENERATING, "Zrealizowana", "Generowanie faktury", None),
    (PaymentStatus.COMPLETED, InvoiceStatus.AVAILABLE, "Zrealizowana", "Pobierz fakturę", None),
    (PaymentStatus.COMPLETED, InvoiceStatus.MANUAL, "Zrealizowana", None, None),
    (
        PaymentStatus.COMPLETED,
        InvoiceStatus.FAILED,
        "Zrealizowana",
        None,
        "Przepraszamy, nie mogliśmy utworzyć faktury",
    ),
]


@pytest.mark.parametrize(("key", "wanted"), POLISH.items())
def test_a_polish_label_is_the_quoted_one(key: str, wanted: str) -> None:
    assert text("pl", key) == wanted


@pytest.mark.parametrize(("payment", "invoice", "label", "cell", "reason"), ROWS)
def test_a_state_reads_in_polish_as_its_row_of_the_table(
    payment: PaymentStatus, invoice: InvoiceStatus, label: str | None, cell: str | None, reason: str | None
) -> None:
    state = CaseState(
        case_id="c-1", currency="PLN", payment=PaymentState(status=payment), invoice=InvoiceState(status=invoice)
    )
    seen = view(state, Role.CLIENT)

    def read(key: str | None) -> str | None:
        return None if key is None else text("pl", key)

    assert (read(seen.payment_key), read(seen.invoice_key), read(seen.reason_key)) == (label, cell, reason)


def test_the_expert_reads_the_agreed_sentence_after_a_failed_round() -> None:
    sentence = text("pl", f"mail.{MailKind.EXPERT_FAILED}.text", case_id="2026-000123")
    assert sentence == "Wystąpił błąd podczas wystawiania faktury dla klienta do sprawy nr 2026-000123"


def test_the_regenerate_button_is_called_as_agreed_in_french() -> None:
    assert text("fr", "action.regenerate_invoice") == "Regénéré"
