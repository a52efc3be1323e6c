"""Filling a database and a document folder from a backup.

Guarantee: nothing is written before the whole backup was read and found right. Documents come first, because they are
found by their content and harm nobody; then the tables in one transaction. Whatever goes wrong, the database is as it
was.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from invoicing.domain.backups import Manifest
from invoicing.errors import SettingsFault
from invoicing.ports import Clock
from invoicing.storage.backup import load
from invoicing.storage.backup_file import opened, write
from invoicing.storage.files import FileDocumentStore
from invoicing.storage.schema import REVISION, upgrade

SIGNS_COUNT_FOR = timedelta(seconds=35)
"""Processes give a sign of life every ten seconds; after three missed ones they count as gone."""


class Backups:
    """Making and restoring backups of one database and one folder of documents."""

    def __init__(self, url: str, documents: FileDocumentStore, clock: Clock) -> None:
        self._url = url
        self._documents = documents
        self._clock = clock

    async def make(self, to: Path) -> Manifest:
        """Write a backup that is there whole or not at all. Raises `OSError` when the path takes no file."""
        return await write(self._url, self._documents, to, self._clock())

    def verify(self, path: Path) -> Manifest:
        """Hold a backup against its manifest. Raises `DataFault("backup_damaged")`, `OSError`."""
        return verified(path)

    async def restore(self, path: Path, *, replace: bool) -> Manifest:
        """Fill database and folder, as `restore` of this module says."""
        seen_since = self._clock() - SIGNS_COUNT_FOR
        return await restore(self._url, self._documents, path, replace=replace, seen_since=seen_since)


def verified(path: Path) -> Manifest:
    """The manifest of a backup that holds what it says. Raises `DataFault("backup_damaged")`, `OSError`."""
    with opened(path) as backup:
        backup.verify()
        return backup.manifest


async def restore(
    url: str, documents: FileDocumentStore, path: Path, *, replace: bool, seen_since: datetime
) -> Manifest:
    """Create the schema where there is none, and fill it; `replace` takes away what is there.

    Raises `DataFault("backup_damaged")`, `SettingsFault("backup_schema")` for a backup of another version, and
    `NotAllowed`: `database_not_empty`, `processes_running` when one was seen since that time.
    """
    manifest = verified(path)
    if manifest.schema_revision != REVISION:
        raise SettingsFault(
            "backup_schema",
            f"the backup has schema {manifest.schema_revision}, this version has {REVISION}: "
            "restore with the version that made it, then run `python -m starter setup` of this one",
        )
    await upgrade(url)
    with opened(path) as backup:
        for content in backup.documents():
            await documents.put(content)
        await load(url, backup.table, replace=replace, seen_since=seen_since)
    return manifest
