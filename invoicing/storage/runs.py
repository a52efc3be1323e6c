"""What must have a run in Temporal, as the database knows it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select, text, union_all

from invoicing.domain.decisions import Refund
from invoicing.domain.records import RunningCase
from invoicing.storage.tables import REFUNDING, RUNNING, cases, inbox, outbox, refunds
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
