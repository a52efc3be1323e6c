"""`email_invoice`: the client gets the PDF in his language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.acting import refund_ended
from activities.delivery import MessageIds, Postman, task_key
from activities.failures import mapped
from invoicing.domain.cases import offered_language
from invoicing.domain.money import amount_text
from invoicing.domain.records import CaseFacts, DeliveryStatus, Event, MailKind
from invoicing.domain.state import InvoiceStatus, Step
from invoicing.errors import InternalFault
from invoicing.locale import text
from invoicing.ports import Attachment, CaseStore, Clock, DocumentStore, Mail


class EmailInput(BaseModel):
    """The case; `number` counts mails of a kind from 1. `decision` is the one that asks for a mail of its own."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int = 1
    decision: int | None = None
    give_up_after: timedelta = timedelta(hours=24)


class Emailed(BaseModel):
    """Final status of the mail, or None when there is nothing to mail."""

    model_config = ConfigDict(frozen=True)

    status: DeliveryStatus | None


class MailActivities:
    """Mails documents to clients."""

    def __init__(
        self, store: CaseStore, documents: DocumentStore, postman: Postman, ids: MessageIds, clock: Clock
    ) -> None:
        self._store = store
        self._clock = clock
        self._documents = documents
        self._postman = postman
        self._ids = ids

    @activity.defn(name="email_invoice")
    @mapped
    async def email_invoice(self, case: EmailInput) -> Emailed:
        """Mail the stored PDF to the billing data's address, or to the client's when there is none."""
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
            if facts.state.invoice.sha256 is None and facts.state.invoice.status is InvoiceStatus.MANUAL:
                return Emailed(status=None)
            decided = None if case.decision is None else await db.decision(case.case_id, case.decision)
            number = case.number if decided is None else decided.number + 1
            known = await db.delivery(self._ids(case.case_id, MailKind.INVOICE, number))
        if known is not None and known.status is DeliveryStatus.SENT:
            return Emailed(status=known.status)
        asked = None if decided is None else decided.body.get("email")
        invoice = facts.state.invoice
        # the expert's own document has a number that only he knows
        told = _Told("invoice" if invoice.number else "attachment", {"number": invoice.number or ""}, asked)
        file = _named(invoice.number or case.case_id, await self._pdf(facts))
        earlier = [task_key(self._ids(case.case_id, MailKind.INVOICE, before)) for before in range(1, number)]
        return await self._delivered(case, facts, MailKind.INVOICE, number, told, file, earlier)

    @activity.defn(name="email_refund")
    @mapped
    async def email_refund(self, case: EmailInput) -> Emailed:
        """Tell the client that his money is on its way back."""
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
            refund = next((r for r in await db.refunds(case.case_id) if r.number == case.number), None)
        if refund is None:
            raise InternalFault("internal", "there is no refund to tell of")
        told = _Told("refund", {"amount": f"{amount_text(refund.amount, refund.currency)} {refund.currency}"})
        emailed = await self._delivered(case, facts, MailKind.REFUND, case.number, told)
        if not refund.kept:  # of money that nobody asked for there is no document that would follow
            await self._refund_ended(case)
        return emailed

    async def _refund_ended(self, case: EmailInput) -> None:
        async with self._store.transaction() as db:
            await refund_ended(db, case.case_id, case.number, self._clock())

    @activity.defn(name="email_correction")
    @mapped
    async def email_correction(self, case: EmailInput) -> Emailed:
        """Mail the correction of a decision (`number`); nothing when it issued none."""
        emailed = await self._corrected(case)
        await self._refund_ended(case)
        return emailed

    async def _corrected(self, case: EmailInput) -> Emailed:
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
            issued = await db.invoices(case.case_id)
        corrections = [stored for stored in issued if stored.invoice.kind == "correction"]
        # one that was issued before corrections knew their decision is the only one of its case
        found = next((stored for stored in corrections if stored.invoice.decision in {None, case.number}), None)
        if found is None or found.sha256 is None:
            return Emailed(status=None)
        told = _Told("correction", {"number": found.invoice.number})
        file = _named(found.invoice.number, await self._documents.get(found.sha256))
        return await self._delivered(case, facts, MailKind.CORRECTION, case.number, told, file)

    async def _pdf(self, facts: CaseFacts) -> bytes:
        if facts.state.invoice.sha256 is None:
            raise InternalFault("internal", "there is no stored invoice to mail")
        return await self._documents.get(facts.state.invoice.sha256)

    async def _delivered(
        self,
        case: EmailInput,
        facts: CaseFacts,
        kind: MailKind,
        number: int,
        told: _Told,
        file: Attachment | None = None,
        replaces: Sequence[str] = (),
    ) -> Emailed:
        """One mail to the client in his language; its kind and number make its Message-ID."""
        language = offered_language(facts.document.client.language)
        words = {**told.words, "case_id": case.case_id}
        mail = Mail(
            message_id=self._ids(case.case_id, kind, number),
            recipient=told.recipient or _recipient(facts),
            subject=text(language, f"mail.{told.key}.subject", **words),
            text=text(language, f"mail.{told.key}.text", **words),
            language=language,
            attachments=() if file is None else (file,),
        )
        event = Event.REFUND_MAILED if kind is MailKind.REFUND else Event.INVOICE_MAILED
        status = await self._postman.deliver(case.case_id, kind, Step.EMAIL, mail, case.give_up_after, event, replaces)
        return Emailed(status=status)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a mail says, by the key of its texts; to the usual address unless another one was asked for."""

    key: str
    words: Mapping[str, str]
    recipient: str | None = None


def _recipient(facts: CaseFacts) -> str:
    """The billing data's address, or the client's when there is none."""
    recipient = (facts.billing.email if facts.billing else None) or facts.document.client.email
    if not recipient:
        raise InternalFault("internal", "there is nobody to mail to")
    return recipient


def _named(number: str, pdf: bytes) -> Attachment:
    """The PDF under the document's number, as far as a file name may have it."""
    name = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "-_.") else "-" for ch in number)
    return Attachment(name=f"{name}.pdf", content=pdf)
