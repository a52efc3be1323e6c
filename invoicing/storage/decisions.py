"""Decisions of people, recorded once under their key before anybody acts on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, select

from invoicing.domain.decisions import Decided, DecisionKind
from invoicing.errors import NotFound
from invoicing.storage.numbered import NumberedRows, insert_numbered
from invoicing.storage.tables import REFUNDS, decisions, refunds
from invoicing.storage.work import type_of_details

_DECIDE = insert_numbered(decisions, "case_id", "key")
_BY_KEY = select(decisions).where(decisions.c.case_id == bindparam("case"), decisions.c.key == bindparam("named"))
_BY_NUMBER = select(decisions).where(decisions.c.case_id == bindparam("case"), decisions.c.number == bindparam("nth"))

_REFUNDS_TO_BEGIN = (
    select(decisions)
    .outerjoin(refunds, and_(refunds.c.case_id == decisions.c.case_id, refunds.c.number == decisions.c.number))
    .where(REFUNDS, decisions.c.case_id == bindparam("case"), refunds.c.number.is_(None))
    .order_by(decisions.c.number)
)


class DecisionRows(NumberedRows):
    """Decisions of a case by key and by number."""

    async def decide(
        self, case_id: str, kind: DecisionKind, key: str, actor: str, body: Mapping[str, str], now: datetime
    ) -> tuple[Decided, bool]:
        """The first decision under a key stays, whatever comes again under it."""
        decided = Decided(case_id=case_id, number=0, key=key, kind=kind, actor=actor, decided_at=now, body=dict(body))
        row = {**decided.model_dump(exclude={"number"}), "body": type_of_details.dump_json(decided.body).decode()}
        number = await self._numbered(_DECIDE, row)
        if number is not None:
            return decided.model_copy(update={"number": number}), True
        return _decided((await self._read(_BY_KEY, {"case": case_id, "named": key}))[0]), False

    async def decision(self, case_id: str, number: int) -> Decided:
        """One decision."""
        rows = await self._read(_BY_NUMBER, {"case": case_id, "nth": number})
        if not rows:
            raise NotFound("decision_unknown", "the case has no decision of this number")
        return _decided(rows[0])

    async def refunds_to_begin(self, case_id: str) -> tuple[Decided, ...]:
        """Decisions to refund of which no refund has come yet."""
        return tuple(_decided(row) for row in await self._read(_REFUNDS_TO_BEGIN, {"case": case_id}))


def _decided(row: Row[Any]) -> Decided:
    return Decided.model_validate({**row._asdict(), "body": type_of_details.validate_json(row.body)})
