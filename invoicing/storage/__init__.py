"""The database and the document folder: adapters of the storage ports for SQLite and PostgreSQL."""
