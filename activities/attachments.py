"""`attach_invoice`: a document that the expert made himself becomes what the client downloads and gets by mail."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.failures import mapped
from activities.parking import cleared
from invoicing.domain.decisions import DecisionKind, refusal
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.state import InvoiceStatus, Step, invoice_attached
from invoicing.errors import NotAllowed
from invoicing.ports import CaseStore, Clock


class AttachInput(BaseModel):
    """The decision to attach, by its number; the document is stored and its address is in the decision."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int


class Attached(BaseModel):
    """What the invoice's status is now."""

    model_config = ConfigDict(frozen=True)

    status: InvoiceStatus


class AttachmentActivities:
    """Takes documents of experts; what they replace stays in the archive."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @activity.defn(name="attach_invoice")
    @mapped
    async def attach_invoice(self, attach: AttachInput) -> Attached:
        """Make the document the case's invoice and end whatever waited for one; again, nothing changes.

        Raises `NotAllowed("attachment_overtaken")` when attempts have begun since it was decided: their invoice may
        exist already, and a case has one.
        """
        now = self._clock()
        async with self._store.transaction() as db:
            decided = await db.decision(attach.case_id, attach.number)
            state = (await db.facts(attach.case_id)).state
            sha256 = decided.body["sha256"]
            if state.invoice.sha256 == sha256:
                return Attached(status=state.invoice.status)
            why = refusal(DecisionKind.ATTACH_INVOICE, state, Decimal(0))
            if why is not None:
                raise NotAllowed("attachment_overtaken", reason=why)
            state = await cleared(db, state, Step.INVOICE, now)
            state = await cleared(db, state, Step.VALIDATE, now)
            state = await db.save(invoice_attached(state, sha256))
            await db.log(
                LogEntry(
                    case_id=attach.case_id,
                    event=Event.INVOICE_ATTACHED,
                    at=now,
                    step=Step.INVOICE,
                    actor=decided.actor,
                )
            )
        return Attached(status=state.invoice.status)
