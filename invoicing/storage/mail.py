"""The e-mail log and the in-app notifications."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from invoicing.domain.records import (
    Delivery,
    DeliveryStatus,
    EmailQuery,
    MailKind,
    Notice,
    StoredDelivery,
    StoredNotice,
)
from invoicing.storage.paging import LARGEST_ID, named_in, page_below, within
from invoicing.storage.tables import CODED, UNREAD, UNSENT, UNUSUAL, deliveries, notices
from invoicing.storage.work import Work, insert_once, upsert

_DELIVERY = select(deliveries).where(deliveries.c.message_id == bindparam("message"))
_SAVE_DELIVERY = upsert(deliveries, "message_id", keep=("id",))
_ADD_NOTICE = insert_once(notices, "key")
_COUNT_UNREAD = select(func.count()).select_from(notices).where(notices.c.expert_id == bindparam("expert"), UNREAD)
_READ_NOTICE = (
    update(notices)
    .where(notices.c.id == bindparam("which"), notices.c.expert_id == bindparam("expert"))
    .values(read_at=func.coalesce(notices.c.read_at, bindparam("now", type_=notices.c.read_at.type)))
)
_ROUTINE = named_in(UNSENT, DeliveryStatus)
_USUAL = named_in(UNUSUAL, MailKind)


class MailRows(Work):
    """One row a mail, one row a notification."""

    async def delivery(self, message_id: str) -> Delivery | None:
        """One row of the e-mail log, or None."""
        rows = await self._read(_DELIVERY, {"message": message_id})
        return Delivery.model_validate(rows[0]._asdict()) if rows else None

    async def save_delivery(self, delivery: Delivery) -> None:
        """Insert or replace; the row keeps its place in the log."""
        row = delivery.model_dump(exclude={"id"})  # of one that was read from the list: its place is the row's own
        await self._write(_SAVE_DELIVERY[self._dialect], row)

    async def add_notice(self, notice: Notice) -> bool:
        """The committed row is the delivery; False when it was delivered before."""
        return (await self._write(_ADD_NOTICE[self._dialect], notice.model_dump())).rowcount == 1


class MailLists(Work):
    """Reading what was mailed and notified."""

    async def emails(self, query: EmailQuery) -> tuple[StoredDelivery, ...]:
        """In the order in which the mails were first written, newest first; time is that of writing."""
        conditions = within(deliveries.c.created_at, query.since, query.until)
        if query.case_id is not None:
            conditions.append(deliveries.c.case_id == query.case_id)
        if query.kind is not None:
            conditions.append(deliveries.c.kind == query.kind.value)
            if query.kind not in _USUAL:
                conditions.append(UNUSUAL)
        if query.code is not None:
            conditions += [deliveries.c.code == query.code, CODED]
        if query.status is not None:
            conditions.append(deliveries.c.status == query.status.value)
            if query.status not in _ROUTINE:
                conditions.append(UNSENT)
        rows = await self._read(page_below(deliveries, query.after_id, query.limit, *conditions))
        return tuple(StoredDelivery.model_validate(row._asdict()) for row in rows)

    async def notices(self, expert_id: str, after_id: int, limit: int) -> tuple[StoredNotice, ...]:
        """Notifications of an expert, newest first."""
        rows = await self._read(page_below(notices, after_id, limit, notices.c.expert_id == expert_id))
        return tuple(StoredNotice.model_validate(row._asdict()) for row in rows)

    async def unread(self, expert_id: str) -> int:
        """How many notifications of an expert are not read."""
        return int((await self._read(_COUNT_UNREAD, {"expert": expert_id}))[0][0])

    async def read_notice(self, expert_id: str, notice_id: int, now: datetime) -> bool:
        """The first reading counts; False when there is no such notification of this expert."""
        which = {"which": min(notice_id, LARGEST_ID), "expert": expert_id, "now": now}
        return (await self._write(_READ_NOTICE, which)).rowcount == 1
