"""The issuer `wfirma`: the expert's own account makes the invoice, once.

Guarantee: at most one invoice of a case and sequence, whatever is killed, frozen or lost when. It is looked up by
`id_external` before every add; every add is noted durably first (`AddNotes`) and leaves within `LEAVE` of its note or
not at all; and absence is believed only when no add can be under way any more: none left within `settle` before the
look began, which is longer than an add may take to leave and to be answered. What is found, and what an add answers, is
proved before it is used.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from invoicing.domain.cases import ExpertDocument
from invoicing.errors import (
    ConnectivityFault,
    DataFault,
    Fault,
    InternalFault,
    OutcomeUnknown,
    PaidcaseError,
    SettingsFault,
)
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.buyers import Contractors
from invoicing.gateways.wfirma.catalogue import Catalogue
from invoicing.gateways.wfirma.checking import account_faults
from invoicing.gateways.wfirma.client import WfirmaClient
from invoicing.gateways.wfirma.correction import correction_request, issued_before, wanted_correction
from invoicing.gateways.wfirma.judgement import unusable
from invoicing.gateways.wfirma.notes import AddNotes
from invoicing.gateways.wfirma.proof import DIFFERS, dated, demand_document, demand_echo, demand_wanted
from invoicing.gateways.wfirma.wanted import CORRECTION, Plan, Wanted, account_of, add_request, plan
from invoicing.gateways.wfirma.wire import Record, text
from invoicing.ports import Clock, DocumentStore, Issued, IssueOrder

LEAVE = timedelta(seconds=8)
"""An add that has not left this long after its note stays at home."""

ROUND = timedelta(seconds=50)
"""By then the activity must be nearly over: an add that could not be answered before is not begun."""

SETTLE = timedelta(seconds=30)
FIRST = 1


@dataclass(frozen=True, slots=True)
class _Found:
    """A document that passed, and what its file must show."""

    record: Record
    numbers: tuple[str, ...]


class WfirmaIssuer:
    """Issues through wFirma; keys come with the order, nothing of one expert is kept but look-ups."""

    def __init__(
        self,
        client: WfirmaClient,
        notes: AddNotes,
        documents: DocumentStore,
        clock: Clock,
        *,
        settle: timedelta = SETTLE,
    ) -> None:
        if settle <= client.timeout + LEAVE:
            raise InternalFault("internal", "the wait for a lost add must be longer than an add can take")
        self._client = client
        self._notes = notes
        self._documents = documents
        self._clock = clock
        self._settle = settle
        self._contractors = Contractors(client)
        self._catalogue = Catalogue(client, clock)

    async def issue(self, order: IssueOrder) -> Issued:
        """The invoice of the case: found and adopted, or added.

        Raises `DataFault`, `SettingsFault` (trying again cannot cure it), `ConnectivityFault` (nothing happened),
        `OutcomeUnknown` (an add may be under way; `retry_after` says when looking can decide).
        """
        began = self._clock()
        planned = plan(order, began)
        found = await self._find(planned.wanted)
        if found is None:
            found = await self._add(planned, began)
        return await self._deliver(planned.wanted, found, (text(found, "fullnumber"),))

    async def look(self, order: IssueOrder) -> Issued | None:
        """The invoice when it exists; None when it is proved that it does not. Never adds.

        Raises as `issue` does; `OutcomeUnknown` while absence cannot be proved yet.
        """
        began = self._clock()
        wanted = plan(order, began).wanted
        found = await self._find(wanted)
        if found is not None:
            return await self._deliver(wanted, found, (text(found, "fullnumber"),))
        await self._demand_settled(wanted, began)
        return None

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        """The correction to zero of the case's invoice; `order.sequence` is the correction's own, from 2.

        Raises as `issue` does; `DataFault("issuer_invoice_differs")` too when there is no invoice, or when it was
        corrected by hand.
        """
        began = self._clock()
        original = issued_before(plan(IssueOrder(order.facts, FIRST), began).wanted)
        invoice = await self._find(original)
        if invoice is None:
            raise DataFault(DIFFERS, [Fault("wfirma.id_external", "missing")])
        wanted = wanted_correction(original, invoice, order.sequence)
        found = await self._find(wanted)
        if found is None:
            if text(invoice, "corrections") not in {"", "0"}:
                raise DataFault(DIFFERS, [Fault("wfirma.corrections", "bad_format")])
            body = correction_request(wanted, invoice, self._clock())
            found = await self._sent(wanted, body, began)
            demand_wanted(wanted, found)
        return await self._deliver(wanted, found, (text(found, "fullnumber"), text(invoice, "fullnumber")))

    async def probe(self, order: IssueOrder) -> None:
        """Ask what issuing asks first. Returns when wFirma answers, be it that it refuses these keys.

        Raises `ConnectivityFault`, and `SettingsFault` when there are no keys to ask with, or only a locked one.
        """
        account = account_of(order.facts)
        self._client.demand_unlocked(account)
        asked = wire.search("invoices", {"id_external": f"{order.facts.document.case_id}-{order.sequence}"})
        with contextlib.suppress(SettingsFault, InternalFault):
            await self._client.read(account, "invoices/find", asked)

    async def check(self, expert: ExpertDocument) -> tuple[Fault, ...]:
        """What is wrong with keys, rights, company or series; changes nothing. Raises `ConnectivityFault`."""
        return await account_faults(self._client, self._catalogue, expert)

    async def _find(self, wanted: Wanted) -> Record | None:
        """The document of this `id_external`, proved; None when wFirma shows none."""
        asked = wire.search("invoices", {"id_external": wanted.id_external})
        answer = await self._client.read(wanted.account, "invoices/find", asked)
        records = answer.records("invoices", "invoice")
        named = [text(record, "id_external") for record in records]
        if any(name.casefold() != wanted.id_external.casefold() for name in named):
            # The condition was not obeyed: whatever was not shown may exist all the same.
            raise unusable("wFirma: the search was not obeyed", write=False)
        found = [record for record, name in zip(records, named, strict=True) if name == wanted.id_external]
        if len(found) > 1:
            raise DataFault(DIFFERS, [Fault("wfirma.id_external", "bad_format")])
        if not found:
            return None
        demand_wanted(wanted, found[0])
        return found[0]

    async def _add(self, planned: Plan, began: datetime) -> Record:
        wanted = planned.wanted
        await self._demand_settled(wanted, began)
        account = wanted.account
        rates = {rate: await self._catalogue.rate(account, rate) for rate in planned.rates}
        series = await self._catalogue.series(account, planned.series, wanted.kind) if planned.series else ""
        language = await self._catalogue.language(account, planned.language)
        contractor = await self._contractors.kept_in_step(account, planned.buyer)
        record = await self._sent(wanted, add_request(planned, contractor, rates, series, language), began)
        demand_wanted(wanted, record)
        grosses = {rates[row.rate]: row.gross for row in planned.sums.rates} if rates else {}
        demand_echo(record, planned.price_type, planned.sums.gross, grosses)
        return record

    async def _sent(self, wanted: Wanted, body: dict[str, Any], began: datetime) -> Record:
        """One add under its note. A known failure takes the note back; a cancelled or lost one leaves it."""
        now = self._clock()
        leave_by = min(now + LEAVE, began + ROUND - self._client.timeout)
        if now > leave_by:
            raise ConnectivityFault("issuer_unreachable", "wFirma is so slow that an add would not be answered in time")
        if not await self._notes.claim(wanted.case_id, wanted.sequence, now, began - self._settle):
            raise self._under_way(self._settle)
        try:
            answer = await self._client.write(wanted.account, "invoices/add", body, leave_by)
        except OutcomeUnknown as lost:
            pause = max(self._settle, lost.retry_after or self._settle)
            raise OutcomeUnknown(lost.code, lost.message, retry_after=pause) from lost
        except PaidcaseError as fault:
            if isinstance(fault, SettingsFault | DataFault):
                self._catalogue.forget(wanted.account)
            await self._notes.release(wanted.case_id, wanted.sequence, now)
            raise
        records = answer.records("invoices", "invoice")
        if len(records) != 1 or not text(records[0], "id"):
            raise OutcomeUnknown("issuer_outcome_unknown", "wFirma: no invoice in the answer", retry_after=self._settle)
        return records[0]

    async def _demand_settled(self, wanted: Wanted, looked_at: datetime) -> None:
        """Absence is proved only when every add had ended before the look began."""
        last = await self._notes.last(wanted.case_id, wanted.sequence)
        if last is not None and last > looked_at - self._settle:
            raise self._under_way(last + self._settle - self._clock())

    def _under_way(self, rest: timedelta) -> OutcomeUnknown:
        pause = min(max(rest, timedelta(seconds=1)), self._settle)
        return OutcomeUnknown("issuer_outcome_unknown", "an add may be under way", retry_after=pause)

    async def _deliver(self, wanted: Wanted, record: Record, numbers: tuple[str, ...]) -> Issued:
        """The file fetched, proved and stored."""
        issued_on = dated(record)
        content = await self._client.download(wanted.account, text(record, "id"))
        total = None if wanted.kind == CORRECTION else max(wanted.totals)
        await asyncio.to_thread(demand_document, content, numbers, total, wanted.currency)
        sha256 = await self._documents.put(content)
        return Issued(number=numbers[0], issued_on=issued_on, sha256=sha256)
