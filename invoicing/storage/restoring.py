"""Filling a database and a document folder from a backup.

Guarantee: nothing is written before the whole backup was read and found right. Documents come first, because they are
found by their content and harm nobody; then the tables in one transaction. Whatever goes wrong, the database is as it
was.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from invoicing.errors import SettingsFault
from invoicing.storage.backup import load
from invoicing.storage.backup_file import Manifest, opened
from invoicing.storage.files import FileDocumentStore
from invoicing.storage.schema import REVISION, upgrade


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
