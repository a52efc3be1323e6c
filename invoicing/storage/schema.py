"""Bringing a database to this version's schema.

Guarantee: repeatable, and safe when several processes do it at once: the whole migration is one transaction, and who
comes second waits for it (PostgreSQL: an advisory lock of that transaction; SQLite: the write lock) and finds it done.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.errors import SettingsFault
from invoicing.storage.faults import translated
from invoicing.storage.session import create_engine, parse_url

if TYPE_CHECKING:
    from alembic.config import Config

REVISION = "0013"
"""The newest migration: what `ping` demands. A test holds it to the folder of migrations."""
_MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x50616964  # any number that nobody else in this database uses
_CURRENT = text("SELECT version_num FROM alembic_version")


async def upgrade(url: str) -> str:
    """Create or migrate the schema; gives back its revision. Raises `ConnectivityFault`, `SettingsFault`."""
    engine = create_engine(parse_url(url), pooled=False)
    try:
        with translated():
            async with engine.connect() as connection:
                if engine.dialect.name == "sqlite":
                    await connection.exec_driver_sql("BEGIN IMMEDIATE")
                else:
                    await connection.execute(text("SET LOCAL lock_timeout = 0"))
                    await connection.execute(text("SET LOCAL statement_timeout = 0"))
                    await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
                await connection.run_sync(_migrate)
                await connection.commit()
        async with engine.connect() as connection:
            return await demand_revision(connection)
    finally:
        await engine.dispose()


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings; there is no ini file, because the address of the database comes from DATABASE_URL."""
    from alembic.config import Config  # only who migrates pays for Alembic: 8 MiB and half a second of every start

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _migrate(connection: Connection) -> None:
    from alembic import command

    command.upgrade(alembic_config(connection), "head")


async def demand_revision(connection: AsyncConnection) -> str:
    """The schema's revision. Raises `SettingsFault("database_schema")` when it is not this version's."""
    with translated():
        found = (await connection.execute(_CURRENT)).scalar_one_or_none()
    if found != REVISION:
        raise SettingsFault(
            "database_schema",
            f"the schema is {found or 'empty'} and must be {REVISION}: run `python -m starter setup`",
        )
    return REVISION
