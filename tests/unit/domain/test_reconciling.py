"""Every way in which gateway, records and invoices can disagree, and what is no disagreement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.domain.decisions import Refund, RefundStatus
from invoicing.domain.invoices import Invoice
from invoicing.domain.issuing import plan_invoice
from invoicing.domain.payments import AttemptState, Transaction, TransactionStatus
from invoicing.domain.reconciling import REFUND_HEARD_WITHIN, Books, DifferenceKind, differences
from invoicing.domain.records import Capture
from invoicing.domain.refunds import RefundProgress, RefundStage
from invoicing.domain.state import (
    CaseState,
    InvoiceState,
    InvoiceStatus,
    Parked,
    PaymentState,
    PaymentStatus,
    Step,
)
from invoicing.errors import Cause
from tests.unit.domain.samples import NOW, attempt, buyer, case, expert, state, transaction

DAY = timedelta(days=1)
GROSS = "398.52 PLN"
ORDER = ("100", "2026-000123-1")


def capture(remote_id: str = "9ABC", **changes: Any) -> Capture:
    fields: dict[str, Any] = {
        "service_id": "100",
        "remote_id": remote_id,
        "case_id": "2026-000123",
        "order_id": "2026-000123-1",
        "amount": Decimal("398.52"),
        "currency": "PLN",
        "kept": True,
        "captured_at": NOW - DAY,
        "via": "itn",
    }
    return Capture.model_validate({**fields, **changes})


def refund(status: RefundStatus = RefundStatus.DONE, **changes: Any) -> Refund:
    fields: dict[str, Any] = {
        "case_id": "2026-000123",
        "number": 1,
        "service_id": "100",
        "remote_id": "9ABC",
        "message_id": "m1",
        "amount": Decimal("398.52"),
        "currency": "PLN",
        "kept": True,
        "status": status,
        "requested_at": NOW - 2 * DAY,
        "settled_at": NOW - DAY if status in {RefundStatus.DONE, RefundStatus.FAILED} else None,
    }
    return Refund.model_validate({**fields, **changes})


def invoice(gross: str = "398.52", sequence: int = 1) -> Invoice:
    planned = plan_invoice(
        case(), buyer(), expert(),
        number=f"FV/{sequence}/11/2026", issued_on=NOW.date(), paid_at=NOW, payment_reference="9ABC", language="pl",
    )  # fmt: skip
    return planned.model_copy(update={"gross": Decimal(gross), "sequence": sequence})


def paid(invoiced: InvoiceStatus = InvoiceStatus.AVAILABLE, **changes: Any) -> CaseState:
    payment = PaymentState(status=PaymentStatus.COMPLETED, attempt=1, remote_id="9ABC", paid_at=NOW - DAY)
    return state(payment=payment, invoice=InvoiceState(status=invoiced), **changes)


def told(*transactions: Transaction) -> dict[tuple[str, str], tuple[Transaction, ...]]:
    return {ORDER: transactions}


def success(**changes: Any) -> Transaction:
    return transaction(TransactionStatus.SUCCESS).model_copy(update=changes)


AGREED = Books(
    state=paid(),
    attempts=(attempt(AttemptState.PAID),),
    captures=(capture(),),
    invoices=(invoice(),),
    told=told(success()),
)
"""A paid and invoiced case on which all three agree."""

UNINVOICED = replace(AGREED, state=paid(InvoiceStatus.GENERATING), invoices=())
DUPLICATE = capture("9DEF", kept=False)
TWICE = replace(AGREED, captures=(capture(), DUPLICATE), told=told(success(), success(remote_id="9DEF")))
BACK = RefundProgress(stage=RefundStage.DONE)
LOST = RefundProgress(stage=RefundStage.FAILED)
REFUNDED = replace(
    AGREED, refunds=(refund(),), invoices=(invoice(), invoice("0.00", sequence=2)), progress={"m1": BACK}
)
LATELY = NOW - REFUND_HEARD_WITHIN / 2


def found(books: Books) -> list[tuple[str, str, str, str]]:
    return [(one.kind.value, one.subject, one.expected, one.found) for one in differences(books, NOW)]


@pytest.mark.parametrize(
    "books",
    [
        pytest.param(AGREED, id="paid and invoiced"),
        pytest.param(REFUNDED, id="refunded and corrected to zero"),
        pytest.param(replace(AGREED, told={}), id="the gateway was not asked"),
        pytest.param(Books(state=state()), id="never asked to pay"),
        pytest.param(
            Books(state=state(), attempts=(attempt(AttemptState.OPEN),), told=told()), id="an order nobody has paid"
        ),
        pytest.param(
            Books(state=state(), told=told(transaction(TransactionStatus.PENDING))), id="a transfer under way"
        ),
        pytest.param(
            Books(state=state(), told=told(transaction(TransactionStatus.FAILURE))), id="a failure at the gateway"
        ),
        pytest.param(Books(state=state(), told=told(success(paid_at=NOW))), id="money that has just come"),
        pytest.param(replace(AGREED, captures=(capture(captured_at=NOW),), told=told()), id="recorded since asking"),
        pytest.param(replace(UNINVOICED, captures=(capture(captured_at=NOW),)), id="an invoice being generated"),
        pytest.param(replace(UNINVOICED, state=paid(InvoiceStatus.MANUAL)), id="the expert's own invoice"),
        pytest.param(replace(AGREED, invoices=()), id="an invoice made by an outside issuer"),
        pytest.param(replace(UNINVOICED, state=paid(InvoiceStatus.GENERATING, closed=True)), id="given up"),
        pytest.param(
            replace(
                UNINVOICED,
                state=paid(
                    InvoiceStatus.FAILED,
                    parked=Parked(step=Step.INVOICE, cause=Cause.INTERNAL, code="internal", attempts=3),
                ),
            ),
            id="parked",
        ),
        pytest.param(replace(UNINVOICED, refunds=(refund(),), progress={"m1": BACK}), id="refunded before the invoice"),
        pytest.param(
            replace(TWICE, refunds=(refund(RefundStatus.QUEUED, remote_id="9DEF", kept=False),)),
            id="a duplicate on its way back",
        ),
        pytest.param(
            replace(TWICE, captures=(capture(), capture("9DEF", kept=False, captured_at=NOW))),
            id="a duplicate that has just come",
        ),
        pytest.param(
            replace(AGREED, refunds=(refund(RefundStatus.QUEUED, requested_at=LATELY),), progress={"m1": BACK}),
            id="a refund whose end the next poll will tell",
        ),
        pytest.param(
            replace(AGREED, refunds=(refund(RefundStatus.FAILED),), progress={"m1": LOST}), id="a refund that failed"
        ),
        pytest.param(replace(AGREED, refunds=(refund(settled_at=NOW),), progress={"m1": LOST}), id="just refunded"),
    ],
)
def test_what_agrees_or_is_on_its_way_is_no_difference(books: Books) -> None:
    assert found(books) == []


CAPTURED = Books(state=state(), attempts=(attempt(AttemptState.OPEN),), told=told(success(paid_at=NOW - DAY)))
MORE = success(amount=Decimal("400.00"))


@pytest.mark.parametrize(
    ("books", "wanted"),
    [
        pytest.param(CAPTURED, ("captured_not_recorded", "9ABC", GROSS, "0.00 PLN"), id="never heard of"),
        pytest.param(
            replace(CAPTURED, told=told(success())), ("captured_not_recorded", "9ABC", GROSS, "0.00 PLN"), id="undated"
        ),
        pytest.param(
            replace(AGREED, told=told(success(), success(remote_id="9DEF"))),
            ("captured_not_recorded", "9DEF", GROSS, "0.00 PLN"),
            id="a second payment never heard of",
        ),
        pytest.param(
            replace(AGREED, told=told()), ("recorded_not_captured", "9ABC", GROSS, "0.00 PLN"), id="order unknown there"
        ),
        pytest.param(
            replace(AGREED, told=told(transaction(TransactionStatus.FAILURE))),
            ("recorded_not_captured", "9ABC", GROSS, "0.00 PLN"),
            id="failed there",
        ),
        pytest.param(
            replace(CAPTURED, told=told(MORE)), ("amount_differs", "9ABC", GROSS, "400.00 PLN"), id="more than asked"
        ),
        pytest.param(
            replace(AGREED, told=told(MORE)), ("amount_differs", "9ABC", GROSS, "400.00 PLN"), id="more than recorded"
        ),
        pytest.param(
            replace(AGREED, told=told(success(currency="EUR"))),
            ("amount_differs", "9ABC", GROSS, "398.52 EUR"),
            id="another currency",
        ),
        pytest.param(
            UNINVOICED, ("paid_not_invoiced", "2026-000123-1", GROSS, "0.00 PLN"), id="forgotten by the invoicing"
        ),
        pytest.param(
            replace(AGREED, invoices=(invoice("398.51"),)),
            ("invoice_differs", "FV/1/11/2026", GROSS, "398.51 PLN"),
            id="invoiced for less",
        ),
        pytest.param(
            replace(REFUNDED, invoices=(invoice(),)),
            ("invoice_differs", "FV/1/11/2026", "0.00 PLN", GROSS),
            id="refunded and not corrected",
        ),
        pytest.param(
            replace(REFUNDED, refunds=(refund(amount=Decimal("98.52")),)),
            ("invoice_differs", "FV/2/11/2026", "300.00 PLN", "0.00 PLN"),
            id="corrected by more than was refunded",
        ),
        pytest.param(TWICE, ("duplicate_not_refunded", "9DEF", GROSS, "0.00 PLN"), id="kept twice"),
        pytest.param(
            replace(TWICE, refunds=(refund(RefundStatus.FAILED, remote_id="9DEF", kept=False),)),
            ("duplicate_not_refunded", "9DEF", GROSS, "0.00 PLN"),
            id="its refund failed",
        ),
        pytest.param(
            replace(REFUNDED, progress={"m1": LOST}),
            ("refund_differs", "9ABC/1", GROSS, "0.00 PLN"),
            id="done here and not there",
        ),
        pytest.param(
            replace(AGREED, refunds=(refund(RefundStatus.FAILED),), progress={"m1": BACK}),
            ("refund_differs", "9ABC/1", "0.00 PLN", GROSS),
            id="done there and failed here",
        ),
        pytest.param(
            replace(AGREED, refunds=(refund(RefundStatus.QUEUED),), progress={"m1": BACK}),
            ("refund_differs", "9ABC/1", "0.00 PLN", GROSS),
            id="done there and not heard of for long",
        ),
    ],
)
def test_a_disagreement_is_told_once_with_both_figures(books: Books, wanted: tuple[str, str, str, str]) -> None:
    assert found(books) == [wanted]


def test_every_kind_is_met_in_this_file() -> None:
    marks = test_a_disagreement_is_told_once_with_both_figures.pytestmark  # type: ignore[attr-defined]  # set by pytest
    met = {case_.values[1][0] for case_ in marks[0].args[1]}
    assert met == {kind.value for kind in DifferenceKind}


def test_disagreements_of_a_case_come_in_the_order_of_their_kinds() -> None:
    broken = replace(TWICE, told=told(success()), invoices=(invoice("1.00"),))
    kinds = [one.kind for one in differences(broken, NOW)]
    assert kinds == [
        DifferenceKind.RECORDED_NOT_CAPTURED,
        DifferenceKind.INVOICE_DIFFERS,
        DifferenceKind.DUPLICATE_NOT_REFUNDED,
    ]
    assert {one.case_id for one in differences(broken, NOW)} == {"2026-000123"}
