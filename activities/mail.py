"""`email_invoice`: the client gets the PDF in his language."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.delivery import MessageIds, Postman
from activities.failures import mapped
from invoicing.domain.cases import offered_language
from invoicing.domain.records import CaseFacts, DeliveryStatus, Event, MailKind
from invoicing.domain.state import InvoiceStatus, Step
from invoicing.errors import InternalFault
from invoicing.locale import text
from invoicing.ports import Attachment, CaseStore, DocumentStore, Mail


class EmailInput(BaseModel):
    """The case; `number` counts mailings of its invoice from 1."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: int = 1
    give_up_after: timedelta = timedelta(hours=24)


class Emailed(BaseModel):
    """Final status of the mail, or None when there is nothing to mail."""

    model_config = ConfigDict(frozen=True)

    status: DeliveryStatus | None


class MailActivities:
    """Mails documents to clients."""

    def __init__(self, store: CaseStore, documents: DocumentStore, postman: Postman, ids: MessageIds) -> None:
        self._store = store
        self._documents = documents
        self._postman = postman
        self._ids = ids

    @activity.defn(name="email_invoice")
    @mapped
    async def email_invoice(self, case: EmailInput) -> Emailed:
        """Mail the stored PDF to the billing data's address, or to the client's when there is none."""
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
            if facts.state.invoice.status is InvoiceStatus.MANUAL:
                return Emailed(status=None)
            known = await db.delivery(self._ids(case.case_id, MailKind.INVOICE, case.number))
        if known is not None and known.status is DeliveryStatus.SENT:
            return Emailed(status=known.status)
        mail = self._mail(facts, case.number, await self._pdf(facts))
        return Emailed(
            status=await self._postman.deliver(
                case.case_id, MailKind.INVOICE, Step.EMAIL, mail, case.give_up_after, Event.INVOICE_MAILED
            )
        )

    async def _pdf(self, facts: CaseFacts) -> bytes:
        if facts.state.invoice.sha256 is None:
            raise InternalFault("internal", "there is no stored invoice to mail")
        return await self._documents.get(facts.state.invoice.sha256)

    def _mail(self, facts: CaseFacts, number: int, pdf: bytes) -> Mail:
        document, invoice = facts.document, facts.state.invoice
        recipient = (facts.billing.email if facts.billing else None) or document.client.email
        if not recipient or not invoice.number:
            raise InternalFault("internal", "an invoice without number or recipient cannot be mailed")
        language = offered_language(document.client.language)
        return Mail(
            message_id=self._ids(document.case_id, MailKind.INVOICE, number),
            recipient=recipient,
            subject=text(language, "mail.invoice.subject", number=invoice.number),
            text=text(language, "mail.invoice.text", number=invoice.number, case_id=document.case_id),
            language=language,
            attachments=(Attachment(name=f"{_file_name(invoice.number)}.pdf", content=pdf),),
        )


def _file_name(number: str) -> str:
    return "".join(ch if ch.isascii() and (ch.isalnum() or ch in "-_.") else "-" for ch in number)
