"""A database that is away, locked or restarted: a fault that can be tried again, no personal data, then work."""

import asyncio
import sqlite3
import traceback
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from invoicing.domain.payments import AttemptState
from invoicing.domain.state import payment_opened
from invoicing.errors import ConnectivityFault, InternalFault, SettingsFault
from invoicing.storage.session import Database
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.samples import attempt, invoice, recorded, state

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # wrong values are meant


@pytest.fixture
def sqlite_path(migrated_sqlite: Path, tmp_path: Path) -> Path:
    path = tmp_path / "paidcase.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    return path


async def test_a_locked_file_is_a_fault_and_reading_goes_on(sqlite_path: Path) -> None:
    store = SqlCaseStore(f"sqlite+aiosqlite:///{sqlite_path}", patience=0.05)
    await recorded(store)
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConnectivityFault) as caught:
            await recorded(store, "another")
        assert caught.value.code == "database_unavailable"
        async with store.reading() as work:
            assert (await work.facts("2026-000123")).state.version == 0
        other.execute("ROLLBACK")
        await recorded(store, "another")
    finally:
        other.close()
        await store.close()


async def test_a_writer_that_does_not_end_lets_others_give_up(sqlite_path: Path) -> None:
    store = SqlCaseStore(f"sqlite+aiosqlite:///{sqlite_path}", patience=0.05)
    try:
        async with store.transaction() as work:
            await work.take_number("a", "b")
            with pytest.raises(ConnectivityFault):
                await recorded(store)
        await recorded(store)
    finally:
        await store.close()


async def test_a_statement_after_a_refused_begin_does_not_run_alone(sqlite_path: Path) -> None:
    """Without its BEGIN a statement would be committed at once."""
    store = SqlCaseStore(f"sqlite+aiosqlite:///{sqlite_path}", patience=0.05)
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ZeroDivisionError):
            async with store.transaction() as work:
                with pytest.raises(ConnectivityFault):
                    await work.take_number("a", "b")
                other.execute("ROLLBACK")
                assert await work.take_number("a", "b") == 1
                raise ZeroDivisionError
        async with store.transaction() as work:
            assert await work.take_number("a", "b") == 1
    finally:
        other.close()
        await store.close()


async def test_sqlite_is_set_up_to_lose_nothing(sqlite_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{sqlite_path}")
    try:
        async with database.reading() as connection:
            found = {
                name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    finally:
        await database.close()


async def test_a_folder_in_place_of_the_file_is_a_fault(tmp_path: Path) -> None:
    store = SqlCaseStore(f"sqlite+aiosqlite:///{tmp_path}")
    try:
        with pytest.raises(ConnectivityFault):
            await store.ping()
    finally:
        await store.close()


async def test_a_server_that_is_away_is_a_fault() -> None:
    store = SqlCaseStore("postgresql+asyncpg://nobody:hunter2@127.0.0.1:1/paidcase")
    try:
        with pytest.raises(ConnectivityFault) as caught:
            await store.ping()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    finally:
        await store.close()


async def test_a_wrong_password_and_a_missing_database_are_settings(migrated_postgresql: str) -> None:
    url = make_url(migrated_postgresql)
    for wrong in (url.set(password="hunter2"), url.set(database="nowhere")):
        store = SqlCaseStore(wrong.render_as_string(hide_password=False))
        try:
            with pytest.raises(SettingsFault) as caught:
                await store.ping()
            assert caught.value.code == "database_url"
            assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        finally:
            await store.close()


async def test_connections_that_the_server_cut_fail_once_and_then_work(migrated_postgresql: str) -> None:
    store = SqlCaseStore(migrated_postgresql)
    try:
        await asyncio.gather(*(store.ping() for _ in range(4)))
        await _cut_all(migrated_postgresql)
        with pytest.raises(ConnectivityFault):
            await store.ping()
        assert await asyncio.gather(*(store.ping() for _ in range(4)))
    finally:
        await store.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_connection_cut_in_a_transaction_leaves_nothing(database_url: str) -> None:
    store = SqlCaseStore(database_url)
    try:
        await recorded(store)
        with pytest.raises(ConnectivityFault):
            async with store.transaction() as work:
                await work.save(payment_opened(state(), 1))
                await _cut_all(database_url)
                await work.save_attempt(attempt())
        with pytest.raises(ConnectivityFault):
            async with store.transaction() as work:
                await work.save(payment_opened(state(), 1))
                await _cut_all(database_url)
        async with store.reading() as work:
            assert (await work.facts("2026-000123")).state.version == 0
            assert await work.attempts("2026-000123") == ()
    finally:
        await store.close()


async def test_no_error_quotes_what_was_to_be_stored(database_url: str) -> None:
    secret = "Zofia-Tajna"
    store = SqlCaseStore(database_url)
    broken = attempt(reason=secret, redirect_url=secret).model_copy(update={"state": None, "attempt": "x" + secret})
    double = invoice(secret)
    try:
        await recorded(store)
        async with store.transaction() as work:
            await work.add_invoice(double, "s", "p", 1)
            await work.save_attempt(attempt(state=AttemptState.OPEN))
        for method, arguments in (("save_attempt", (broken,)), ("add_invoice", (double, "s", "p", 1))):
            with pytest.raises(InternalFault) as caught:
                async with store.transaction() as work:
                    await getattr(work, method)(*arguments)
            assert secret not in "".join(traceback.format_exception(caught.value))
            assert caught.value.__cause__ is None
    finally:
        await store.close()


async def _cut_all(url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    finally:
        await engine.dispose()
