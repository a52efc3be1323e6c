"""One mail handed over as surely as SMTP allows.

The intent row is committed before the server is spoken to. A definite refusal (5xx) is final, what was not accepted
(4xx, not reached) is tried again until it is given up, and a lost answer is tried once more under the same Message-ID:
at most one copy too many, never none. What cannot be delivered becomes a failed task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from activities.metrics import count_mail
from activities.recording import execution
from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.failures import FAILURES, known_code
from invoicing.domain.records import (
    ENDED,
    Alert,
    Delivery,
    DeliveryStatus,
    Event,
    FailedTask,
    LogEntry,
    MailKind,
    TaskKind,
)
from invoicing.domain.state import CaseState, Step
from invoicing.errors import ConnectivityFault, OutcomeUnknown, PaidcaseError, Refused, SettingsFault
from invoicing.ports import CaseStore, Clock, Mail, Mailer, UnitOfWork

DOUBTFUL_TRIES = 2
"""A mail whose answer was lost is handed over once more, and then never again."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A mail on its way: its row, the step that sends it, the key of its failed task, and those that it makes good."""

    delivery: Delivery
    step: Step
    task: str
    replaces: tuple[str, ...]


class Postman:
    """Delivers mails by the rule above; `step` is the activity that the log and the failed task name."""

    def __init__(self, store: CaseStore, mailer: Mailer, clock: Clock) -> None:
        self._store = store
        self._mailer = mailer
        self._clock = clock

    async def deliver(
        self,
        case_id: str,
        kind: MailKind,
        step: Step,
        mail: Mail,
        give_up_after: timedelta,
        event: Event,
        replaces: Sequence[str] = (),
        task: str | None = None,
    ) -> DeliveryStatus:
        """The final status of the mail. `replaces` are keys of the failed tasks (`task_key`) that it makes good.

        When it cannot be delivered either, its own task takes their place: under `task`, or the key of its Message-ID.

        Raises `ConnectivityFault`, `OutcomeUnknown` while it is to be tried again."""
        async with self._store.transaction() as db:
            delivery = await self.intend(db, case_id, kind, mail)
        errand = Errand(delivery, step, task or task_key(mail.message_id), tuple(replaces))
        return await self.hand_over(errand, mail, give_up_after, event)

    async def hand_over(self, errand: Errand, mail: Mail, give_up_after: timedelta, event: Event) -> DeliveryStatus:
        """The same of a mail whose intent is committed."""
        delivery, step = errand.delivery, errand.step
        if delivery.status in ENDED:
            return delivery.status
        if delivery.doubtful >= DOUBTFUL_TRIES:
            return await self._end(errand, DeliveryStatus.UNKNOWN, "mail_outcome_unknown")
        try:
            await self._mailer.send(mail)
        except (Refused, SettingsFault) as error:
            return await self._end(errand, DeliveryStatus.FAILED, error.code, error)
        except OutcomeUnknown as error:
            if delivery.doubtful + 1 >= DOUBTFUL_TRIES:
                return await self._end(errand, DeliveryStatus.UNKNOWN, error.code, error, doubtful=1)
            await self._wait(delivery, step, error, doubtful=1)
            raise
        except ConnectivityFault as error:
            if self._clock() - delivery.created_at >= give_up_after:
                return await self._end(errand, DeliveryStatus.FAILED, "mail_undeliverable", error)
            await self._wait(delivery, step, error)
            raise
        return await self._sent(errand, event)

    async def intend(self, db: UnitOfWork, case_id: str, kind: MailKind, mail: Mail) -> Delivery:
        """Write the intent to hand the mail over; the row as it stands when the mail has come to its end before."""
        now = self._clock()
        known = await db.delivery(mail.message_id)
        if known is not None and known.status in ENDED:
            return known
        row = known or Delivery(
            message_id=mail.message_id,
            case_id=case_id,
            kind=kind,
            recipient=mail.recipient,
            status=DeliveryStatus.WAITING,
            created_at=now,
            updated_at=now,
        )
        # An intent that nobody answered: the process died while it spoke to the server.
        doubtful = row.doubtful + (row.status is DeliveryStatus.SENDING)
        update = {"status": DeliveryStatus.SENDING, "tries": row.tries + 1, "doubtful": doubtful, "updated_at": now}
        delivery = row.model_copy(update=update)
        await db.save_delivery(delivery)
        return delivery

    async def _sent(self, errand: Errand, event: Event) -> DeliveryStatus:
        now, delivery = self._clock(), errand.delivery
        async with self._store.transaction() as db:
            stored = await db.delivery(delivery.message_id)
            if stored is not None and stored.status is DeliveryStatus.SENT:
                return stored.status
            await db.save_delivery(
                delivery.model_copy(update={"status": DeliveryStatus.SENT, "code": None, "updated_at": now})
            )
            # the task of this very row is open only where another execution has ended it meanwhile
            if stored != delivery or errand.task != task_key(delivery.message_id):
                await db.close_task(errand.task, now)
            await _made_good(db, errand, now)
            sent = LogEntry(case_id=delivery.case_id, event=event, at=now, step=errand.step, attempt=delivery.tries)
            await db.log(sent)
        count_mail(DeliveryStatus.SENT)
        return DeliveryStatus.SENT

    async def _wait(self, delivery: Delivery, step: Step, error: PaidcaseError, doubtful: int = 0) -> None:
        update = {
            "status": DeliveryStatus.WAITING,
            "code": error.code,
            "doubtful": delivery.doubtful + doubtful,
            "updated_at": self._clock(),
        }
        async with self._store.transaction() as db:
            if await _overtaken(db, delivery) is None:
                await db.save_delivery(delivery.model_copy(update=update))
                state = (await db.facts(delivery.case_id)).state
                await db.log(_failed(Event.ATTEMPT_FAILED, delivery, step, error.code, state, self._clock(), error))
        error.recorded = True

    async def _end(
        self,
        errand: Errand,
        status: DeliveryStatus,
        code: str,
        error: PaidcaseError | None = None,
        doubtful: int = 0,
    ) -> DeliveryStatus:
        now, delivery, step = self._clock(), errand.delivery, errand.step
        update = {"status": status, "code": code, "doubtful": delivery.doubtful + doubtful, "updated_at": now}
        async with self._store.transaction() as db:
            later = await _overtaken(db, delivery)
            if later is not None:
                return later.status
            await db.save_delivery(delivery.model_copy(update=update))
            kind = TaskKind.EMAIL if step is Step.EMAIL else TaskKind.NOTIFICATION
            key = errand.task
            await _made_good(db, errand, now)
            await db.open_task(FailedTask(key=key, kind=kind, case_id=delivery.case_id, code=code, opened_at=now))
            await db.open_alert(
                Alert(
                    key=key,
                    case_id=delivery.case_id,
                    step=step,
                    cause=FAILURES[known_code(code)].cause,
                    code=known_code(code),
                    opened_at=now,
                    details={"mail": delivery.kind.value},
                )
            )
            state = (await db.facts(delivery.case_id)).state
            await db.log(_failed(Event.MAIL_FAILED, delivery, step, code, state, now, error))
        count_mail(status)
        return status


