"""The migrations build exactly the tables that the code uses, and a foreign schema is refused."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Index, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from invoicing.domain.records import EmailQuery
from invoicing.errors import SettingsFault
from invoicing.storage.schema import REVISION, alembic_config, upgrade
from invoicing.storage.session import create_engine, parse_url
from invoicing.storage.store import SqlCaseStore
from invoicing.storage.tables import metadata

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CASE = (
    "INSERT INTO cases VALUES ('c', '{}', '', 'e', 'k', '2026-11-22T10:00:00.000000+00:00', 0, 0, '{}', '', '', "
    "true, '2026-11-22T10:00:00.000000+00:00')"
)
MAIL = (
    "INSERT INTO deliveries VALUES ('name', 'c', 'invoice', 'ż@example.com', 'status', 2, 1, NULL, "
    "'2026-11-22T10:0x:00.000000+00:00', '2026-11-22T10:00:00.000000+00:00')"
)
KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


def test_the_demanded_revision_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [REVISION]


@KINDS
def test_migrated_schema_equals_the_tables(kind: str, empty_url: str) -> None:
    asyncio.run(upgrade(empty_url))
    differences, partial = asyncio.run(_inspected(empty_url))
    assert differences == []
    assert partial == {index.name for index in _partial_indexes()}


@KINDS
async def test_migrating_again_changes_nothing(kind: str, empty_url: str) -> None:
    assert [await upgrade(empty_url), await upgrade(empty_url)] == [REVISION, REVISION]


@KINDS
async def test_a_database_without_our_schema_is_refused_with_what_to_do(kind: str, empty_url: str) -> None:
    store = SqlCaseStore(empty_url)
    try:
        for call in (store.ping, lambda: store.statuses([])):
            with pytest.raises(SettingsFault, match="starter setup") as caught:
                await call()
            assert caught.value.code == "database_schema"
    finally:
        await store.close()


@KINDS
async def test_a_schema_of_another_version_is_refused(kind: str, empty_url: str) -> None:
    await upgrade(empty_url)
    await _execute(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    store = SqlCaseStore(empty_url)
    try:
        with pytest.raises(SettingsFault, match="is 9999 and must be"):
            await store.ping()
    finally:
        await store.close()


@KINDS
async def test_mails_of_the_second_schema_stay_and_are_numbered_as_they_were_written(kind: str, empty_url: str) -> None:
    engine = create_engine(parse_url(empty_url), pooled=False)
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "0002"))
        await connection.commit()
    await _execute(empty_url, CASE)
    for name, minute, status in (("late", 2, "failed"), ("first", 0, "sent"), ("b", 1, "sent"), ("a", 1, "unknown")):
        changes = {"'name'": f"'{name}'", "'status'": f"'{status}'", "10:0x": f"10:0{minute}"}
        mail = MAIL
        for before, after in changes.items():
            mail = mail.replace(before, after)
        await _execute(empty_url, mail)
    assert await upgrade(empty_url) == REVISION
    store = SqlCaseStore(empty_url)
    try:
        mails = await store.emails(EmailQuery())
        assert [(mail.message_id, mail.id) for mail in mails] == [("late", 4), ("b", 3), ("a", 2), ("first", 1)]
        written = {"tries": 2, "doubtful": 1, "code": None, "recipient": "ż@example.com", "updated_at": NOW}
        assert mails[0].model_dump(include=set(written)) == written
        assert [mail.created_at for mail in mails] == [NOW + 2 * MINUTE, NOW + MINUTE, NOW + MINUTE, NOW]
        async with store.transaction() as work:
            await work.save_delivery(mails[3])
            await work.save_delivery(mails[0].model_copy(update={"message_id": "next"}))
        assert [mail.message_id for mail in await store.emails(EmailQuery())] == ["next", "late", "b", "a", "first"]
    finally:
        await store.close()


@KINDS
async def test_a_migration_that_fails_leaves_nothing(kind: str, empty_url: str) -> None:
    await _execute(empty_url, "CREATE TABLE inbox (id INTEGER)")  # in the way of the first migration
    with pytest.raises(Exception, match="database"):
        await upgrade(empty_url)
    engine = create_engine(parse_url(empty_url), pooled=False)
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert tables == ["inbox"]


async def _execute(url: str, statement: str) -> None:
    engine: AsyncEngine = create_engine(parse_url(url), pooled=False)
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def _inspected(url: str) -> tuple[list[object], set[str | None]]:
    engine = create_engine(parse_url(url), pooled=False)
    async with engine.connect() as connection:
        return await connection.run_sync(_compare)


def _compare(connection: Connection) -> tuple[list[object], set[str | None]]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    inspector = inspect(connection)
    partial = {
        index["name"]
        for table in metadata.tables
        for index in inspector.get_indexes(table)
        if any(option.endswith("_where") for option in index.get("dialect_options", {}))
    }
    return compare_metadata(context, metadata), partial


def _partial_indexes() -> list[Index]:
    return [
        index
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    ]
