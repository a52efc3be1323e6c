"""Cases and their billing data: the rows an activity decides from."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Row, and_, bindparam, insert, or_, select, update

from invoicing.domain.cases import BillingData, CaseDocument
from invoicing.domain.records import CaseFacts
from invoicing.domain.state import CaseState, PaymentStatus
from invoicing.errors import NotFound, VersionConflict
from invoicing.ports import Recorded, Sealer
from invoicing.storage.experts import expert_for_facts
from invoicing.storage.tables import billing_data, cases, experts
from invoicing.storage.work import Work, insert_once

FACTS_OF_ANY = select(
    cases.c.document,
    cases.c.state,
    cases.c.version,
    cases.c.billing_revision,
    cases.c.arrived_at,
    billing_data.c.data,
    experts.c.document.label("expert"),
    experts.c.wfirma_sealed,
).select_from(
    cases.outerjoin(
        billing_data,
        and_(billing_data.c.case_id == cases.c.case_id, billing_data.c.revision == cases.c.billing_revision),
    ).outerjoin(experts, experts.c.expert_id == cases.c.expert_id)
)
FACTS = FACTS_OF_ANY.where(cases.c.case_id == bindparam("id"))
# Writers of one case queue on its row, as all writers do on SQLite; NO KEY UPDATE lets rows that refer to it be added.
_FACTS_TO_WRITE = FACTS.with_for_update(key_share=True, of=cases)
_SAVE = (
    update(cases)
    .where(cases.c.case_id == bindparam("id"), cases.c.version == bindparam("seen"))
    .values(
        state=bindparam("state"),
        version=bindparam("version"),
        payment_status=bindparam("payment_status"),
        invoice_status=bindparam("invoice_status"),
        parked=bindparam("parked"),
        updated_at=bindparam("updated_at"),
        run_asked=or_(cases.c.run_asked, bindparam("run_asked", type_=Boolean())),
        closed=bindparam("closed"),
    )
)
_RECORD = insert_once(cases, "case_id")
_RECORDED = select(cases.c.digest, cases.c.document).where(cases.c.case_id == bindparam("id"))
_REVISE = (
    update(cases)
    .where(cases.c.case_id == bindparam("id"))
    .values(billing_revision=cases.c.billing_revision + 1)
    .returning(cases.c.billing_revision)
)
_ADD_BILLING = insert(billing_data).inline()
_BILLING = select(billing_data.c.data).where(
    billing_data.c.case_id == bindparam("case"), billing_data.c.revision == bindparam("nth")
)


def facts_of(row: Row[Any], sealer: Sealer | None = None) -> CaseFacts:
    """A row of the facts' select as the record, with the expert's keys where they can be opened."""
    state, expert, unopened = CaseState.model_validate_json(row.state), None, False
    if row.expert is not None:
        expert, unopened = expert_for_facts(row.expert, row.wfirma_sealed, sealer)
    return CaseFacts.model_construct(
        document=CaseDocument.model_validate_json(row.document),
        state=state,
        billing=None if row.data is None else BillingData.model_validate_json(row.data),
        billing_revision=row.billing_revision,
        expert=expert,
        arrived_at=row.arrived_at,
        keys_unopened=unopened,
    )


class CaseRows(Work):
    """The case's own rows."""

    async def facts(self, case_id: str) -> CaseFacts:
        """One select; a writing transaction on PostgreSQL locks the case's row with it."""
        statement = _FACTS_TO_WRITE if self._writable else FACTS
        rows = await self._read(statement, {"id": case_id})
        if rows and rows[0].billing_revision and rows[0].data is None:
            # PostgreSQL waited for another writer's revision: it sees that writer's case, but joins by the older
            # snapshot. The next statement has a newer one.
            rows = await self._read(statement, {"id": case_id})
        if not rows:
            raise NotFound("case_unknown", "no case is recorded under this id")
        return facts_of(rows[0], self._sealer)

    async def save(self, state: CaseState) -> CaseState:
        """One UPDATE that compares the version."""
        saved = state.model_copy(update={"version": state.version + 1})
        result = await self._write(_SAVE, {"id": state.case_id, "seen": state.version, **self._columns_of(saved)})
        if result.rowcount != 1:
            raise VersionConflict("version_conflict", "somebody else wrote the state record first")
        return saved

    def _columns_of(self, state: CaseState) -> dict[str, Any]:
        return {
            "state": state.model_dump_json(),
            "version": state.version,
            "payment_status": state.payment.status.value,
            "invoice_status": state.invoice.status.value,
            "parked": state.parked is not None,
            "updated_at": self._clock(),
            "run_asked": state.payment.status is not PaymentStatus.NONE or state.parked is not None,
            "closed": state.closed,
        }

    async def record_case(self, document: CaseDocument, state: CaseState, now: datetime) -> Recorded:
        """The case and, when the document brings them, its billing data as revision 1."""
        text = document.canonical()
        digest = hashlib.sha256(text.encode()).hexdigest()
        billing = document.billing_data if isinstance(document.billing_data, BillingData) else None
        columns = {
            **self._columns_of(state),
            "case_id": document.case_id,
            "document": text,
            "digest": digest,
            "expert_id": document.expert_id,
            "client_id": document.client.id,
            "arrived_at": now,
            "billing_revision": 0 if billing is None else 1,
            "updated_at": now,
            "run_asked": document.arrives_paid,
        }
        result = await self._write(_RECORD[self._dialect], columns)
        if result.rowcount == 1:
            if billing is not None:
                await self._add_billing(document.case_id, 1, billing, "service", now)
            return Recorded.NEW
        first = (await self._read(_RECORDED, {"id": document.case_id}))[0]
        if first.digest == digest or CaseDocument.model_validate_json(first.document).canonical() == text:
            return Recorded.SAME  # read again: a document stored before a field existed has that field's default
        return Recorded.CONFLICT

    async def save_billing_data(self, case_id: str, data: BillingData, actor: str, now: datetime) -> int:
        """Equal data give back the newest revision's number."""
        newest = await self.facts(case_id)
        if newest.billing == data:
            return newest.billing_revision
        revision = int((await self._write(_REVISE, {"id": case_id})).scalar_one())
        await self._add_billing(case_id, revision, data, actor, now)
        return revision

    async def billing_data(self, case_id: str, revision: int) -> BillingData:
        """A revision as it was saved, whatever came later."""
        rows = await self._read(_BILLING, {"case": case_id, "nth": revision})
        if not rows:
            raise NotFound("row_unknown", "the case has no billing data of this revision")
        return BillingData.model_validate_json(rows[0].data)

    async def _add_billing(self, case_id: str, revision: int, data: BillingData, actor: str, now: datetime) -> None:
        row = {
            "case_id": case_id,
            "revision": revision,
            "data": data.model_dump_json(),
            "actor": actor,
            "saved_at": now,
        }
        await self._write(_ADD_BILLING, row)
