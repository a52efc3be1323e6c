"""A backup: one tar file of tables, documents and a manifest that says what must be in it.

Guarantee: the file is there whole or not at all (written beside its place, synced, renamed), readable by its owner
alone, because it holds what the database holds. The database is read before the documents: a document is stored
before any row names it and never changed, so that every named one is found. `read` believes nothing: each table and
each document is held against its digest, and what a row names must be there.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError
from sqlalchemy import Table

from invoicing.domain.backups import Manifest, TableSum
from invoicing.storage.backup import TABLES, dump, table_file
from invoicing.storage.files import FileDocumentStore
from invoicing.storage.schema import REVISION
from invoicing.storage.table_files import DAMAGED, batches, damaged

_MANIFEST = "manifest.json"
_DOCUMENT = re.compile(r"documents/([0-9a-f]{64})")
_NAMING = {"invoices": "sha256", "archive": "sha256", "experts": "logo"}
"""Columns that name documents."""


async def write(url: str, documents: FileDocumentStore, to: Path, now: datetime) -> Manifest:
    """Make a backup at a path. Raises `ConnectivityFault`, `SettingsFault`, `OSError` when the path takes no file."""
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".backup-") as scratch:
        folder = Path(scratch)
        sums = await dump(url, folder)
        part = folder / "part"
        manifest = _pack(part, folder, sums, documents, now)
        part.replace(to)
        _sync(to.parent)
    return manifest


def _pack(
    part: Path, folder: Path, sums: Mapping[str, TableSum], documents: FileDocumentStore, now: datetime
) -> Manifest:
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            named: set[str] = set()
            for name, table in TABLES.items():
                file = table_file(folder, name)
                tar.add(file, arcname=f"tables/{file.name}", filter=_anonymous)
                with file.open("rb") as opened:
                    named |= _named(table, opened, sums[name])
                file.unlink()
            stored, size = set(), 0
            for sha256, content in documents.sound():
                _add(tar, f"documents/{sha256}", content)
                stored.add(sha256)
                size += len(content)
            manifest = Manifest(
                made_at=now,
                schema_revision=REVISION,
                tables=dict(sums),
                documents=len(stored),
                document_bytes=size,
                missing=tuple(sorted(named - stored)),
            )
            _add(tar, _MANIFEST, manifest.model_dump_json(indent=1).encode())
        out.flush()
        os.fsync(out.fileno())
    return manifest


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = _anonymous(tarfile.TarInfo(name))
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _named(table: Table, file: IO[bytes], total: TableSum) -> set[str]:
    """The documents that rows of a table name; every row is read, so that the table is checked too."""
    column = _NAMING.get(table.name)
    found: set[str] = set()
    for batch in batches(file, table, total):
        if column is not None:
            found |= {row[column] for row in batch if row[column] is not None}
    return found


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Backup:
    """An opened backup, held against its manifest. Its methods raise `DataFault("backup_damaged")` for what differs."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        try:
            self._members = {member.name: member for member in tar.getmembers()}
            self.manifest = Manifest.model_validate_json(self._content(_MANIFEST))
        except (*DAMAGED, tarfile.TarError, ValidationError):
            raise damaged("it is not a whole backup of ours") from None
        wanted = {_MANIFEST, *(f"tables/{name}.jsonl.gz" for name in TABLES)}
        others = set(self._members) - wanted
        if len(self._members) != len(tar.getmembers()) or not all(map(_DOCUMENT.fullmatch, others)):
            raise damaged("it holds what does not belong there")
        if set(self.manifest.tables) != set(TABLES) or wanted - set(self._members):
            raise damaged("it lacks tables")

    def table(self, table: Table) -> Iterator[list[dict[str, Any]]]:
        """The rows of a table."""
        file = self._file(f"tables/{table.name}.jsonl.gz")
        return batches(file, table, self.manifest.tables[table.name])

    def documents(self) -> Iterator[bytes]:
        """Every document, each of them the one of its name."""
        count = 0
        for name in self._members:
            match = _DOCUMENT.fullmatch(name)
            if match is not None:
                content = self._content(name)
                if hashlib.sha256(content).hexdigest() != match[1]:
                    raise damaged(f"document {match[1]} is not the one that was stored")
                count += 1
                yield content
        if count != self.manifest.documents:
            raise damaged(f"it holds {count} documents instead of {self.manifest.documents}")

    def verify(self) -> None:
        """Read everything once; whatever the manifest promises is there."""
        named: set[str] = set()
        for table in TABLES.values():
            named |= _named(table, self._file(f"tables/{table.name}.jsonl.gz"), self.manifest.tables[table.name])
        for _content in self.documents():
            pass
        lacking = named - set(self.manifest.missing) - {name.removeprefix("documents/") for name in self._members}
        if lacking:
            raise damaged(f"{len(lacking)} documents that rows name are not in it")

    def _file(self, name: str) -> Any:
        try:
            return self._tar.extractfile(self._members[name])
        except (*DAMAGED, KeyError, tarfile.TarError):
            raise damaged(f"{name} cannot be read") from None

    def _content(self, name: str) -> bytes:
        try:
            content: bytes = self._file(name).read()
        except (*DAMAGED, tarfile.TarError):
            raise damaged(f"{name} cannot be read") from None
        return content


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """A backup to read. Raises `DataFault("backup_damaged")`, `OSError` when there is no such file."""
    with path.open("rb") as file:
        try:
            tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  # closed below; only opening is guarded
        except tarfile.TarError:
            raise damaged("it is not a tar file") from None
        with tar:
            yield Backup(tar)
