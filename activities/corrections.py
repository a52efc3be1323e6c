"""Corrections of issued invoices: as a person has decided, or to zero after a full refund.

Guarantee: a decision has one number and one document, however often its activity runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.acting import refund_ended
from activities.alerting import raised
from activities.failures import mapped
from activities.queueing import proposal_key
from invoicing.domain.correcting import recorded_request
from invoicing.domain.corrections import is_zeroed
from invoicing.domain.failures import FAILURES
from invoicing.domain.ksef import KSEF_CORRECTION
from invoicing.domain.records import Alert, ArchivedDocument, CaseFacts, Event, LogEntry, StoredInvoice
from invoicing.domain.recoveries import SETTLED_BY_CORRECTION
from invoicing.domain.state import Badge, InvoiceStatus, Step, with_badges
from invoicing.errors import DataFault, InternalFault
from invoicing.ports import (
    CaseStore,
    Clock,
    CorrectingIssuer,
    CorrectionOrder,
    DocumentStore,
    Issued,
    IssueOrder,
    Issuer,
    UnitOfWork,
)

ZERO_SEQUENCE = 2
"""Sequence under which an issuer elsewhere knows the correction to zero; our own are numbered by the database."""

PROPOSED = "correction_proposed"

OWN = "builtin"
"""The issuer of every invoice that our database holds, whatever the expert has chosen since."""


class CorrectInput(BaseModel):
    """The refund that asks for it; `whole` when nothing of the payment is left."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int
    whole: bool


class CorrectionInput(BaseModel):
    """The decision to correct, by its number; what is to be true afterwards stands in the database."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int


class Corrected(BaseModel):
    """Number of the correction, or None when none was issued."""

    model_config = ConfigDict(frozen=True)

    number: str | None


class CorrectionActivities:
    """Keeps documents in step with money and with what people decide."""

    def __init__(self, store: CaseStore, documents: DocumentStore, issuers: Mapping[str, Issuer], clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._issuers = issuers
        self._clock = clock

    @activity.defn(name="correct_invoice")
    @mapped
    async def correct_invoice(self, correction: CorrectionInput) -> Corrected:
        """Issue what a person has decided; nothing when the latest document says it already.

        Raises `DataFault`, `SettingsFault`, `ConnectivityFault`.
        """
        async with self._store.reading() as db:
            facts = await db.facts(correction.case_id)
            decided = await db.decision(correction.case_id, correction.number)
            revision = decided.body.get("billing_revision")
            buyer = None if revision is None else await db.billing_data(correction.case_id, int(revision))
        issuer = self._issuers.get(OWN)
        if not isinstance(issuer, CorrectingIssuer):
            raise InternalFault("internal", "our own issuer corrects nothing")
        try:
            order = CorrectionOrder(facts, correction.number, recorded_request(decided.body, buyer))
            issued = await issuer.correct(order)
        except DataFault as fault:
            if fault.code != "nothing_to_correct":
                raise
            return Corrected(number=None)
        await self._corrected(facts, issued, decided.actor)
        return Corrected(number=issued.number)

    @activity.defn(name="correct_after_refund")
    @mapped
    async def correct_after_refund(self, refund: CorrectInput) -> Corrected:
        """Issue the correction to zero after a full refund; after a partial one propose a correction to ops.

        It takes back what earlier corrections have left, and belongs to who issued the invoice, whatever the expert has
        chosen since. It is proposed, too, where the invoice is the expert's own, because only he can correct it, and
        where it may only be issued through KSeF.
        """
        corrected = await self._after_refund(refund)
        if not refund.whole:  # the correction of a whole refund is mailed, and that is its end
            async with self._store.transaction() as db:
                await refund_ended(db, refund.case_id, refund.number, self._clock())
        return corrected

    async def _after_refund(self, refund: CorrectInput) -> Corrected:
        async with self._store.reading() as db:
            facts = await db.facts(refund.case_id)
            issued = await db.invoices(refund.case_id)
        if facts.state.invoice.number is None and facts.state.invoice.status is not InvoiceStatus.MANUAL:
            return Corrected(number=None)
        if issued and _taken_back_before(issued, refund.number):
            return Corrected(number=None)
        present = facts.expert.issuer if facts.expert else OWN
        issuer = self._issuers.get(OWN if issued else facts.state.invoice.issuer or present)
        if not refund.whole or issuer is None or facts.state.invoice.status is not InvoiceStatus.AVAILABLE:
            await self._propose(facts, refund.number, code=PROPOSED)
            return Corrected(number=None)
        try:
            correction = await issuer.correct_to_zero(IssueOrder(facts, ZERO_SEQUENCE, refund.number))
        except DataFault as fault:
            if fault.code != KSEF_CORRECTION:
                raise
            await self._propose(facts, refund.number, code=fault.code)
            return Corrected(number=None)
        await self._corrected(facts, correction, "system")
        return Corrected(number=correction.number)

    async def _corrected(self, facts: CaseFacts, issued: Issued, actor: str) -> None:
        case_id, now = facts.document.case_id, self._clock()
        content = await self._documents.get(issued.sha256)
        async with self._store.transaction() as db:
            state = (await db.facts(case_id)).state
            if any(document.sha256 == issued.sha256 for document in await db.archived(case_id)):
                return
            document = ArchivedDocument(
                case_id=case_id,
                kind="correction",
                sha256=issued.sha256,
                size=len(content),
                actor=actor,
                archived_at=now,
            )
            await db.archive(document)
            await db.close_alerts_of(case_id, SETTLED_BY_CORRECTION, now)
            # saved every time: what may be decided next is keyed by the version, and each correction changes it
            await db.save(with_badges(state, add=(Badge.CORRECTED,)))
            await db.log(
                LogEntry(
                    case_id=case_id,
                    event=Event.INVOICE_CORRECTED,
                    at=now,
                    step=Step.INVOICE,
                    actor=actor,
                    details={"number": issued.number},
                )
            )

    async def _propose(self, facts: CaseFacts, number: int, code: str) -> None:
        async with self._store.transaction() as db:
            await propose(db, facts.document.case_id, number, self._clock(), code)


async def propose(db: UnitOfWork, case_id: str, number: int, now: datetime, code: str = PROPOSED) -> None:
    """Ask ops for a correction after a refund, by its number; once, while it is open. The code says why we wait."""
    await raised(
        db,
        Alert(
            key=proposal_key(case_id, number),
            case_id=case_id,
            step=Step.INVOICE,
            cause=FAILURES[code].cause,
            code=code,
            opened_at=now,
        ),
        (await db.facts(case_id)).state,
    )


def _taken_back_before(issued: Sequence[StoredInvoice], number: int) -> bool:
    """Whether a correction that is not this refund's has left nothing that could be taken back."""
    latest = issued[-1].invoice
    return is_zeroed(latest) and latest.decision not in {None, number}
