"""Handing over again what a Temporal that is lost had taken: the relay starts such cases anew from the database.

Guarantee: only rows that were delivered are touched, and every one of them may be delivered twice (ADR 0001). Taken are
of every case whose run has not ended the newest start and the newest wish to pay, and its gateway messages; of every
case the newest decision, when its run has not ended or it was decided lately, and the decisions about refunds that
have not ended. An older decision is not repeated: what came after it may have taken it back. A case that is done
starts again when a mail of it may be under way, or when it was done within `TAIL` of the last thing that was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
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

from invoicing.domain.records import DeliveryStatus, OutboxKind
from invoicing.storage.tables import UNINVOICED, cases, deliveries, inbox, outbox, refunds
from invoicing.storage.work import Work

_STARTS = (OutboxKind.START.value, OutboxKind.PAYMENT_REQUESTED.value)
TAIL = timedelta(minutes=10)
_LAST = select(func.max(cases.c.updated_at).label("last"))
_UNDER_WAY = (DeliveryStatus.SENDING.value, DeliveryStatus.WAITING.value)


def _told(dialect: str) -> ColumnElement[bool]:
    state: ColumnElement[Any] = type_coerce(cases.c.state, JSON) if dialect == "sqlite" else cast(cases.c.state, JSONB)
    told: ColumnElement[bool] = state["expert_told"].as_boolean().is_(True)
    return told


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
    is_open, lately = cases.c.closed.is_(False), bindparam("since", type_=outbox.c.accepted_at.type)
    decision = OutboxKind.DECISION.value
    unended = select(refunds.c.case_id).where(refunds.c.ended_at.is_(None))
    of_refunds = select(outbox.c.id).where(outbox.c.case_id.in_(unended))
    newest_decision = _newest(outbox.c.case_id).where(
        outbox.c.kind == decision, or_(is_open, outbox.c.accepted_at >= lately)
    )
    started = _newest(outbox.c.case_id, outbox.c.kind).where(outbox.c.kind.in_(_STARTS))
    under_way = select(deliveries.c.case_id).where(deliveries.c.status.in_(_UNDER_WAY))
    just_done = cases.c.updated_at >= bindparam("tail", type_=cases.c.updated_at.type)
    mailing = _told(dialect) & or_(cases.c.case_id.in_(under_way), just_done)
    return {
        "starts": _again(started.where(is_open), *_STARTS),
        "mailing": _again(started.where(mailing), *_STARTS),
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
        last = (await self._read(_LAST))[0].last or now
        values = {"now": now, "since": since, "tail": last - TAIL}
        done = {name: (await self._write(one, values)).rowcount for name, one in _STATEMENTS[self._dialect].items()}
        done["starts"] += done.pop("reopened") + done.pop("mailing")
        done["decisions"] += done.pop("refunds")
        return done
