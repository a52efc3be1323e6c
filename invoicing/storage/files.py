"""Documents as content-addressed files.

A document's name is the SHA-256 of its bytes, below two folders of two digits each, so that equal content is stored
once and no folder grows large. Written to a temporary name, fsynced, renamed, and the folder fsynced: after a crash at
any point a document is there whole or not at all. Reading verifies the bytes against their name.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from invoicing.errors import ConnectivityFault, InternalFault, NotFound, SettingsFault

_ADDRESS = re.compile(r"[0-9a-f]{64}")


class FileDocumentStore:
    """Documents below one folder, given as a path or a `file://` address."""

    def __init__(self, url: str) -> None:
        self._root = _folder(url)

    async def put(self, content: bytes) -> str:
        """Store durably and return the SHA-256 in hex; `ConnectivityFault` when the disk does not take it."""
        return await asyncio.to_thread(self._put, content)

    async def get(self, sha256: str) -> bytes:
        """The bytes, verified against their address."""
        return await asyncio.to_thread(self._get, sha256)

    def sound(self) -> Iterator[tuple[str, bytes]]:
        """Address and bytes of every document that is there as it was stored; a damaged one is passed over."""
        for path in sorted(self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")):
            if _ADDRESS.fullmatch(path.name):
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() == path.name:
                    yield path.name, content

    def _put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        try:
            if not self._holds(path, content):
                self._write(path, content)
        except OSError as error:
            raise _unusable(error) from None
        return sha256

    def _get(self, sha256: str) -> bytes:
        if not _ADDRESS.fullmatch(sha256):
            raise NotFound("document_unknown", "no document has this address")
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound("document_unknown", "no document has this address") from None
        except OSError as error:
            raise _unusable(error) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise InternalFault("document_altered", f"the stored document {sha256} is not the one that was stored")
        return content

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def _holds(self, path: Path, content: bytes) -> bool:
        """Whether the document is there, unaltered; a damaged file is written again."""
        try:
            return path.read_bytes() == content
        except FileNotFoundError:
            return False

    def _write(self, path: Path, content: bytes) -> None:
        self._make_folder(path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync(path.parent)

    def _make_folder(self, folder: Path) -> None:
        """A new folder is durable only when the one above it was synced."""
        if folder.is_dir():
            return
        if folder != folder.parent:
            self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    if "://" not in url and not parts.scheme and url and "\x00" not in url:
        return Path(url).expanduser().absolute()
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.strip("/") and not parts.query:
        return Path(unquote(parts.path))
    raise SettingsFault("documents_url", "DOCUMENTS_URL must be a path or a file:// address of a folder")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(error: OSError) -> ConnectivityFault:
    return ConnectivityFault("document_store", f"the document folder cannot be used now ({type(error).__name__})")
