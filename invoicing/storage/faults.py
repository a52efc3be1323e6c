"""What a database error means: the one place where driver errors become errors of the project's tree.

Guarantee: no driver text passes on. PostgreSQL quotes whole rows in its messages and asyncpg the refused parameter, so
only the class and the SQLSTATE (or SQLite's name of the error) are told, and nothing is chained.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError, TimeoutError

from invoicing.errors import ConnectivityFault, DataFault, InternalFault, NotFound, PaidcaseError, SettingsFault

_AWAY = ("08", "40", "53", "55P03", "57", "58", "25006", "25P03")
"""SQLSTATE classes of "not now": connection, serialization and deadlock, resources, lock, shutdown, system, standby."""
_NO_ACCESS = ("28", "3D")
_NO_SCHEMA = ("42P01", "42703", "3F")
_PASSING = {
    "ConnectionDoesNotExistError",
    "InterfaceError",
    "InternalClientError",
    "InvalidCachedStatementError",
}
"""What asyncpg raises by itself when the connection broke, or when the schema changed under a prepared statement."""
_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
}


DUPLICATE = "duplicate_row"
"""Code of the `InternalFault` for a row that must be unique; callers that know which rule it broke say so instead."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the drivers raise in the block into errors of the tree."""
    try:
        yield
    except PaidcaseError:
        raise
    except sqlite3.Error as error:  # of a statement that went to the driver directly
        raise _sqlite(error) from None
    except (SQLAlchemyError, OSError) as error:  # asyncpg lets refused and timed-out connections out as OSError
        raise meaning(error) from None  # the driver's text may quote personal data


def meaning(error: Exception) -> PaidcaseError:
    """The error of the tree for what SQLAlchemy or a driver raised."""
    if isinstance(error, (OSError, TimeoutError)):
        return _away(type(error).__name__)
    if not isinstance(error, StatementError):
        return InternalFault("database", f"the database layer failed: {type(error).__name__}")
    cause = error.orig
    if isinstance(cause, PaidcaseError):  # a column type refused the value
        return cause
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause)
    if isinstance(cause, OSError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return _away(type(cause).__name__)
    return _postgresql(error)


def _away(what: str) -> ConnectivityFault:
    return ConnectivityFault("database_unavailable", f"the database cannot be used now ({what})")


def _schema(what: str) -> SettingsFault:
    return SettingsFault(
        "database_schema", f"the schema is not the one of this version ({what}): run `python -m starter setup`"
    )


def _sqlite(error: sqlite3.Error) -> PaidcaseError:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in _SQLITE_AWAY:
        return _away(name)
    if code in {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}:
        return InternalFault(DUPLICATE, "a row that must be unique exists already")
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return _no_case()
    if code == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return _schema(name)
    return InternalFault("database", f"the database refused a statement: {name}")


def _no_case() -> NotFound:
    return NotFound("case_unknown", "the row belongs to a case that is not recorded")


def _postgresql(error: StatementError) -> PaidcaseError:
    driver = getattr(error, "driver_exception", None) or error.orig
    state = getattr(driver, "sqlstate", None) or getattr(error.orig, "sqlstate", None) or ""
    what = f"{type(driver).__name__} {state}".strip()
    if state.startswith(_AWAY):
        return _away(what)
    if state == "23505":
        return InternalFault(DUPLICATE, "a row that must be unique exists already")
    if state == "23503":
        return _no_case()
    if state == "22021":
        return DataFault("bad_characters", message="a text holds characters that cannot be stored")
    if state.startswith(_NO_ACCESS):
        return SettingsFault("database_url", f"the database refused the login ({what})")
    if state.startswith(_NO_SCHEMA):
        return _schema(what)
    if type(driver).__name__ in _PASSING:
        return _away(what)
    return InternalFault("database", f"the database refused a statement: {what}")
