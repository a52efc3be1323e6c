"""Lists of cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, literal, select, tuple_

from invoicing.domain.records import CaseFacts, CaseQuery
from invoicing.domain.state import CaseState, InvoiceStatus, PaymentStatus
from invoicing.errors import NotFound
from invoicing.storage.cases import FACTS_OF_ANY, facts_of
from invoicing.storage.paging import Condition, named_in, within
from invoicing.storage.tables import PARKED, UNINVOICED, UNSETTLED, cases
from invoicing.storage.work import Work

_STATES = select(cases.c.case_id, cases.c.state).where(cases.c.case_id.in_(bindparam("ids", expanding=True)))
_NEWEST = select(cases.c.state).order_by(cases.c.arrived_at.desc(), cases.c.case_id.desc()).limit(100)
_AT_ONCE = 1000
_ARRIVAL = select(cases.c.arrived_at, cases.c.case_id).where(cases.c.case_id == bindparam("id"))
_UNSETTLED = named_in(UNSETTLED, PaymentStatus)
_UNINVOICED = named_in(UNINVOICED, InvoiceStatus)


class CaseLists(Work):
    """Reading many cases."""

    async def statuses(self, case_ids: Sequence[str]) -> tuple[CaseState, ...]:
        """In the order asked for, or newest first; unknown ids are left out."""
        if not case_ids:
            return tuple(CaseState.model_validate_json(row.state) for row in await self._read(_NEWEST))
        found: dict[str, CaseState] = {}
        for start in range(0, len(case_ids), _AT_ONCE):
            for row in await self._read(_STATES, {"ids": list(case_ids[start : start + _AT_ONCE])}):
                found[row.case_id] = CaseState.model_validate_json(row.state)
        return tuple(found[case_id] for case_id in dict.fromkeys(case_ids) if case_id in found)

    async def payments(self, query: CaseQuery) -> tuple[CaseFacts, ...]:
        """Newest arrival first; experts come without keys. Raises `NotFound` for a cursor that is no case."""
        conditions = _chosen(query)
        if query.cursor is not None:
            last = await self._read(_ARRIVAL, {"id": query.cursor})
            if not last:
                raise NotFound("case_unknown", "the page cannot begin after a case that is not recorded")
            conditions.append(self._behind(last[0]))
        statement = (
            FACTS_OF_ANY.where(*conditions)
            .order_by(cases.c.arrived_at.desc(), cases.c.case_id.desc())
            .limit(query.limit)
        )
        return tuple(facts_of(row) for row in await self._read(statement))

    def _behind(self, last: Row[Any]) -> ColumnElement[bool]:
        """Both columns: cases that arrived at the same instant are told apart by their ids."""
        arrived_at = literal(last.arrived_at, cases.c.arrived_at.type)
        return tuple_(cases.c.arrived_at, cases.c.case_id) < tuple_(arrived_at, last.case_id)


def _chosen(query: CaseQuery) -> list[Condition]:
    conditions: list[Condition] = []
    if not query.unpaid_too:
        conditions.append(cases.c.payment_status != PaymentStatus.NONE.value)
    conditions += within(cases.c.arrived_at, query.since, query.until)
    for column, wanted in (
        (cases.c.case_id, query.case_id),
        (cases.c.client_id, query.client_id),
        (cases.c.expert_id, query.expert_id),
        (cases.c.payment_status, query.payment_status),
        (cases.c.invoice_status, query.invoice_status),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if query.payment_status in _UNSETTLED:
        conditions.append(UNSETTLED)
    if query.invoice_status in _UNINVOICED:
        conditions.append(UNINVOICED)
    if query.parked is not None:
        conditions.append(PARKED if query.parked else cases.c.parked.is_(False))
    return conditions
