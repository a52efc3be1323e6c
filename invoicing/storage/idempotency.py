"""Answers kept under `Idempotency-Key`: claimed by an insert that only one of many concurrent requests wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update

from invoicing.ports import Clock
from invoicing.storage.session import Database
from invoicing.storage.tables import idempotency_keys as keys
from invoicing.storage.work import Work, insert_once

_ONE = (keys.c.owner == bindparam("of"), keys.c.key == bindparam("named"))
_FORGET = delete(keys).where(keys.c.claimed_at < bindparam("before"))
_CLAIM = insert_once(keys, "owner", "key")
_TAKE_OVER = (
    update(keys)
    .where(*_ONE, keys.c.digest == bindparam("same"), keys.c.status.is_(None), keys.c.claimed_at < bindparam("lapsed"))
    .values(claimed_at=bindparam("now"))
)
_READ = select(keys.c.digest, keys.c.status, keys.c.body, keys.c.language, keys.c.location).where(*_ONE)
_KEEP = (
    update(keys)
    .where(*_ONE)
    .values(
        status=bindparam("answered"), body=bindparam("text"), language=bindparam("spoken"), location=bindparam("place")
    )
)
_RELEASE = delete(keys).where(*_ONE, keys.c.status.is_(None))


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What is kept under a key; `status` is None while the first request is under way."""

    digest: str
    status: int | None
    body: str
    language: str
    location: str | None


class SqlAnswers:
    """Keeps answers in a database that the store of the same process opened and closes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def claim(
        self, owner: str, key: str, digest: str, now: datetime, *, lease: timedelta, kept_for: timedelta
    ) -> KeptAnswer | None:
        """None: the key is the caller's now. Else what is kept under it."""
        async with self._database.writing() as connection:
            rows = _Rows(connection, self._database.dialect, self._clock, writable=True)
            return await rows.claim(owner, key, digest, now, lapsed=now - lease, forget=now - kept_for)

    async def keep(self, owner: str, key: str, status: int, body: str, language: str, location: str | None) -> None:
        """Keep the answer under a claimed key."""
        values = {"answered": status, "text": body, "spoken": language, "place": location}
        async with self._database.writing() as connection:
            rows = _Rows(connection, self._database.dialect, self._clock, writable=True)
            await rows.keep({"of": owner, "named": key, **values})

    async def release(self, owner: str, key: str) -> None:
        """Give a claimed key back; an answer that is kept stays."""
        async with self._database.writing() as connection:
            rows = _Rows(connection, self._database.dialect, self._clock, writable=True)
            await rows.release({"of": owner, "named": key})


class _Rows(Work):
    async def claim(
        self, owner: str, key: str, digest: str, now: datetime, *, lapsed: datetime, forget: datetime
    ) -> KeptAnswer | None:
        await self._write(_FORGET, {"before": forget})
        row = {"owner": owner, "key": key, "digest": digest, "claimed_at": now, "body": "", "language": ""}
        if (await self._write(_CLAIM[self._dialect], row)).rowcount == 1:
            return None
        one = {"of": owner, "named": key}
        if (await self._write(_TAKE_OVER, {**one, "same": digest, "lapsed": lapsed, "now": now})).rowcount == 1:
            return None
        found = await self._read(_READ, one)
        # gone between the two statements: it was released, and the caller asks again at once
        return KeptAnswer(**found[0]._asdict()) if found else KeptAnswer(digest, None, "", "", None)

    async def keep(self, values: dict[str, object]) -> None:
        await self._write(_KEEP, values)

    async def release(self, one: dict[str, object]) -> None:
        await self._write(_RELEASE, one)
