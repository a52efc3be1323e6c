"""Exam of the port `Issuer`: what every way of issuing promises."""

from __future__ import annotations

import asyncio
import dataclasses
import io

from pypdf import PdfReader

from invoicing.errors import ConnectivityFault, DataFault, OutcomeUnknown
from invoicing.ports import Issued, IssueOrder, Issuer
from tests.contract.issuers.benches import Bench

CASE = "2026-000123"


async def demand_document(bench: Bench, issued: Issued) -> None:
    """The stored file is a PDF that shows its number."""
    content = await bench.stage.documents.get(issued.sha256)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    assert "".join(issued.number.split()) in "".join(text.split())


async def an_invoice_is_issued_once_and_asked_again_is_the_same(bench: Bench) -> None:
    order = await bench.order(CASE)
    issuer = bench.issuer()
    first = await issuer.issue(order)
    assert await issuer.issue(order) == first
    assert await bench.issuer().issue(order) == first, "another process gives the same one"
    assert await bench.books() == [f"{CASE}-1"]
    assert first.issued_on.isoformat() == "2026-11-22"
    await demand_document(bench, first)


async def every_case_has_an_invoice_of_its_own(bench: Bench) -> None:
    issuer = bench.issuer()
    issued = [await issuer.issue(await bench.order(f"case-{n}")) for n in range(3)]
    assert len({one.number for one in issued}) == len({one.sha256 for one in issued}) == 3
    assert await bench.books() == ["case-0-1", "case-1-1", "case-2-1"]


async def an_invoice_whose_maker_died_is_found_and_completed(bench: Bench) -> None:
    order = await bench.order(CASE)
    try:
        await bench.dying().issue(order)
    except asyncio.CancelledError:
        assert await bench.books() == [f"{CASE}-1"]
    else:
        raise AssertionError("nobody died")
    issued = await bench.issuer().issue(order)
    assert await bench.books() == [f"{CASE}-1"]
    await demand_document(bench, issued)


async def of_many_that_issue_at_once_one_invoice_comes(bench: Bench) -> None:
    order = await bench.order(CASE)
    told = await asyncio.gather(*(bench.issuer().issue(order) for _ in range(4)), return_exceptions=True)
    unexpected = [one for one in told if not isinstance(one, Issued | OutcomeUnknown)]
    assert unexpected == []
    issued = await bench.issuer().issue(order)
    assert {one for one in told if isinstance(one, Issued)} == {issued}
    assert await bench.books() == [f"{CASE}-1"]


async def the_correction_to_zero_is_issued_once_and_leaves_the_invoice(bench: Bench) -> None:
    invoice = await bench.issuer().issue(await bench.order(CASE))
    order = await bench.order(CASE, 2)
    issuer = bench.issuer()
    correction = await issuer.correct_to_zero(order)
    assert await issuer.correct_to_zero(order) == correction
    assert await bench.issuer().correct_to_zero(order) == correction
    assert correction.number != invoice.number
    assert await bench.issuer().issue(await bench.order(CASE)) == invoice
    assert await bench.books() == [f"{CASE}-1", f"{CASE}-2"]
    await demand_document(bench, correction)


async def a_correction_whose_maker_died_is_found_and_completed(bench: Bench) -> None:
    invoice = await bench.issuer().issue(await bench.order(CASE))
    order = await bench.order(CASE, 2)
    try:
        await bench.dying().correct_to_zero(order)
    except asyncio.CancelledError:
        assert await bench.books() == [f"{CASE}-1", f"{CASE}-2"]
    else:
        raise AssertionError("nobody died")
    correction = await bench.issuer().correct_to_zero(order)
    assert await bench.books() == [f"{CASE}-1", f"{CASE}-2"]
    assert correction.number != invoice.number
    await demand_document(bench, correction)


async def a_probe_changes_nothing_and_is_answered_whatever_the_order_lacks(bench: Bench) -> None:
    order = await bench.order(CASE)
    for _ in range(2):
        await bench.issuer().probe(order)
        await bench.issuer().probe(dataclasses.replace(order, facts=order.facts.model_copy(update={"billing": None})))
    assert await bench.books() == []
    issued = await bench.issuer().issue(order)
    await bench.issuer().probe(order)
    assert await bench.issuer().issue(order) == issued
    assert await bench.books() == [f"{CASE}-1"]


async def a_probe_fails_while_the_provider_is_away(bench: Bench) -> None:
    order = await bench.order(CASE)
    try:
        await (await bench.away()).probe(order)
    except ConnectivityFault:
        return
    raise AssertionError("ConnectivityFault was not raised")


async def missing_facts_are_a_fault_of_the_data_and_nothing_is_issued(bench: Bench) -> None:
    without_buyer, whole = await bench.order(CASE, billing=None), await bench.order("2026-000124")
    await _demand_fault(bench.issuer(), without_buyer)
    await _demand_fault(bench.issuer(), IssueOrder(whole.facts, 2), correcting=True)
    assert await bench.books() == []


async def _demand_fault(issuer: Issuer, order: IssueOrder, *, correcting: bool = False) -> None:
    try:
        await (issuer.correct_to_zero(order) if correcting else issuer.issue(order))
    except DataFault as fault:
        assert not fault.retryable
        assert fault.faults
        return
    raise AssertionError("DataFault was not raised")
