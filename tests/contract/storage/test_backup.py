"""Backups of both databases, restored into both: every column of every table, whole or not at all."""

import asyncio
import gzip
import hashlib
import io
import stat
import tarfile
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Date, Integer, Text, insert, select
from sqlalchemy.ext.asyncio import create_async_engine

from invoicing.domain.records import Event, LogEntry
from invoicing.errors import ConnectivityFault, DataFault, NotAllowed, SettingsFault
from invoicing.storage import backup_file, restoring
from invoicing.storage.backup import PAGE, TABLES
from invoicing.storage.files import FileDocumentStore
from invoicing.storage.session import Database
from invoicing.storage.store import SqlCaseStore
from invoicing.storage.types import Amount, Instant
from tests.contract.storage.samples import MINUTE, NOW, fault_of

Rows = dict[str, list[tuple[Any, ...]]]
SINCE = NOW + 1000 * MINUTE
NAMED = {"sha256", "logo"}
PAPERS = [f"%PDF of {number}".encode() for number in range(3)]


def value(column: Column[Any], number: int) -> Any:
    """Another one for each row, awkward where it can be; the third row leaves out what may be left out."""
    if column.nullable and number == 2:
        return None
    if column.name == "case_id":
        return f"c-{number}"
    if column.name in NAMED:
        return hashlib.sha256(PAPERS[number]).hexdigest()
    match column.type:
        case Instant():
            return NOW + number * MINUTE
        case Amount():
            return Decimal("398.50") + number
        case Boolean():
            return number == 0
        case Date():
            return date(2026, 11, 22) + timedelta(days=number)
        case Integer():
            return number + 1
        case Text():
            return '{"closed": false, "said": "zażółć \u2028 \\n"}'
        case _:
            return f"{column.name}-{number} zażółć 'x' \n\t\u2028€"


async def fill(url: str) -> None:
    database = Database(url)
    try:
        async with database.writing() as connection:
            for table in TABLES.values():
                rows = [{column.name: value(column, number) for column in table.columns} for number in range(3)]
                await connection.execute(insert(table).inline(), rows)
    finally:
        await database.close()


async def rows_of(url: str) -> Rows:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return {
                name: [
                    tuple(row)
                    for row in (await connection.execute(select(table).order_by(*table.primary_key.columns))).all()
                ]
                for name, table in TABLES.items()
            }
    finally:
        await engine.dispose()


def names(folder: Path, beginning: str = "") -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(beginning)]


async def documents(folder: Path, count: int = 3) -> FileDocumentStore:
    store = FileDocumentStore(str(folder))
    for paper in PAPERS[:count]:
        await store.put(paper)
    return store


async def made(url: str, folder: Path, count: int = 3) -> Path:
    await backup_file.write(url, await documents(folder / "documents", count), folder / "backup.tar", NOW)
    return folder / "backup.tar"


