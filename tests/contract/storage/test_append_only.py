"""The activity log only grows: the database itself refuses to change or take away a line."""

import pytest
from sqlalchemy import text

from invoicing.domain.records import Event, LogEntry, LogQuery
from invoicing.errors import InternalFault
from invoicing.storage.append_only import may_be_emptied
from invoicing.storage.faults import translated
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.samples import NOW

STATEMENTS = (
    "UPDATE activity_log SET actor = 'nobody'",
    "DELETE FROM activity_log",
    "DELETE FROM activity_log WHERE id = 1",
)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_a_written_line_can_be_neither_changed_nor_deleted(database_url: str, statement: str) -> None:
    store = SqlCaseStore(database_url)
    try:
        async with store.transaction() as work:
            await work.log(LogEntry(case_id="c", event=Event.CASE_RECORDED, at=NOW, actor="ola"))
        with pytest.raises(InternalFault), translated():
            async with store._database.writing() as connection:
                await connection.execute(text(statement))
        (line,) = await store.activity(LogQuery())
        assert line.actor == "ola"
    finally:
        await store.close()


async def test_a_restore_may_put_another_log_in_its_place_and_leaves_the_guard(database_url: str) -> None:
    store = SqlCaseStore(database_url)
    try:
        async with store.transaction() as work:
            await work.log(LogEntry(case_id="c", event=Event.CASE_RECORDED, at=NOW))
        async with store._database.writing() as connection, may_be_emptied(connection, store._database.dialect):
            await connection.execute(text("DELETE FROM activity_log"))
        assert await store.activity(LogQuery()) == ()
        async with store.transaction() as work:
            await work.log(LogEntry(case_id="c", event=Event.CASE_RECORDED, at=NOW))
        for statement in STATEMENTS:
            with pytest.raises(InternalFault), translated():
                async with store._database.writing() as connection:
                    await connection.execute(text(statement))
    finally:
        await store.close()
