"""The PostgreSQL of the tests is a real one: reached over TCP, with a password, and gone afterwards."""

import socket

import asyncpg
import pytest

from tests.fixtures_postgres import PostgresAddress, create_database, postgres_server


async def test_asyncpg_reaches_a_new_database_and_only_with_the_password() -> None:
    with postgres_server() as address:
        url = create_database(address, "cases").replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            assert await connection.fetchval("select current_database()") == "cases"
            assert await connection.fetchval("show server_encoding") == "UTF8"
            assert await connection.fetchval("show fsync") == "on"
            await connection.execute("create extension btree_gin")  # what Temporal's visibility schema asks for
        finally:
            await connection.close()
        wrong = PostgresAddress(address.host, address.port, address.user, "not the password")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong.url("cases", "postgresql"))
    with socket.socket() as probe:
        assert probe.connect_ex((address.host, address.port)) != 0


def test_the_password_does_not_show_in_what_is_printed() -> None:
    address = PostgresAddress("127.0.0.1", 5432, "postgres", "the-password")
    assert "the-password" not in repr(address)
