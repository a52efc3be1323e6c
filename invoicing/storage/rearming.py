"""Handing over again what a Temporal that is lost had taken: the relay starts such cases anew from the database.

Guarantee: only rows that were delivered are touched, and every one of them may be delivered twice (ADR 0001). Taken are
of every case whose run has not ended the newest start and the newest wish to pay, and its gateway messages; of every
case the newest decision, when its run has not ended or it was decided lately, and the decisions about refunds that
have not ended. An older decision is not repeated: what came after it may have taken it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Executable,
    Select,
    Update,
    bindparam,
    cast,
    func,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from invoicing.domain.decisions import RefundStatus
from invoicing.domain.records import OutboxKind
from invoicing.storage.tables import UNINVOICED, cases, inbox, outbox, refunds
from invoicing.storage.work import Work

_STARTS = (OutboxKind.START.value, OutboxKind.PAYMENT_REQUESTED.value)
_UNENDED = (RefundStatus.REQUESTED.value, RefundStatus.QUEUED.value)


def _open(dialect: str) -> ColumnElement[bool]:
    state: ColumnElement[Any] = type_coerce(cases.c.state, JSON) if dialect == "sqlite" else cast(cases.c.state, JSONB)
    is_open: ColumnElement[bool] = state["closed"].as_boolean().is_(False)
    return is_open


def _newest(*by: ColumnElement[str]) -> Select[int]:
    joined = outbox.join(cases, cases.c.case_id == outbox.c.case_id)
    return select(func.max(outbox.c.id)).select_from(joined).group_by(*by)


def _again(ids: Select[int], *kinds: str) -> Update:
    return (
        update(outbox)
        .where(outbox.c.id.in_(ids), outbox.c.kind.in_(kinds), outbox.c.delivered_at.is_not(None))
        .values(delivered_at=None, claimed_by=None, available_at=bindparam("now", type_=outbox.c.available_at.type))
    )


def _statements(dialect: str) -> Mapping[str, Executable]:
    is_open, lately = _open(dialect), bindparam("since", type_=outbox.c.accepted_at.type)
    decision = OutboxKind.DECISION.value
    unended = select(refunds.c.case_id).where(refunds.c.status.in_(_UNENDED))
    of_refunds = select(outbox.c.id).where(outbox.c.case_id.in_(unended))
    newest_decision = _newest(outbox.c.case_id).where(
        outbox.c.kind == decision, or_(is_open, outbox.c.accepted_at >= lately)
    )
    starts = _newest(outbox.c.case_id, outbox.c.kind).where(outbox.c.kind.in_(_STARTS), is_open)
    return {
        "starts": _again(starts, *_STARTS),
        # a run that began after the case had been given up: its state record is still a closed one
        "reopened": _again(_newest(outbox.c.case_id).where(UNINVOICED), OutboxKind.START.value),
        "decisions": _again(newest_decision, decision),
        "refunds": _again(of_refunds, decision),
        "messages": update(inbox)
        .where(
            inbox.c.delivered_at.is_not(None),
            or_(inbox.c.case_id.in_(select(cases.c.case_id).where(is_open)), inbox.c.received_at >= lately),
        )
        .values(delivered_at=None, claimed_by=None, available_at=bindparam("now", type_=inbox.c.available_at.type)),
    }


_STATEMENTS = {dialect: _statements(dialect) for dialect in ("sqlite", "postgresql")}


class Rearming(Work):
    """One transaction for all of it."""

    async def rearm_open(self, now: datetime, since: datetime) -> Mapping[str, int]:
        """How many rows are handed over again, by what they are."""
        values = {"now": now, "since": since}
        done = {name: (await self._write(one, values)).rowcount for name, one in _STATEMENTS[self._dialect].items()}
        done["starts"] += done.pop("reopened")
        done["decisions"] += done.pop("refunds")
        return done
