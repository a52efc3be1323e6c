"""What must have a run in Temporal, as the database knows it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, bindparam, select, text, union_all

from invoicing.domain.decisions import Refund
from invoicing.domain.records import RunningCase
from invoicing.storage.tables import REFUNDING, REFUNDS, RUNNING, cases, decisions, inbox, outbox, refunds
from invoicing.storage.work import Work

_RUNNING = (
    select(cases.c.case_id, cases.c.version, cases.c.updated_at)
    .where(RUNNING, cases.c.case_id > bindparam("after"))
    .order_by(cases.c.case_id)
    .limit(bindparam("most"))
)
_REFUNDING = (
    select(refunds)
    .where(REFUNDING, refunds.c.requested_at < bindparam("before"))
    .order_by(refunds.c.requested_at)
    .limit(bindparam("most"))
)
_UNBEGUN = (
    select(decisions.c.case_id, decisions.c.number)
    .outerjoin(refunds, and_(refunds.c.case_id == decisions.c.case_id, refunds.c.number == decisions.c.number))
    .where(REFUNDS, decisions.c.decided_at < bindparam("before"), refunds.c.number.is_(None))
    .order_by(decisions.c.decided_at)
    .limit(bindparam("most"))
)
_UNDELIVERED = union_all(
    *(
        select(table.c.id).where(text("delivered_at IS NULL"), table.c.case_id == bindparam("case"))
        for table in (outbox, inbox)
    )
).limit(1)


class DeliveryRows(Work):
    """What of a case waits for the relay."""

    async def is_awaiting_delivery(self, case_id: str) -> bool:
        """Whether a message of the outbox or the inbox has not been handed over."""
        return bool(await self._read(_UNDELIVERED, {"case": case_id}))


class RunLists(Work):
    """Cases and refunds that must have a run, page by page."""

    async def running(self, after: str, limit: int) -> tuple[RunningCase, ...]:
        """By case id, behind `after`."""
        rows = await self._read(_RUNNING, {"after": after, "most": limit})
        return tuple(RunningCase.model_validate(row._asdict()) for row in rows)

    async def refunding(self, before: datetime, limit: int) -> tuple[Refund, ...]:
        """Refunds that have not ended, asked for before a time."""
        rows = await self._read(_REFUNDING, {"before": before, "most": limit})
        return tuple(Refund.model_validate(row._asdict()) for row in rows)

    async def unbegun_refunds(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        """Case and number of refunds that were decided before a time, and that nobody has begun."""
        rows = await self._read(_UNBEGUN, {"before": before, "most": limit})
        return tuple((row.case_id, row.number) for row in rows)
