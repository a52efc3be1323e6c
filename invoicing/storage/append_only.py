"""The one way around the triggers that keep the activity log append-only: a restore, which puts another in its place.

Everything happens in the caller's transaction, so that the triggers are back whatever becomes of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_KEPT = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'activity_log'")


@asynccontextmanager
async def may_be_emptied(connection: AsyncConnection, dialect: str) -> AsyncIterator[None]:
    """Within the block lines of the activity log may be deleted."""
    if dialect == "postgresql":
        await connection.execute(text("ALTER TABLE activity_log DISABLE TRIGGER USER"))
        yield
        await connection.execute(text("ALTER TABLE activity_log ENABLE TRIGGER USER"))
        return
    triggers = (await connection.execute(_KEPT)).all()
    for trigger in triggers:
        await connection.execute(text(f"DROP TRIGGER {trigger.name}"))
    yield
    for trigger in triggers:
        await connection.execute(text(trigger.sql))
