"""The e-mail log and the in-app notifications."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from invoicing.domain.records import Delivery, Notice
from invoicing.storage.tables import deliveries, notices
from invoicing.storage.work import Work, insert_once, upsert

_DELIVERY = select(deliveries).where(deliveries.c.message_id == bindparam("message"))
_SAVE_DELIVERY = upsert(deliveries, "message_id")
_ADD_NOTICE = insert_once(notices, "key")


class MailRows(Work):
    """One row a mail, one row a notification."""

    async def delivery(self, message_id: str) -> Delivery | None:
        """One row of the e-mail log, or None."""
        rows = await self._read(_DELIVERY, {"message": message_id})
        return Delivery.model_validate(rows[0]._asdict()) if rows else None

    async def save_delivery(self, delivery: Delivery) -> None:
        """Insert or replace."""
        await self._write(_SAVE_DELIVERY[self._dialect], delivery.model_dump())

    async def add_notice(self, notice: Notice) -> bool:
        """The committed row is the delivery; False when it was delivered before."""
        return (await self._write(_ADD_NOTICE[self._dialect], notice.model_dump())).rowcount == 1
