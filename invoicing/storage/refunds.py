"""Refunds: the intent before the gateway is asked, then what became of it."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from invoicing.domain.decisions import Refund
from invoicing.storage.tables import refunds
from invoicing.storage.work import Work, upsert

_REFUNDS = select(refunds).where(refunds.c.case_id == bindparam("case")).order_by(refunds.c.number)
_SAVE_REFUND = upsert(refunds, "case_id", "number")


class RefundRows(Work):
    """Refunds by case."""

    async def refunds(self, case_id: str) -> tuple[Refund, ...]:
        """Refunds of a case in their order."""
        return tuple(Refund.model_validate(row._asdict()) for row in await self._read(_REFUNDS, {"case": case_id}))

    async def save_refund(self, refund: Refund) -> None:
        """Insert or replace; a message id that belongs to another refund is a broken rule."""
        await self._write(_SAVE_REFUND[self._dialect], refund.model_dump())
