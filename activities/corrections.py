"""After a refund: the correction to zero of an invoiced case, or the proposal of one."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.failures import mapped
from invoicing.domain.records import Alert, ArchivedDocument, CaseFacts, Event, LogEntry
from invoicing.domain.state import Badge, InvoiceStatus, Step, with_badges
from invoicing.errors import Cause
from invoicing.ports import CaseStore, Clock, DocumentStore, Issued, IssueOrder, Issuer

ZERO_SEQUENCE = 2
"""Sequence of the correction to zero: nothing can be corrected after nothing is left."""


class CorrectInput(BaseModel):
    """The refund that asks for it; `whole` when nothing of the payment is left."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int
    whole: bool


class Corrected(BaseModel):
    """Number of the correction, or None when none was issued."""

    model_config = ConfigDict(frozen=True)

    number: str | None


class CorrectionActivities:
    """Keeps documents in step with money."""

    def __init__(self, store: CaseStore, documents: DocumentStore, issuers: Mapping[str, Issuer], clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._issuers = issuers
        self._clock = clock

    @activity.defn(name="correct_after_refund")
    @mapped
    async def correct_after_refund(self, refund: CorrectInput) -> Corrected:
        """Issue the correction to zero after a full refund; after a partial one propose a correction to ops.

        It is proposed, too, where the invoice is the expert's own, because only he can correct it.
        """
        async with self._store.reading() as db:
            facts = await db.facts(refund.case_id)
        if facts.state.invoice.number is None and facts.state.invoice.status is not InvoiceStatus.MANUAL:
            return Corrected(number=None)
        issuer = self._issuers.get(facts.expert.issuer) if facts.expert else None
        if not refund.whole or issuer is None or facts.state.invoice.status is not InvoiceStatus.AVAILABLE:
            await self._propose(facts, refund.number)
            return Corrected(number=None)
        issued = await issuer.correct_to_zero(IssueOrder(facts, ZERO_SEQUENCE))
        await self._corrected(facts, issued)
        return Corrected(number=issued.number)

    async def _corrected(self, facts: CaseFacts, issued: Issued) -> None:
        case_id, now = facts.document.case_id, self._clock()
        content = await self._documents.get(issued.sha256)
        async with self._store.transaction() as db:
            state = (await db.facts(case_id)).state
            if Badge.CORRECTED in state.badges:
                return
            document = ArchivedDocument(
                case_id=case_id,
                kind="correction",
                sha256=issued.sha256,
                size=len(content),
                actor="system",
                archived_at=now,
            )
            await db.archive(document)
            await db.save(with_badges(state, add=(Badge.CORRECTED,)))
            await db.log(
                LogEntry(
                    case_id=case_id,
                    event=Event.INVOICE_CORRECTED,
                    at=now,
                    step=Step.INVOICE,
                    details={"number": issued.number},
                )
            )

    async def _propose(self, facts: CaseFacts, number: int) -> None:
        async with self._store.transaction() as db:
            await db.open_alert(
                Alert(
                    key=f"correction:{facts.document.case_id}:{number}",
                    case_id=facts.document.case_id,
                    step=Step.INVOICE,
                    cause=Cause.BILLING_DATA,
                    code="correction_proposed",
                    opened_at=self._clock(),
                )
            )
