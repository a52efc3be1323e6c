"""`notify_expert`: the expert learns what became of his case, in the app and by mail.

What he hears makes good what he should have heard before, and of one case at most one failed mail to him waits for a
person. Told again means mailed again: the notification in the app was delivered by its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.delivery import Errand, MessageIds, Postman, task_key
from activities.failures import mapped
from invoicing.domain.cases import offered_language
from invoicing.domain.records import CaseFacts, Delivery, DeliveryStatus, Event, MailKind, Notice, TaskKind
from invoicing.domain.state import Step
from invoicing.domain.telling import Telling, due_again, end_of, overtaken, tellings
from invoicing.locale import text
from invoicing.ports import CaseStore, Clock, Mail, UnitOfWork


class NotifyInput(BaseModel):
    """What to tell: that the case is done, or that a round of invoicing failed: that one, or the present one.

    With `decision`, the one that asks for it: once more whatever could not be mailed.
    """

    model_config = ConfigDict(frozen=True)

    case_id: str
    failed: bool = False
    round: int | None = None
    decision: int | None = None
    give_up_after: timedelta = timedelta(hours=24)


class Notified(BaseModel):
    """`delivered` is the in-app notification; `mail` the final status of its mail, None when there was none to send."""

    model_config = ConfigDict(frozen=True)

    delivered: bool
    mail: DeliveryStatus | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A telling as a mail of its own: its Message-ID, and the keys of the failed tasks that it makes good."""

    telling: Telling
    message_id: str
    replaces: Sequence[str]


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
        if case.decision is not None:
            return await self._told_again(case, case.decision)
        async with self._store.transaction() as db:
            facts = await db.facts(case.case_id)
            telling = end_of(facts.state)
            if case.failed:  # the database knows the round: a run that was started again counts from one
                telling = Telling(MailKind.EXPERT_FAILED, case.round or facts.state.invoice.round)
            notice = Notice(
                key=f"{telling.kind.value}:{case.case_id}:{telling.number}",
                expert_id=facts.document.expert_id,
                case_id=case.case_id,
                kind=telling.kind,
                created_at=self._clock(),
            )
            await db.add_notice(notice)
            if not case.failed and not facts.state.closed:
                await db.save(facts.state.model_copy(update={"expert_told": True, "closed": True}))
            earlier = [self._task(case.case_id, one) for one in overtaken(telling, facts.state)]
            letter = Letter(telling, self._id(case.case_id, telling), earlier)
            mail = _mail(facts, letter)
            if mail is None:
                return Notified(delivered=True, mail=None)
            delivery = await self._postman.intend(db, case.case_id, telling.kind, mail)
        return Notified(delivered=True, mail=await self._handed_over(delivery, letter, mail, case.give_up_after))

    async def _told_again(self, case: NotifyInput, decision: int) -> Notified:
        """Mail what the failed list has of this expert's case, unless it was made good in the meantime."""
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
            letter = await self._again(db, facts, decision)
            mail = None if letter is None else _mail(facts, letter)
        if letter is None or mail is None:
            return Notified(delivered=True, mail=None)
        async with self._store.transaction() as db:
            delivery = await self._postman.intend(db, case.case_id, letter.telling.kind, mail)
        return Notified(delivered=True, mail=await self._handed_over(delivery, letter, mail, case.give_up_after))

    async def _again(self, db: UnitOfWork, facts: CaseFacts, decision: int) -> Letter | None:
        """What an earlier execution has begun to send, else what is due of that which waits."""
        case_id, told = facts.document.case_id, tellings(facts.state)
        tasks = [task.key for task in await db.open_tasks(case_id, TaskKind.NOTIFICATION)]
        begun = [one for one in told if await db.delivery(self._id(case_id, one, decision)) is not None]
        if not tasks and not begun:
            return None
        waiting = [one for one in told if self._task(case_id, one) in tasks]
        chosen = begun[0] if begun else due_again(facts.state, waiting)
        newer = {self._task(case_id, one) for one in told[: told.index(chosen)]}
        return Letter(chosen, self._id(case_id, chosen, decision), [key for key in tasks if key not in newer])

    async def _handed_over(
        self, delivery: Delivery, letter: Letter, mail: Mail, give_up_after: timedelta
    ) -> DeliveryStatus:
        task = self._task(delivery.case_id, letter.telling)
        errand = Errand(delivery, Step.NOTIFY, task, tuple(letter.replaces))
        return await self._postman.hand_over(errand, mail, give_up_after, Event.EXPERT_NOTIFIED)

    def _task(self, case_id: str, telling: Telling) -> str:
        """Key of the failed task of a telling: the same however often it is mailed."""
        return task_key(self._id(case_id, telling))

    def _id(self, case_id: str, telling: Telling, again: int | None = None) -> str:
        return self._ids(case_id, telling.kind, telling.number, again)


def _mail(facts: CaseFacts, letter: Letter) -> Mail | None:
    """The letter as a mail; None for an expert without an address."""
    if facts.expert is None or not facts.expert.email:
        return None
    case_id, kind, language = facts.document.case_id, letter.telling.kind, offered_language(facts.expert.language)
    return Mail(
        message_id=letter.message_id,
        recipient=facts.expert.email,
        subject=text(language, f"mail.{kind.value}.subject", case_id=case_id),
        text=text(language, f"mail.{kind.value}.text", case_id=case_id),
        language=language,
    )
