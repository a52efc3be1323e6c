"""What a store sends to its driver, by SQLAlchemy or directly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, event

from invoicing.storage.one_hop import OneHopConnection
from invoicing.storage.store import SqlCaseStore


@contextmanager
def sent_by(store: SqlCaseStore) -> Iterator[list[tuple[str, Any]]]:
    """Statements with their parameters, in their order."""
    sent: list[tuple[str, Any]] = []
    executed = OneHopConnection.executed

    def note(_connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    async def noted(self: OneHopConnection, statement: str, parameters: Any, *, many: bool) -> tuple[list[Any], int]:
        sent.append((statement, parameters))
        return await executed(self, statement, parameters, many=many)

    engine = store._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        with patch.object(OneHopConnection, "executed", noted):
            yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