async def restored(url: str, folder: Path, file: Path, *, replace: bool = False) -> FileDocumentStore:
    store = FileDocumentStore(str(folder / "elsewhere"))
    await restoring.restore(url, store, file, replace=replace, seen_since=SINCE)
    return store


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_is_restored_elsewhere_is_what_was_saved_and_goes_on(
    database_url: str, empty_url: str, tmp_path: Path
) -> None:
    await fill(database_url)
    before = await rows_of(database_url)
    assert all(len(rows) == 3 for rows in before.values())
    file = await made(database_url, tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names(tmp_path, ".backup") == []
    store = await restored(empty_url, tmp_path, file)
    assert await rows_of(empty_url) == before
    for paper in PAPERS:
        assert await store.get(hashlib.sha256(paper).hexdigest()) == paper
    again = SqlCaseStore(empty_url)
    try:
        async with again.transaction() as work:
            await work.log(LogEntry(case_id="c-0", event=Event.DECIDED, at=NOW))
    finally:
        await again.close()
    assert [row[0] for row in (await rows_of(empty_url))["activity_log"]] == [1, 2, 3, 4]


async def test_a_backup_is_of_one_instant_whatever_moves_meanwhile(database_url: str, tmp_path: Path) -> None:
    """Cases and their log lines are written together; a backup has both or none, page after page."""
    store = SqlCaseStore(database_url)
    stop = asyncio.Event()
    numbers = iter(range(10**6))

    async def write(many: int) -> None:
        async with store.transaction() as work:
            rows = [next(numbers) for _ in range(many)]
            await work._write(insert(TABLES["idempotency_keys"]).inline(), [_key(number) for number in rows])
            await work.log(*(LogEntry(case_id=f"c-{number}", event=Event.DECIDED, at=NOW) for number in rows))

    async def keep_writing() -> None:
        while not stop.is_set():
            await write(50)

    try:
        await write(2 * PAGE + 1)
        moving = asyncio.create_task(keep_writing())
        file = await made(database_url, tmp_path, 0)
        stop.set()
        await moving
    finally:
        await store.close()
    with backup_file.opened(file) as backup:
        backup.verify()
        sums = backup.manifest.tables
    assert sums["idempotency_keys"].rows == sums["activity_log"].rows > 2 * PAGE


def _key(number: int) -> dict[str, Any]:
    key = {"owner": "o", "key": f"k-{number}", "digest": "d", "claimed_at": NOW, "body": "", "language": "pl"}
    return {**key, "status": None, "location": None}


async def test_rows_are_never_restored_over_unless_told(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    file = await made(database_url, tmp_path)
    before = await rows_of(database_url)
    fault = await fault_of(restored(database_url, tmp_path, file), NotAllowed)
    assert fault.code == "database_not_empty"
    store = SqlCaseStore(database_url)
    async with store.transaction() as work:
        await work.log(LogEntry(case_id="later", event=Event.DECIDED, at=NOW))
    await store.close()
    await restored(database_url, tmp_path, file, replace=True)
    assert await rows_of(database_url) == before


async def test_nothing_is_restored_under_a_running_process(database_url: str, tmp_path: Path) -> None:
    file = await made(database_url, tmp_path)
    store = SqlCaseStore(database_url)
    await store.seen("host:1", "worker", NOW, SINCE)
    await store.close()
    fault = await fault_of(restored(database_url, tmp_path, file, replace=True), NotAllowed)
    assert fault.code == "processes_running"


async def test_a_document_that_is_missing_or_altered_is_told_and_the_rest_is_saved(
    database_url: str, tmp_path: Path
) -> None:
    await fill(database_url)
    store = await documents(tmp_path / "documents", 1)
    address = hashlib.sha256(PAPERS[0]).hexdigest()
    store._path(address).write_bytes(b"altered")
    manifest = await backup_file.write(database_url, store, tmp_path / "backup.tar", NOW)
    named = {hashlib.sha256(paper).hexdigest() for paper in PAPERS[:2]}  # the third rows name none, but one must
    assert named <= set(manifest.missing)
    assert manifest.documents == 0
    restoring.verified(tmp_path / "backup.tar")


def _changed(file: Path, change: Callable[[str, bytes], tuple[str, bytes] | None], *more: tuple[str, bytes]) -> None:
    """The same tar with other members."""
    with tarfile.open(file) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]  # type: ignore[union-attr]  # files
    with tarfile.open(file, "w") as tar:
        for item in [*(change(*member) for member in members), *more]:
            if item is not None:
                info = tarfile.TarInfo(item[0])
                info.size = len(item[1])
                tar.addfile(info, io.BytesIO(item[1]))


def _without_a_row(name: str, content: bytes) -> tuple[str, bytes]:
    if name != "tables/cases.jsonl.gz":
        return name, content
    return name, gzip.compress(b"".join(gzip.decompress(content).splitlines(keepends=True)[:-1]))


def _other_paper(name: str, content: bytes) -> tuple[str, bytes]:
    return (name, content + b"!") if name.startswith("documents/") else (name, content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut short": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "no tar": lambda file: file.write_bytes(b"nothing" * 500),
    "empty": lambda file: file.write_bytes(b""),
    "a row is missing": lambda file: _changed(file, _without_a_row),
    "a table is missing": lambda file: _changed(file, lambda n, c: None if n == "tables/outbox.jsonl.gz" else (n, c)),
    "a document is altered": lambda file: _changed(file, _other_paper),
    "a document is missing": lambda file: _changed(file, lambda n, c: None if n.startswith("documents/") else (n, c)),
    "no manifest": lambda file: _changed(file, lambda n, c: None if n == "manifest.json" else (n, c)),
    "a foreign file": lambda file: _changed(file, lambda n, c: (n, c), ("../../etc/passwd", b"x")),
    "a file twice": lambda file: _changed(file, lambda n, c: (n, c), ("tables/cases.jsonl.gz", b"x")),
    "a table that is no gzip": lambda file: _changed(file, lambda n, c: (n, b"x" if n.startswith("tables") else c)),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_backup_changes_nothing(database_url: str, tmp_path: Path, damage: str) -> None:
    await fill(database_url)
    before = await rows_of(database_url)
    file = await made(database_url, tmp_path)
    restoring.verified(file)
    DAMAGE[damage](file)
    fault = await fault_of(restored(database_url, tmp_path, file, replace=True), DataFault)
    assert fault.code == "backup_damaged"
    assert await rows_of(database_url) == before
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_backup_of_another_version_is_refused(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await made(database_url, tmp_path)
    monkeypatch.setattr(restoring, "REVISION", "9999")
    fault = await fault_of(restored(database_url, tmp_path, file), SettingsFault)
    assert (fault.code, "9999" in fault.message) == ("backup_schema", True)


async def test_what_fails_leaves_no_file(tmp_path: Path) -> None:
    nowhere = "postgresql+asyncpg://u@127.0.0.1:1/x"
    await fault_of(made(nowhere, tmp_path), ConnectivityFault)
    assert names(tmp_path) == ["documents"]
