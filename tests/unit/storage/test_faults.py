"""What each database error means to the project."""

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError, StatementError, TimeoutError

from invoicing.errors import ConnectivityFault, DataFault, InternalFault, NotFound, PaidcaseError, SettingsFault
from invoicing.storage.faults import meaning, translated


class FromServer(Exception):
    """What a PostgreSQL driver raises: an error with a SQLSTATE."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("Key (recipient)=(anna@example.com) already exists")
        self.sqlstate = sqlstate


def _of_server(sqlstate: str) -> DBAPIError:
    return DBAPIError("INSERT …", {}, FromServer(sqlstate))


@pytest.mark.parametrize(
    ("sqlstate", "expected", "code"),
    [
        ("08006", ConnectivityFault, "database_unavailable"),
        ("40001", ConnectivityFault, "database_unavailable"),
        ("40P01", ConnectivityFault, "database_unavailable"),
        ("53300", ConnectivityFault, "database_unavailable"),
        ("55P03", ConnectivityFault, "database_unavailable"),
        ("57P01", ConnectivityFault, "database_unavailable"),
        ("57P03", ConnectivityFault, "database_unavailable"),
        ("25006", ConnectivityFault, "database_unavailable"),
        ("25P03", ConnectivityFault, "database_unavailable"),
        ("28P01", SettingsFault, "database_url"),
        ("3D000", SettingsFault, "database_url"),
        ("42P01", SettingsFault, "database_schema"),
        ("42703", SettingsFault, "database_schema"),
        ("22021", DataFault, "bad_characters"),
        ("23503", NotFound, "case_unknown"),
        ("23505", InternalFault, "duplicate_row"),
        ("23502", InternalFault, "database"),
        ("42601", InternalFault, "database"),
    ],
)
def test_a_sqlstate_means(sqlstate: str, expected: type[PaidcaseError], code: str) -> None:
    found = meaning(_of_server(sqlstate))
    assert (type(found), found.code) == (expected, code)
    assert "anna" not in str(found)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), ConnectivityFault),
        (OSError("no route"), ConnectivityFault),
        (TimeoutError("QueuePool limit reached"), ConnectivityFault),
        (InvalidRequestError("a transaction is already begun"), InternalFault),
        (StatementError("refused by a column", "INSERT …", {}, DataFault("bad_characters")), DataFault),
    ],
)
def test_an_error_of_the_layers_means(error: Exception, expected: type[PaidcaseError]) -> None:
    assert type(meaning(error)) is expected


def test_sqlite_errors_mean_by_their_own_code() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT NOT NULL)")
    connection.execute("INSERT INTO t VALUES ('anna', 'x')")
    found = {}
    for statement in (
        "INSERT INTO t VALUES ('anna', 'y')",
        "INSERT INTO t VALUES ('b', NULL)",
        "SELECT * FROM missing",
        "SELECT missing FROM t",
        "SELEC",
    ):
        with pytest.raises(sqlite3.Error) as caught:
            connection.execute(statement)
        found[statement] = meaning(DBAPIError(statement, {}, caught.value)).code
    connection.close()
    assert list(found.values()) == ["duplicate_row", "database", "database_schema", "database_schema", "database"]


def test_errors_of_the_tree_pass_and_nothing_is_chained() -> None:
    with pytest.raises(NotFound) as own, translated():
        raise NotFound("case_unknown")
    assert own.value.code == "case_unknown"
    with pytest.raises(InternalFault) as foreign, translated():
        raise _of_server("23505")
    assert (foreign.value.__cause__, foreign.value.__suppress_context__) == (None, True)


def test_a_fault_of_the_caller_is_not_taken_for_one_of_the_database() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("case")
