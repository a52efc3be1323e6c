"""The built-in issuer: our own number, our own PDF.

The number is taken and the whole invoice stored as a fact in one transaction; the PDF is drawn from the stored fact
afterwards, never while the counter is held. A crash in between is met by drawing again: same fact, same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from decimal import Decimal

from invoicing.documents.drawing import Draughtsman
from invoicing.documents.numbers import take
from invoicing.documents.pdf.assets import Renderer
from invoicing.domain.cases import offered_language
from invoicing.domain.correcting import change_of, state_after
from invoicing.domain.corrections import Change, correction_series, plan_correction, rates_of, zeroed
from invoicing.domain.exchange import ExchangeRate, needs_rate, rate_before
from invoicing.domain.invoices import Invoice
from invoicing.domain.issuing import plan_invoice, sale_date
from invoicing.domain.ksef import demand_correction_outside_ksef, demand_outside_ksef
from invoicing.domain.numbering import SeriesTemplate, TemplateFault, issue_date, series_template
from invoicing.domain.records import CaseFacts, StoredInvoice
from invoicing.domain.validation import case_totals
from invoicing.errors import DataFault, Fault, SettingsFault
from invoicing.ports import (
    CaseStore,
    Clock,
    CorrectionOrder,
    DocumentStore,
    ExchangeRates,
    Issued,
    IssueOrder,
    UnitOfWork,
)


class BuiltinIssuer:
    """Issues gapless invoices in the expert's own series."""

    def __init__(
        self,
        store: CaseStore,
        documents: DocumentStore,
        render: Renderer,
        clock: Clock,
        rates: ExchangeRates | None = None,
    ) -> None:
        self._store = store
        self._documents = documents
        self._draw = Draughtsman(documents, render)
        self._clock = clock
        self._rates = rates

    async def issue(self, order: IssueOrder) -> Issued:
        """The invoice of the case: found, completed, or made. Raises `DataFault` when facts are missing."""
        case_id = order.facts.document.case_id
        rate = await self._rate(order)
        async with self._store.transaction() as db:
            stored = await db.invoice(case_id, order.sequence)
            if stored is None:
                stored = await self._number(db, order.facts, rate)
        return await self._drawn(stored)

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        """The correction to zero: found, completed, or made. Raises `DataFault` when there is nothing to correct."""

        def is_it(invoice: Invoice) -> bool:
            if order.decision is None or invoice.decision is None:
                return invoice.kind == "correction" and invoice.sequence == order.sequence
            return invoice.decision == order.decision

        def zero(latest: Invoice) -> Change:
            return Change(reason_key="zero", lines=zeroed(latest.lines))

        return await self._corrected(order.facts, order.decision, is_it, zero)

    async def correct(self, order: CorrectionOrder) -> Issued:
        """The correction of a decision: found, completed, or made; number and document once for the decision."""
        rate = await self._rate_of_correction(order)

        def is_it(invoice: Invoice) -> bool:
            return invoice.decision == order.decision

        def changed(latest: Invoice) -> Change:
            return change_of(latest, order.facts, order.wish, rate)

        return await self._corrected(order.facts, order.decision, is_it, changed)

    async def probe(self, order: IssueOrder) -> None:
        """Our own database is all that issuing depends on. Raises `ConnectivityFault` while it is away."""
        async with self._store.reading() as db:
            await db.invoice(order.facts.document.case_id, order.sequence)

    async def _corrected(
        self,
        facts: CaseFacts,
        decision: int | None,
        is_it: Callable[[Invoice], bool],
        changed: Callable[[Invoice], Change],
    ) -> Issued:
        case_id = facts.document.case_id
        async with self._store.transaction() as db:
            await db.facts(case_id)  # corrections of one case queue here: each starts from the one before
            issued = await db.invoices(case_id)
            stored = next((one for one in issued if is_it(one.invoice)), None)
            if stored is None:
                stored = await self._correction(db, facts, decision, issued, changed)
        made = await self._drawn(stored)
        if made.to_note is not None:
            async with self._store.transaction() as db:
                await db.set_invoice_document(case_id, made.to_note, made.sha256)
        return dataclasses.replace(made, to_note=None)

    async def _correction(
        self,
        db: UnitOfWork,
        facts: CaseFacts,
        decision: int | None,
        issued: Sequence[StoredInvoice],
        changed: Callable[[Invoice], Change],
    ) -> StoredInvoice:
        seller = issued[0].invoice.seller.tax_id if issued else None
        if seller is None or facts.expert is None:
            raise DataFault("invoice_facts_incomplete", [Fault("expert_id", "expert_incomplete")])
        original, latest = issued[0].invoice, issued[-1].invoice
        change = changed(latest)
        template = _template(correction_series(series_template(issued[0].series)))
        issued_on = issue_date(self._clock())
        taken = await take(db, seller, template, issued_on)
        correction = plan_correction(
            latest,
            original,
            sequence=latest.sequence + 1,
            number=taken.full_number,
            issued_on=issued_on,
            change=change,
            decision=decision,
        )
        demand_correction_outside_ksef(facts.expert, latest, correction)
        await db.add_invoice(correction, taken.series, taken.period, taken.ordinal)
        return StoredInvoice(invoice=correction, series=taken.series)

    async def _rate_of_correction(self, order: CorrectionOrder) -> ExchangeRate | None:
        """The original's rate to PLN where it stated no tax and its correction has to; asked for before the counter."""
        case_id = order.facts.document.case_id
        async with self._store.reading() as db:
            issued = [stored.invoice for stored in await db.invoices(case_id)]
        if not issued or any(invoice.decision == order.decision for invoice in issued):
            return None
        original, latest = issued[0], issued[-1]
        lines = state_after(latest, order.facts.document, order.wish).lines
        tax = sum((row.vat for row in rates_of(lines, latest)), Decimal(0))
        if latest.exchange is not None or not needs_rate(latest.currency, tax):
            return None
        return await self._known_rates().before(latest.currency, rate_before(original.sold_on, original.issued_on))

    def _known_rates(self) -> ExchangeRates:
        if self._rates is None:
            raise SettingsFault("exchange_rate_missing", "no source of exchange rates is configured")
        return self._rates

    async def _rate(self, order: IssueOrder) -> ExchangeRate | None:
        """The rate to PLN where tax needs one; asked for before the counter is held, and never for a stored invoice."""
        document, paid_at = order.facts.document, order.facts.state.payment.paid_at
        sums = case_totals(document)
        if sums is None or paid_at is None or not needs_rate(document.currency, sums.vat):
            return None
        async with self._store.reading() as db:
            if await db.invoice(document.case_id, order.sequence) is not None:
                return None
        return await self._known_rates().before(
            document.currency, rate_before(sale_date(paid_at), issue_date(self._clock()))
        )

    async def _drawn(self, stored: StoredInvoice) -> Issued:
        invoice, sha256 = stored.invoice, stored.sha256
        if sha256 is not None:
            return Issued(invoice.number, invoice.issued_on, sha256)
        drawn = await self._documents.put(await self._draw(invoice))
        return Issued(invoice.number, invoice.issued_on, drawn, to_note=invoice.sequence)

    async def _number(self, db: UnitOfWork, facts: CaseFacts, rate: ExchangeRate | None) -> StoredInvoice:
        expert, buyer, payment = facts.expert, facts.billing, facts.state.payment
        if expert is None or buyer is None or payment.paid_at is None or not expert.tax_id:
            raise DataFault("invoice_facts_incomplete", [Fault("expert_id", "expert_incomplete")])
        demand_outside_ksef(expert, buyer.country, to_business=buyer.kind == "company")
        template = _template(expert.invoice_series)
        issued_on = issue_date(self._clock())
        taken = await take(db, expert.tax_id, template, issued_on)
        invoice = plan_invoice(
            facts.document,
            buyer,
            expert,
            number=taken.full_number,
            issued_on=issued_on,
            paid_at=payment.paid_at,
            payment_reference=payment.reference or "",
            language=offered_language(facts.document.client.language),
            rate=rate,
            logo=await db.expert_logo(facts.document.expert_id),
        )
        await db.add_invoice(invoice, taken.series, taken.period, taken.ordinal)
        return StoredInvoice(invoice=invoice, series=taken.series)


def _template(text: str | None) -> SeriesTemplate:
    try:
        return SeriesTemplate.parse(text or "")
    except TemplateFault as error:
        raise DataFault("invoice_facts_incomplete", [Fault("expert_id", "expert_incomplete")]) from error
