"""Payment attempts and the money that came."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from invoicing.domain.payments import Attempt
from invoicing.domain.records import Capture
from invoicing.errors import InternalFault
from invoicing.storage.faults import DUPLICATE
from invoicing.storage.tables import captures, payment_attempts
from invoicing.storage.work import Work, insert_once, upsert

_ATTEMPTS = (
    select(payment_attempts).where(payment_attempts.c.case_id == bindparam("case")).order_by(payment_attempts.c.attempt)
)
_BY_ORDER = select(payment_attempts).where(
    payment_attempts.c.service_id == bindparam("service"), payment_attempts.c.order_id == bindparam("order")
)
_SAVE_ATTEMPT = upsert(payment_attempts, "case_id", "attempt")
_CAPTURES = (
    select(captures)
    .where(captures.c.case_id == bindparam("case"))
    .order_by(captures.c.captured_at, captures.c.service_id, captures.c.remote_id)
)
_ADD_CAPTURE = insert_once(captures, "service_id", "remote_id")


class PaymentRows(Work):
    """Attempts by case and by order; captures by gateway transaction."""

    async def attempts(self, case_id: str) -> tuple[Attempt, ...]:
        """Attempts of a case in their order."""
        return tuple(Attempt.model_validate(row._asdict()) for row in await self._read(_ATTEMPTS, {"case": case_id}))

    async def save_attempt(self, attempt: Attempt) -> None:
        """Insert or replace; an order that belongs to another attempt is a broken rule."""
        await self._write(_SAVE_ATTEMPT[self._dialect], attempt.model_dump())

    async def attempt_by_order(self, service_id: str, order_id: str) -> Attempt | None:
        """Look an order up."""
        rows = await self._read(_BY_ORDER, {"service": service_id, "order": order_id})
        return Attempt.model_validate(rows[0]._asdict()) if rows else None

    async def captures(self, case_id: str) -> tuple[Capture, ...]:
        """Money that came for a case, oldest first."""
        return tuple(Capture.model_validate(row._asdict()) for row in await self._read(_CAPTURES, {"case": case_id}))

    async def add_capture(self, capture: Capture) -> bool:
        """False for a repeat; a second kept one breaks the rule that nobody pays twice."""
        try:
            result = await self._write(_ADD_CAPTURE[self._dialect], capture.model_dump())
        except InternalFault as fault:
            if fault.code != DUPLICATE:
                raise
            raise InternalFault("second_kept_payment", "the case has a kept payment already") from None
        return result.rowcount == 1
