"""Alembic's entry: runs the migrations on the connection that `invoicing.storage.schema` opened and locked."""

from __future__ import annotations

from alembic import context

from invoicing.storage import brownout_tables  # noqa: F401  # a module of tables adds itself to the metadata
from invoicing.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
