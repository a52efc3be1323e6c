#!/bin/sh
# Creates both of Temporal's databases and brings their schemas up to date. Repeatable: each line does nothing the second
# time. The address and the role come as SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD, so that no password is on a
# command line. The same commands as schema_commands in tools/temporal/real_server.py; a test compares them.
set -eu

prepare() {
    temporal-sql-tool --plugin "$DB" --db "$1" create-database --defaultdb postgres
    temporal-sql-tool --plugin "$DB" --db "$1" setup-schema --version 0.0
    temporal-sql-tool --plugin "$DB" --db "$1" update-schema --schema-name "postgresql/v12/$2"
}

prepare "$DBNAME" temporal
prepare "$VISIBILITY_DBNAME" visibility