def _failed(
    event: Event,
    delivery: Delivery,
    step: Step,
    code: str,
    state: CaseState,
    now: datetime,
    error: PaidcaseError | None,
) -> LogEntry:
    """The failure record of one handing-over; without an error nobody knows what the server did."""
    kind = "OutcomeUnknown" if error is None else type(error).__name__
    details = recorded(code, state, step, answer_of(kind, code if error is None else error.code))
    return LogEntry(
        case_id=delivery.case_id,
        event=event,
        at=now,
        step=step,
        attempt=delivery.tries,
        cause=FAILURES[known_code(code)].cause,
        code=known_code(code),
        details={"mail": delivery.kind.value, "execution": execution(), **details},
    )


async def _overtaken(db: UnitOfWork, delivery: Delivery) -> Delivery | None:
    """The row as another execution has written it meanwhile, or None while it is still ours to write."""
    stored = await db.delivery(delivery.message_id)
    return stored if stored is not None and stored.tries != delivery.tries else None


async def _made_good(db: UnitOfWork, errand: Errand, now: datetime) -> None:
    """Tasks and alerts of the mails that this one replaces wait no more."""
    for key in errand.replaces:
        await db.close_task(key, now)
    await db.close_alerts(errand.replaces, now)


def task_key(message_id: str) -> str:
    """Key of the failed task and of the alert of a mail."""
    return f"mail:{message_id}"


class MessageIds(Protocol):
    """Builds the Message-ID of the n-th mail of a kind of a case, without angle brackets."""

    def __call__(self, case_id: str, kind: MailKind, number: int, again: int | None = None) -> str:
        """`again` is the decision that has the same told once more."""


def message_ids(domain: str) -> MessageIds:
    """Deterministic Message-IDs below a domain (RFC 5322 section 3.6.4)."""

    def build(case_id: str, kind: MailKind, number: int, again: int | None = None) -> str:
        which = str(number) if again is None else f"{number}-{again}"
        return f"{kind.value}.{case_id}.{which}@{domain}"

    return build
