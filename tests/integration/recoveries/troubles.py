"""What can be broken for a while: the database, its schema, the documents, the worker's settings."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from tests.integration.recoveries.rows import Act, Trouble
from tests.integration.recoveries.stage import Play


@asynccontextmanager
async def none(play: Play, _case: str) -> AsyncIterator[Play]:
    """Nothing is broken: the case itself is the trouble."""
    yield play


def switched(turn: Callable[[Play, str], Any]) -> Trouble:
    """A stand-in is told to misbehave."""

    @asynccontextmanager
    async def broken(play: Play, case: str) -> AsyncIterator[Play]:
        turn(play, case)
        yield play
        play.mend()

    return broken


def settings(**changes: str | None) -> Trouble:
    """A worker has other settings."""

    def broken(play: Play, _case: str) -> AbstractAsyncContextManager[Play]:
        return play.with_settings(**changes)

    return broken


def changed(before: str, after: str) -> Trouble:
    """Two statements, one that breaks the database and one that mends it; `{case}` stands for the case's id."""

    @asynccontextmanager
    async def broken(play: Play, case: str) -> AsyncIterator[Play]:
        await play.change(before.format(case=case))
        try:
            yield play
        finally:
            await play.change(after.format(case=case))

    return broken


def refusing(table: str, what: str, when: str = "1", does: str = "RAISE(ABORT, 'refused')") -> Trouble:
    """The database refuses to write rows of the case, by a trigger."""
    made = f"CREATE TRIGGER trouble BEFORE {what} ON {table} WHEN {when} BEGIN SELECT {does}; END"
    return changed(made, "DROP TRIGGER trouble")


def without(table: str) -> Trouble:
    """A table has another name than this version knows."""
    return changed(f"ALTER TABLE {table} RENAME TO mislaid", f"ALTER TABLE mislaid RENAME TO {table}")


def told_before(event: str) -> Trouble:
    """A line that must be unique is there already."""
    index = "CREATE UNIQUE INDEX trouble ON activity_log (event) WHERE case_id = '{}' AND event = '{}'"

    @asynccontextmanager
    async def broken(play: Play, case: str) -> AsyncIterator[Play]:
        await play.change(
            "INSERT INTO activity_log (case_id, event, at, actor, details) VALUES (:case, :event, :at, 'stage', '{}')",
            case=case, event=event, at="2026-11-22T10:00:00.000000+00:00",
        )  # fmt: skip
        await play.change(index.format(case, event))
        try:
            yield play
        finally:
            await play.change("DROP INDEX trouble")

    return broken


@contextmanager
def _instead(path: Path, put: Callable[[Path], object], drop: Callable[[Path], object]) -> Iterator[None]:
    away = path.with_name(f"{path.name}-away")
    path.rename(away)
    put(path)
    try:
        yield
    finally:
        drop(path)
        away.rename(path)


@asynccontextmanager
async def no_database(play: Play, _case: str) -> AsyncIterator[Play]:
    """Where the database's file was there is none."""
    await play.app.store.close()  # what is connected would keep it
    with _instead(Path(play.env["DATABASE_URL"].removeprefix("sqlite+aiosqlite:///")), Path.mkdir, Path.rmdir):
        yield play


@asynccontextmanager
async def no_documents(play: Play, _case: str) -> AsyncIterator[Play]:
    """The folder of documents is no folder."""
    await play.app.documents.put(b"there is one")
    with _instead(Path(play.env["DOCUMENTS_URL"]), Path.touch, Path.unlink):
        yield play


@asynccontextmanager
async def refused_login(play: Play, _case: str) -> AsyncIterator[Play]:
    """PostgreSQL has no database of the name in the settings."""
    url = make_url(play.env["DATABASE_URL"])
    server = await asyncpg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, database="postgres"
    )
    try:
        await play.app.store.close()
        await play.sql.dispose()
        await server.execute(f"ALTER DATABASE {url.database} RENAME TO mislaid")
        yield play
        await server.execute(f"ALTER DATABASE mislaid RENAME TO {url.database}")
    finally:
        await server.close()


def frozen(*names: str) -> Trouble:
    """Workers stand still over these activities until their time is over."""
    return switched(lambda play, _case: play.engine.frozen.update(names))


async def stored(play: Play, case: str) -> Path:
    """Where the case's PDF is."""
    sha256 = (await play.state(case)).invoice.sha256 or ""
    return Path(play.env["DOCUMENTS_URL"], sha256[:2], sha256[2:4], sha256)


@asynccontextmanager
async def lost_document(play: Play, case: str) -> AsyncIterator[Play]:
    """The PDF is not where it was stored."""
    with _instead(await stored(play, case), lambda path: None, lambda path: None):
        yield play


@asynccontextmanager
async def altered_document(play: Play, case: str) -> AsyncIterator[Play]:
    """The PDF is not the one that was stored."""
    with _instead(await stored(play, case), lambda path: path.write_bytes(b"%PDF-altered"), Path.unlink):
        yield play


_SERIES = "UPDATE experts SET document = json_set(document, '$.invoice_series', {}) WHERE expert_id = 'exp-1'"
no_series = changed(_SERIES.format("NULL"), _SERIES.format("'FV/{{number}}/{{month}}/{{year}}'"))
"""The expert's series is gone since the case was judged."""

_KSEF = "UPDATE experts SET document = json_set(document, '$.ksef', '{}') WHERE expert_id = 'exp-1'"
ksef = changed(_KSEF.format("required"), _KSEF.format("outside"))
"""The expert has had to issue through KSeF since the case was judged."""

_FORGOTTEN = "UPDATE experts SET expert_id = '{}' WHERE expert_id = '{}'"
no_expert = changed(_FORGOTTEN.format("gone", "exp-1"), _FORGOTTEN.format("exp-1", "gone"))
"""The expert is not in the database."""

no_bank = settings(EXCHANGE_RATES_FILE=None, NBP_BASE_URL="http://127.0.0.1:9")
"""The bank's rates are not reached."""


@asynccontextmanager
async def no_rates(play: Play, _case: str) -> AsyncIterator[Play]:
    """The worker's file has no rate of these days."""
    path = Path(play.env["EXCHANGE_RATES_FILE"])
    old = path.with_name("old.csv")
    old.write_text("date,currency,rate,table\n2020-01-02,EUR,4.2571,001/A/NBP/2020\n")
    async with play.with_settings(EXCHANGE_RATES_FILE=str(old)) as worker:
        yield worker


def taken(made: Act) -> Trouble:
    """Another document of the series, made for another case, stands under the next ordinal."""

    @asynccontextmanager
    async def broken(play: Play, case: str) -> AsyncIterator[Play]:
        other = f"{case}-b"
        await made(play, other)
        moved = "UPDATE invoices SET ordinal = ordinal + :by, full_number = full_number || :mark WHERE case_id = :case"
        await play.change(moved, by=1, mark="b", case=other)
        yield play
        await play.change(moved, by=-1, mark="b", case=other)

    return broken
