"""Corrections of several writers at once, on both databases: one document a decision, one chain a case, no gap."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from activities.corrections import CorrectInput, CorrectionInput
from activities.invoices import GenerateInput
from invoicing.bootstrap import utc_now
from invoicing.documents.pdf.invoice import render
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.invoices import Invoice
from tests.integration.web.corrected import CHEAPER, LINE, PAID, act, facts_of_all, invoiced, wish, with_issuer
from tests.integration.web.stage import CASE, Stage, a_case, settings, staged

WRITERS = 4


@pytest.fixture
async def stage(either_url: str, folder: Path) -> AsyncIterator[Stage]:
    """The application on each kind of database in turn."""
    async with staged(settings(folder, DATABASE_URL=either_url)) as it:
        yield it


async def carried_out(stage: Stage, case_id: str, number: int) -> str | None:
    told = await with_issuer(stage, render).correct_invoice(CorrectionInput(case_id=case_id, number=number))
    return told.number


def in_one_chain(facts: list[Invoice]) -> bool:
    """Whether each document starts from what the one before it has left."""
    return [fact.sequence for fact in facts] == list(range(1, len(facts) + 1)) and all(
        after.correction is not None and after.correction.before_lines == before.lines
        for before, after in pairwise(facts)
    )


async def test_processes_at_once_issue_one_document_of_a_decision(stage: Stage) -> None:
    await invoiced(stage)
    await wish(stage, CHEAPER)
    told = await asyncio.gather(*(carried_out(stage, CASE, 1) for _ in range(WRITERS)))
    assert len(set(told)) == 1
    facts = await facts_of_all(stage)
    assert len(facts) == 2
    assert in_one_chain(facts)


async def test_decisions_carried_out_at_once_follow_each_other(stage: Stage) -> None:
    await invoiced(stage)
    async with stage.app.store.transaction() as db:
        for nth in range(WRITERS):
            body = CorrectionRequest.model_validate(
                {"reason": "cena", "lines": [{**LINE, "unit_price": f"{201 + nth}.00"}]}
            ).body(None)
            await db.decide(CASE, DecisionKind.CORRECT_INVOICE, f"key-{nth}", "ops", body, utc_now())
    told = await asyncio.gather(*(carried_out(stage, CASE, nth + 1) for nth in range(WRITERS)))
    assert sorted((number or "").split("/")[1] for number in told) == ["1", "2", "3", "4"]
    facts = await facts_of_all(stage)
    assert in_one_chain(facts)
    assert sorted(fact.decision or 0 for fact in facts) == [0, 1, 2, 3, 4]


async def test_a_refund_and_its_repetition_at_once_take_the_sale_back_once(stage: Stage) -> None:
    await invoiced(stage)
    both = [
        with_issuer(stage, render).correct_after_refund(CorrectInput(case_id=CASE, number=1, whole=True))
        for _ in range(WRITERS)
    ]
    told = await asyncio.gather(*both)
    assert len({one.number for one in told}) == 1
    facts = await facts_of_all(stage)
    assert [fact.gross for fact in facts] == [Decimal("398.52"), Decimal(0)]


async def test_cases_of_one_seller_that_are_corrected_at_once_share_a_series_without_a_gap(stage: Stage) -> None:
    await invoiced(stage)
    names = [f"case-{nth}" for nth in range(WRITERS)]
    body = CorrectionRequest.model_validate(CHEAPER).body(None)
    for case_id in names:
        assert (await stage.send("POST", "/v1/cases", json=a_case(case_id=case_id))).status_code == 201
        async with stage.app.store.transaction() as db:
            state = (await db.facts(case_id)).state
            await db.save(state.model_copy(update={"payment": PAID}))
            await db.decide(case_id, DecisionKind.CORRECT_INVOICE, case_id, "ops", body, utc_now())
        await act(stage, "generate_invoice", GenerateInput(case_id=case_id))
    told = await asyncio.gather(*(carried_out(stage, case_id, 1) for case_id in names))
    assert sorted((number or "").split("/")[1] for number in told) == ["1", "2", "3", "4"]
