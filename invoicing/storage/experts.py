"""Experts, and the keys of their wFirma accounts.

Guarantee: keys stand in the database only sealed, in a column of their own. Whoever reads an expert without the ring
that opens them is refused; facts of a case and lists come without keys instead, because most steps need none.
A sealed value is the id of its key, a colon, and what only that key opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, bindparam, func, select, update

from invoicing.domain.cases import ExpertDocument, WfirmaKeys
from invoicing.domain.logins import Login, RefusedLogins
from invoicing.errors import InternalFault, NotFound, SettingsFault
from invoicing.ports import Sealer
from invoicing.storage.tables import experts
from invoicing.storage.types import Instant
from invoicing.storage.work import Statements, Work, upsert

_EXPERT = select(experts.c.document, experts.c.wfirma_sealed).where(experts.c.expert_id == bindparam("id"))
_SAVE_EXPERT = upsert(experts, "expert_id", keep=("logo",))
_SAVE_SELLER = upsert(experts, "expert_id", keep=("logo", "wfirma_sealed", "login_accepted_at", "login_refused_at"))
_ACCEPTED, _REFUSED = experts.c.login_accepted_at, experts.c.login_refused_at
_TAKE_LOGIN = (
    update(experts)
    .where(
        experts.c.expert_id == bindparam("id"),
        # a login that was noted lately is not written again: cases of one expert would queue on his row
        _ACCEPTED.is_(None) | (bindparam("before", type_=Instant) >= _ACCEPTED) | (_REFUSED >= _ACCEPTED),
    )
    .values(login_accepted_at=bindparam("at", type_=Instant))
)
_REFUSE_LOGIN = (
    update(experts)
    .where(experts.c.expert_id == bindparam("id"))
    .values(login_refused_at=bindparam("at", type_=Instant))
)
_REFUSED_SINCE = select(_REFUSED).where(bindparam("since", type_=Instant) < _REFUSED)
_ACCEPTED_LAST = select(func.max(_ACCEPTED, type_=Instant).label("accepted_at"))
_LOGO = select(experts.c.logo).where(experts.c.expert_id == bindparam("id"))
_SAVE_LOGO = update(experts).where(experts.c.expert_id == bindparam("id")).values(logo=bindparam("address"))
_KEYED = (
    select(experts.c.expert_id, _ACCEPTED.label("accepted_at"), _REFUSED.label("refused_at"))
    .where(experts.c.wfirma_sealed.is_not(None))
    .order_by(experts.c.expert_id)
    .limit(bindparam("most"))
)
_KEYED_COUNT = select(func.count().label("total")).where(experts.c.wfirma_sealed.is_not(None))
_SEALED_BEFORE = (
    select(experts.c.expert_id, experts.c.wfirma_sealed)
    .where(
        experts.c.expert_id > bindparam("after"),
        # not LIKE: an id may hold its wildcards, and SQLite's does not tell capitals from small letters
        func.substr(experts.c.wfirma_sealed, 1, bindparam("length")) != bindparam("prefix"),
    )
    .order_by(experts.c.expert_id)
    .limit(bindparam("most"))
)
_RESEAL = (
    update(experts)
    .where(experts.c.expert_id == bindparam("id"), experts.c.wfirma_sealed == bindparam("before"))
    .values(wfirma_sealed=bindparam("sealed"))
)
_SEALING_KEY = {
    "sqlite": func.substr(experts.c.wfirma_sealed, 1, func.instr(experts.c.wfirma_sealed, ":") - 1),
    "postgresql": func.split_part(experts.c.wfirma_sealed, ":", 1),
}
_SEALED_BY: Statements = {
    dialect: select(key.label("sealer"), func.count().label("secrets"))
    .where(experts.c.wfirma_sealed.is_not(None))
    .group_by(key)
    for dialect, key in _SEALING_KEY.items()
}
_MISSING = "secrets_keys_missing"


def expert_without_keys(document: str) -> ExpertDocument:
    """A stored expert; keys are not in the document."""
    return ExpertDocument.model_validate_json(document)


def expert_with_keys(document: str, sealed: str | None, sealer: Sealer | None) -> ExpertDocument:
    """A stored expert with the keys opened. Raises `SettingsFault("secrets_keys_missing")`."""
    expert = expert_without_keys(document)
    if sealed is None:
        return expert
    if sealer is None:
        raise SettingsFault(_MISSING, "the expert's wFirma keys cannot be opened without a key ring")
    try:
        keys = WfirmaKeys.model_validate_json(sealer.open(sealed))
    except ValidationError:
        raise InternalFault(
            "internal", "opened wFirma keys are not of this version's shape"
        ) from None  # it quotes them
    return expert.model_copy(update={"wfirma": keys})


def expert_for_facts(document: str, sealed: str | None, sealer: Sealer | None) -> tuple[ExpertDocument, bool]:
    """A stored expert, with keys where they can be opened, and whether there are keys that cannot."""
    try:
        return expert_with_keys(document, sealed, sealer), False
    except SettingsFault:
        return expert_without_keys(document), True


class ExpertRows(Work):
    """One row an expert."""

    async def save_expert(
        self, expert_id: str, expert: ExpertDocument, now: datetime, *, keep_keys: bool = False
    ) -> None:
        """Store or replace, keys included: an expert without keys has none afterwards, unless those stored are kept.

        What was known of the logins of keys that are replaced is forgotten with them.
        """
        sealed = None
        if expert.wfirma is not None and not keep_keys:
            if self._sealer is None:
                raise SettingsFault(_MISSING, "wFirma keys cannot be stored without a key ring")
            sealed = self._sealer.seal(expert.wfirma.model_dump_json())
        document = expert.model_copy(update={"wfirma": None}).model_dump_json()
        row = {"expert_id": expert_id, "document": document, "updated_at": now, "wfirma_sealed": sealed}
        await self._write((_SAVE_SELLER if keep_keys else _SAVE_EXPERT)[self._dialect], row)

    async def expert(self, expert_id: str) -> ExpertDocument | None:
        """An expert with the keys, or None. Raises `SettingsFault` for keys that cannot be opened."""
        rows = await self._read(_EXPERT, {"id": expert_id})
        return expert_with_keys(rows[0].document, rows[0].wfirma_sealed, self._sealer) if rows else None

    async def expert_logo(self, expert_id: str) -> str | None:
        """Where the logo is stored."""
        rows = await self._read(_LOGO, {"id": expert_id})
        return rows[0].logo if rows else None

    async def save_expert_logo(self, expert_id: str, sha256: str) -> None:
        """Note where the logo is stored; saving the expert leaves it as it is."""
        result = await self._write(_SAVE_LOGO, {"id": expert_id, "address": sha256})
        if result.rowcount != 1:
            raise NotFound("expert_unknown", "no expert is stored under this id")

    async def login_accepted(self, expert_id: str, now: datetime, unless_after: datetime) -> bool:
        """Note that the expert's keys were taken; False when that was noted after `unless_after` and holds still."""
        result = await self._write(_TAKE_LOGIN, {"id": expert_id, "at": now, "before": unless_after})
        return result.rowcount == 1

    async def login_refused(self, expert_id: str, now: datetime) -> None:
        """Note that the expert's keys were refused."""
        await self._write(_REFUSE_LOGIN, {"id": expert_id, "at": now})

    async def refused_logins(self, since: datetime) -> RefusedLogins:
        """Refusals since a time, and the newest login that was taken."""
        refused = await self._read(_REFUSED_SINCE, {"since": since})
        (taken,) = await self._read(_ACCEPTED_LAST)
        return RefusedLogins(refused_at=tuple(row.login_refused_at for row in refused), accepted_at=taken.accepted_at)


