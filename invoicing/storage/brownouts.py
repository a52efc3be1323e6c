"""Gates of issuers and accounts, outages that cases met, and cases that wait.

Who changes what a gate stands for locks its row first, after the case's own, so that of two that count at the same time
the second one sees the first one's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, tuple_

from invoicing.domain.brownouts import Gate, Hold, Outage, SeenGate
from invoicing.storage.brownout_tables import holds, issuer_gates, issuer_outages
from invoicing.storage.types import Instant
from invoicing.storage.work import Work, insert_once, upsert

_GATE = select(issuer_gates).where(issuer_gates.c.issuer == bindparam("which"))
_NAMED = select(issuer_gates).where(issuer_gates.c.issuer.in_(bindparam("names", expanding=True)))
_LOCKED = _GATE.with_for_update()
_FIRST = insert_once(issuer_gates, "issuer")
_SAVE = upsert(issuer_gates, "issuer")
_MEET = upsert(issuer_outages, "issuer", "case_id")
_OUTAGES = select(issuer_outages.c.case_id, issuer_outages.c.failed_at).where(
    issuer_outages.c.issuer == bindparam("which")
)
_FORGET = delete(issuer_outages).where(
    issuer_outages.c.issuer == bindparam("which"), issuer_outages.c.failed_at <= bindparam("until", type_=Instant)
)
_HOLD = upsert(holds, "case_id")
_HELD = select(holds).where(holds.c.case_id == bindparam("case"))
_QUEUE = select(holds).where(holds.c.issuer == bindparam("which")).order_by(holds.c.held_at, holds.c.case_id)
_SINCE = bindparam("since", type_=Instant)
_WAITING = select(func.count()).select_from(holds).where(holds.c.issuer == bindparam("which"))
_AHEAD = _WAITING.where(tuple_(holds.c.held_at, holds.c.case_id) < tuple_(_SINCE, bindparam("case")))
_LET_GO = delete(holds).where(holds.c.case_id == bindparam("case"))
_ALL = (
    select(issuer_gates, func.count(holds.c.case_id).label("waiting"))
    .outerjoin(holds, holds.c.issuer == issuer_gates.c.issuer)
    .group_by(issuer_gates.c.issuer)
    .order_by(issuer_gates.c.issuer)
)


class BrownoutRows(Work):
    """What decides whether a case begins."""

    async def gate(self, issuer: str) -> Gate:
        """The gate of an issuer, or of an account there; open when nothing was ever noted of it."""
        rows = await self._read(_GATE, {"which": issuer})
        return Gate.model_validate(rows[0]._asdict()) if rows else Gate(issuer=issuer)

    async def gates_named(self, names: Sequence[str]) -> tuple[Gate, ...]:
        """Those of these gates of which anything was ever noted, in the order of the names given."""
        rows = {row.issuer: row for row in await self._read(_NAMED, {"names": list(names)})}
        return tuple(Gate.model_validate(rows[name]._asdict()) for name in names if name in rows)

    async def lock_gate(self, issuer: str) -> Gate:
        """One gate, and nobody else's until the end of this transaction."""
        await self._write(_FIRST[self._dialect], Gate(issuer=issuer).model_dump())
        return Gate.model_validate((await self._read(_LOCKED, {"which": issuer}))[0]._asdict())

    async def save_gate(self, gate: Gate) -> None:
        """Insert or replace."""
        await self._write(_SAVE[self._dialect], gate.model_dump())

    async def add_outage(self, issuer: str, outage: Outage, forget_until: datetime) -> tuple[Outage, ...]:
        """Note the newest failure of a case, forget old ones, and tell which are left of this issuer."""
        await self._write(_FORGET, {"which": issuer, "until": forget_until})
        await self._write(_MEET[self._dialect], {"issuer": issuer, **outage.model_dump()})
        return tuple(Outage.model_validate(row._asdict()) for row in await self._read(_OUTAGES, {"which": issuer}))

    async def save_holds(self, *waiting: Hold) -> None:
        """Insert or replace; a case waits before one gate."""
        if waiting:
            await self._write(_HOLD[self._dialect], [hold.model_dump() for hold in waiting])

    async def hold(self, case_id: str) -> Hold | None:
        """Before which gate a case waits, or None."""
        rows = await self._read(_HELD, {"case": case_id})
        return Hold.model_validate(rows[0]._asdict()) if rows else None

    async def holds(self, issuer: str) -> Sequence[Hold]:
        """Those that wait before a gate, oldest first."""
        return [Hold.model_validate(row._asdict()) for row in await self._read(_QUEUE, {"which": issuer})]

    async def count_holds(self, issuer: str, before: Hold | None = None) -> int:
        """How many wait before a gate, or how many of them are older than one."""
        if before is None:
            return int((await self._read(_WAITING, {"which": issuer}))[0][0])
        place = {"which": issuer, "since": before.held_at, "case": before.case_id}
        return int((await self._read(_AHEAD, place))[0][0])

    async def end_hold(self, case_id: str) -> None:
        """The case waits no more."""
        await self._write(_LET_GO, {"case": case_id})


class BrownoutLists(Work):
    """Reading every gate."""

    async def gates(self) -> tuple[SeenGate, ...]:
        """Gates of which anything was ever noted, with those that wait before them."""
        return tuple(SeenGate.model_validate(row._asdict()) for row in await self._read(_ALL))
