"""What was once wrong in the domain, and must stay right."""

from datetime import date

import pytest

from invoicing.domain.cases import CaseDocument
from invoicing.domain.numbering import SeriesTemplate, TemplateFault, series_key
from invoicing.domain.parties import buyer_faults, is_polish_nip
from invoicing.domain.state import (
    Badge,
    Parked,
    PaymentStatus,
    Step,
    closed_unpaid,
    invoice_available,
    invoice_by_hand,
    parked,
    payment_completed,
    payment_failed,
    payment_opened,
)
from invoicing.errors import Cause
from tests.unit.domain.samples import NOW, buyer, case_fields, faults_of, person, state


@pytest.mark.parametrize("method", [[], {}, [["autopay"]]])
def test_a_payment_method_that_is_a_list_or_object_is_a_shape_fault(method: object) -> None:
    assert faults_of(payment={"method": method}) == [("payment", "bad_format")]


@pytest.mark.parametrize("template", ["FV/{number}\n", "FV/\n{number}", "\n{number}"])
def test_a_line_break_in_a_template_is_refused(template: str) -> None:
    with pytest.raises(TemplateFault):
        SeriesTemplate.parse(template)


def test_one_seller_has_one_series_however_his_tax_id_is_written() -> None:
    keys = {
        series_key(nip, "{number}/{year}")
        for nip in ("1234563218", "123-456-32-18", "PL1234563218", "PL 123 456 32 18")
    }
    assert len(keys) == 1


@pytest.mark.parametrize("code", ["٠٠-٠١٣", "００-０１３"])
def test_a_postal_code_in_foreign_digits_is_refused(code: str) -> None:
    assert [f.code for f in buyer_faults(person(postal_code=code))] == ["bad_postal_code"]


def test_a_nip_in_full_width_digits_is_refused() -> None:
    assert not is_polish_nip("５２６０２５０２７４")


def test_an_unknown_field_that_begins_with_a_hash_is_told_by_its_own_path() -> None:
    assert faults_of(client={"id": "k", "#x": 1}) == [("client.#x", "unknown_field")]


WHY = Parked(step=Step.VALIDATE, cause=Cause.BILLING_DATA, code="billing_data_invalid", attempts=1)


def test_a_case_closed_as_unpaid_while_parked_needs_no_decision_any_more() -> None:
    closed = closed_unpaid(parked(state(), WHY))
    assert closed.parked is None
    assert closed.badges == (Badge.UNPAID,)


def test_a_late_failure_does_not_reopen_a_closed_case() -> None:
    closed = closed_unpaid(payment_opened(state(), 1))
    after = payment_failed(closed, 1)
    assert after.payment.status is PaymentStatus.FAILED
    assert (after.closed, after.badges) == (True, (Badge.UNPAID,))


def test_an_available_invoice_stays_when_the_issuer_became_none() -> None:
    paid = payment_completed(state(), attempt=1, remote_id="9", paid_at=NOW, reference="9")
    invoiced = invoice_available(paid, number="1", issued_on=date(2026, 11, 22), sha256="0" * 64, attempts=1)
    assert invoice_by_hand(invoiced) == invoiced


def test_an_older_attempt_that_opens_late_does_not_reopen_a_newer_failed_one() -> None:
    newer = payment_failed(payment_opened(state(), 2), 2)
    assert payment_opened(newer, 1) == newer


def test_the_same_moment_of_payment_is_the_same_document() -> None:
    def canonical(paid_at: str) -> str:
        payment = {"method": "external", "reference": "r", "paid_at": paid_at}
        return CaseDocument.model_validate(case_fields(payment=payment)).canonical()

    assert canonical("2026-11-22T11:00:00+01:00") == canonical("2026-11-22T10:00:00Z")


@pytest.mark.parametrize("address", ["a@test", "a" * 65 + "@example.com", "a@ｅxample.com"])
def test_an_address_that_no_server_takes_is_refused(address: str) -> None:
    assert [f.code for f in buyer_faults(buyer(email=address))] == ["bad_email"]


def test_an_empty_tax_id_of_a_person_is_no_tax_id() -> None:
    assert list(buyer_faults(person().model_copy(update={"tax_id": ""}))) == []
