"""`notify_expert`: the expert learns what became of his case, in the app and by mail."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.delivery import MessageIds, Postman
from activities.failures import mapped
from invoicing.domain.cases import offered_language
from invoicing.domain.records import CaseFacts, DeliveryStatus, Event, MailKind, Notice
from invoicing.domain.state import InvoiceStatus, Step
from invoicing.locale import text
from invoicing.ports import CaseStore, Clock, Mail


class NotifyInput(BaseModel):
    """What to tell: that the case is done, or that a round of invoicing failed: that one, or the present one."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    failed: bool = False
    round: int | None = None
    give_up_after: timedelta = timedelta(hours=24)


class Notified(BaseModel):
    """`delivered` is the in-app notification; `mail` the final status of its mail, None without an address."""

    model_config = ConfigDict(frozen=True)

    delivered: bool
    mail: DeliveryStatus | None


class ExpertActivities:
    """Tells experts; the committed notification row is the delivery."""

    def __init__(self, store: CaseStore, postman: Postman, ids: MessageIds, clock: Clock) -> None:
        self._store = store
        self._postman = postman
        self._ids = ids
        self._clock = clock

    @activity.defn(name="notify_expert")
    @mapped
    async def notify_expert(self, case: NotifyInput) -> Notified:
        """Deliver the notification exactly once, then mail it under the rules of every mail."""
        async with self._store.transaction() as db:
            facts = await db.facts(case.case_id)
            kind = _kind(facts, case)
            now = self._clock()
            # the database knows the round: a run that was started again counts from one
            number = (case.round or facts.state.invoice.round) if case.failed else 1
            notice = Notice(
                key=f"{kind.value}:{case.case_id}:{number}",
                expert_id=facts.document.expert_id,
                case_id=case.case_id,
                kind=kind,
                created_at=now,
            )
            await db.add_notice(notice)
            if not case.failed and not facts.state.closed:
                await db.save(facts.state.model_copy(update={"expert_told": True, "closed": True}))
        if facts.expert is None or not facts.expert.email:
            return Notified(delivered=True, mail=None)
        language = offered_language(facts.expert.language)
        mail = Mail(
            message_id=self._ids(case.case_id, kind, number),
            recipient=facts.expert.email,
            subject=text(language, f"mail.{kind.value}.subject", case_id=case.case_id),
            text=text(language, f"mail.{kind.value}.text", case_id=case.case_id),
            language=language,
        )
        status = await self._postman.deliver(
            case.case_id, kind, Step.NOTIFY, mail, case.give_up_after, Event.EXPERT_NOTIFIED
        )
        return Notified(delivered=True, mail=status)


def _kind(facts: CaseFacts, case: NotifyInput) -> MailKind:
    if case.failed:
        return MailKind.EXPERT_FAILED
    by_hand = facts.state.invoice.status is InvoiceStatus.MANUAL
    return MailKind.EXPERT_MANUAL if by_hand else MailKind.EXPERT_PAID
