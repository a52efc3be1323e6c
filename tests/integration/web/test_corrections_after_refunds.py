"""Corrections beside refunds, and of invoices whose expert or whose tax has changed since."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from activities.corrections import CorrectInput, CorrectionActivities, CorrectionInput
from activities.invoices import GenerateInput
from invoicing.bootstrap import utc_now
from invoicing.documents.builtin import BuiltinIssuer
from invoicing.documents.pdf.invoice import render
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind, Refund, RefundStatus
from invoicing.domain.exchange import ExchangeRate
from invoicing.domain.state import Badge, InvoiceState, InvoiceStatus
from invoicing.ports import DocumentStore, Issued, IssueOrder
from tests.integration.web.corrected import (
    CHEAPER,
    LINE,
    PAID,
    act,
    became,
    corrected,
    facts_of_all,
    invoiced,
    listed,
    with_issuer,
)
from tests.integration.web.stage import CASE, Stage


async def test_after_a_full_refund_the_present_state_is_taken_back(stage: Stage) -> None:
    await invoiced(stage)
    await corrected(stage, CHEAPER)
    told = await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=2, whole=True))
    again = await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=2, whole=True))
    assert told.number == again.number
    assert told.number.startswith("KFV/2/")
    zero = (await facts_of_all(stage))[-1]
    assert zero.gross == 0
    assert len(await facts_of_all(stage)) == 3
    assert zero.correction is not None
    assert (zero.correction.reason_key, zero.correction.before_gross) == ("zero", Decimal("332.10"))
    assert (await listed(stage))[-1]["reason"] == "wycofanie sprzedaży, zwrot całej zapłaty"


async def test_what_a_person_took_back_before_the_refund_is_not_taken_back_twice(stage: Stage) -> None:
    await invoiced(stage)
    await corrected(stage, {"reason": "zły nabywca", "to_zero": True})
    told = await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=2, whole=True))
    assert told.number is None
    assert len(await facts_of_all(stage)) == 2


async def test_the_proposal_after_a_partial_refund_is_closed_by_the_correction(stage: Stage) -> None:
    await invoiced(stage)
    async with stage.app.store.transaction() as db:
        await db.decide(CASE, DecisionKind.REFUND, "refund-1", "ops", {}, utc_now())
        await db.save_refund(
            Refund(
                case_id=CASE, number=1, service_id="1", remote_id="9ABC", message_id="m", amount=Decimal(50),
                currency="PLN", kept=True, status=RefundStatus.DONE, requested_at=utc_now(),
            )
        )  # fmt: skip
    await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=1, whole=False))
    (alert,) = await stage.app.store.alerts(open_only=True, after_id=0, limit=10)
    assert alert.code == "correction_proposed"
    await corrected(stage, CHEAPER, 2)
    assert await stage.app.store.alerts(open_only=True, after_id=0, limit=10) == ()


async def test_an_expert_who_went_elsewhere_has_his_own_invoices_still_corrected_by_us(stage: Stage) -> None:
    await invoiced(stage)
    await became(stage, issuer="none")
    assert (await corrected(stage, CHEAPER)).startswith("KFV/1/")
    told = await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=2, whole=True))
    assert told.number.startswith("KFV/2/")


async def test_a_correction_has_the_series_of_its_invoice_whatever_the_expert_numbers_by_now(stage: Stage) -> None:
    await invoiced(stage)
    since = (("wfirma", "Faktury"), ("builtin", "R/{number}/{year}"), ("builtin", "no template"))
    for nth, (issuer, series) in enumerate(since, 1):
        await became(stage, issuer=issuer, invoice_series=series)
        cheaper = {"reason": "cena", "lines": [{**LINE, "unit_price": f"{200 + nth}.00"}]}
        assert (await corrected(stage, cheaper, nth)).startswith(f"KFV/{nth}/")
    told = await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=9, whole=True))
    assert told.number.startswith("KFV/4/")


class Elsewhere:
    """An issuer that keeps its own books."""

    def __init__(self, documents: DocumentStore) -> None:
        self.documents = documents
        self.asked: list[IssueOrder] = []

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        self.asked.append(order)
        return Issued(number="KF 1/2026", issued_on=date(2026, 11, 23), sha256=await self.documents.put(b"%PDF zero"))


@pytest.mark.parametrize("since", ["builtin", "none"])
async def test_an_invoice_made_elsewhere_is_taken_back_there_whatever_the_expert_chose_since(
    stage: Stage, since: str
) -> None:
    await stage.recorded()
    there = InvoiceState(
        status=InvoiceStatus.AVAILABLE,
        number="F 1/2026",
        issued_on=date(2026, 11, 22),
        sha256="0" * 64,
        issuer="wfirma",
    )
    await stage.state(payment=PAID, invoice=there)
    await became(stage, issuer=since)
    wfirma = Elsewhere(stage.app.documents)
    own = BuiltinIssuer(stage.app.store, stage.app.documents, render, utc_now)
    issuers: Any = {"builtin": own, "wfirma": wfirma}
    activities = CorrectionActivities(stage.app.store, stage.app.documents, issuers, utc_now)
    told = await activities.correct_after_refund(CorrectInput(case_id=CASE, number=1, whole=True))
    assert told.number == "KF 1/2026"
    assert [(order.sequence, order.decision) for order in wfirma.asked] == [(2, 1)]
    assert (await stage.facts()).state.badges == (Badge.CORRECTED,)


async def test_the_record_keeps_who_issued_the_invoice(stage: Stage) -> None:
    await invoiced(stage)
    assert (await stage.facts()).state.invoice.issuer == "builtin"


class Rates:
    """The bank on one day."""

    async def before(self, currency: str, day: Any) -> ExchangeRate:
        self.asked = (currency, day.isoformat())
        return ExchangeRate(currency, Decimal("4.2518"), "225/A/NBP/2026", day)


async def test_tax_that_the_original_did_not_have_is_stated_in_pln_at_the_originals_rate(stage: Stage) -> None:
    untaxed = {**LINE, "vat_rate": "0"}
    await invoiced(stage, currency="EUR", lines=[untaxed])
    async with stage.app.store.transaction() as db:
        body = CorrectionRequest.model_validate({"reason": "stawka", "lines": [LINE]}).body(None)
        await db.decide(CASE, DecisionKind.CORRECT_INVOICE, "k", "ops", body, utc_now())
    rates = Rates()
    await with_issuer(stage, render, rates).correct_invoice(CorrectionInput(case_id=CASE, number=1))
    exchange = (await facts_of_all(stage))[-1].exchange
    assert exchange is not None
    assert (exchange.rate, exchange.vat_pln) == (Decimal("4.2518"), Decimal("316.84"))
    assert rates.asked == ("EUR", "2026-11-22")


async def test_an_invoice_that_comes_after_all_of_the_money_went_back_asks_for_a_correction(stage: Stage) -> None:
    await stage.recorded()
    await stage.state(payment=PAID, badges=(Badge.REFUNDED,))
    async with stage.app.store.transaction() as db:
        await db.decide(CASE, DecisionKind.REFUND, "refund-1", "ops", {}, utc_now())
        await db.save_refund(
            Refund(
                case_id=CASE, number=1, service_id="1", remote_id="9ABC", message_id="m", amount=Decimal("398.52"),
                currency="PLN", kept=True, status=RefundStatus.DONE, requested_at=utc_now(),
            )
        )  # fmt: skip
    await act(stage, "generate_invoice", GenerateInput(case_id=CASE))
    (alert,) = await stage.app.store.alerts(open_only=True, after_id=0, limit=10)
    assert alert.code == "correction_proposed"
    await corrected(stage, {"reason": "zwrot zapłaty", "to_zero": True}, 2)
    assert await stage.app.store.alerts(open_only=True, after_id=0, limit=10) == ()
