"""Corrections beside refunds, and of invoices whose expert or whose tax has changed since."""

from decimal import Decimal
from typing import Any

from activities.corrections import CorrectInput, CorrectionInput
from activities.invoices import GenerateInput
from invoicing.bootstrap import utc_now
from invoicing.documents.pdf.invoice import render
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind, Refund, RefundStatus
from invoicing.domain.exchange import ExchangeRate
from invoicing.domain.state import Badge
from tests.integration.web.corrected import (
    CHEAPER,
    LINE,
    PAID,
    act,
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
    async with stage.app.store.transaction() as db:
        expert = await db.expert("exp-1")
        assert expert is not None
        await db.save_expert("exp-1", expert.model_copy(update={"issuer": "none"}), utc_now())
    assert (await corrected(stage, CHEAPER)).startswith("KFV/1/")
    told = await act(stage, "correct_after_refund", CorrectInput(case_id=CASE, number=2, whole=True))
    assert told.number.startswith("KFV/2/")


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