class ExpertKeys(Work):
    """Who has keys, and rotation of the key ring."""

    async def experts_with_keys(self, limit: int) -> tuple[tuple[Login, ...], int]:
        """Logins of experts with stored keys, the first so many by id, and how many there are."""
        rows = await self._read(_KEYED, {"most": limit})
        (counted,) = await self._read(_KEYED_COUNT)
        return tuple(Login.model_validate(row._asdict()) for row in rows), counted.total

    async def reseal(self, limit: int) -> int:
        """Seal with the first key what another one has sealed; how many experts' keys were.

        What no key of the ring opens is passed over; when nothing else is left it raises `SettingsFault`.
        """
        if self._sealer is None:
            raise SettingsFault(_MISSING, "wFirma keys cannot be sealed anew without a key ring")
        prefix = self._sealer.seal("").partition(":")[0] + ":"
        window = {"prefix": prefix, "length": len(prefix), "most": limit}
        after, unopened = "", 0
        while rows := await self._read(_SEALED_BEFORE, {**window, "after": after}):
            resealed = [await self._reseal(row, self._sealer) for row in rows]
            if any(resealed):
                return sum(map(bool, resealed))
            unopened += resealed.count(None)
            after = rows[-1].expert_id
        if unopened:
            raise SettingsFault(_MISSING, f"wFirma keys of {unopened} experts are sealed with a key that is not given")
        return 0

    async def sealed_by(self) -> Mapping[str, int]:
        """How many experts' keys each key seals, by its id; needs no ring."""
        return {row.sealer: row.secrets for row in await self._read(_SEALED_BY[self._dialect])}

    async def _reseal(self, row: Row[Any], sealer: Sealer) -> bool | None:
        """Whether it was replaced (not, when the expert was saved meanwhile); None when it cannot be opened."""
        try:
            opened = sealer.open(row.wfirma_sealed)
        except SettingsFault:
            return None
        values = {"id": row.expert_id, "before": row.wfirma_sealed, "sealed": sealer.seal(opened)}
        return (await self._write(_RESEAL, values)).rowcount == 1
