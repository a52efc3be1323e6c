"""Documents as files: whole or absent, stored once, verified."""

import asyncio
import hashlib
import os
import stat
from pathlib import Path

import pytest

from invoicing.errors import ConnectivityFault, InternalFault, NotFound, SettingsFault
from invoicing.storage.files import FileDocumentStore

PDF = b"%PDF-1.4\x00\xff"
SHA256 = hashlib.sha256(PDF).hexdigest()


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_a_document_is_kept_under_its_hash_in_two_folders(tmp_path: Path) -> None:
    store = FileDocumentStore(str(tmp_path / "new" / "documents"))
    assert await store.put(PDF) == SHA256
    assert await store.put(PDF) == SHA256
    assert await store.get(SHA256) == PDF
    assert _files(tmp_path) == [f"new/documents/{SHA256[:2]}/{SHA256[2:4]}/{SHA256}"]


async def test_many_writers_of_one_document_store_it_once(tmp_path: Path) -> None:
    store = FileDocumentStore(tmp_path.as_uri())
    assert set(await asyncio.gather(*(store.put(PDF) for _ in range(8)))) == {SHA256}
    assert len(_files(tmp_path)) == 1


async def test_an_altered_document_is_not_given_out_and_is_healed_by_storing_it_again(tmp_path: Path) -> None:
    store = FileDocumentStore(str(tmp_path))
    path = tmp_path / SHA256[:2] / SHA256[2:4] / SHA256
    await store.put(PDF)
    path.write_bytes(PDF + b"!")
    with pytest.raises(InternalFault) as caught:
        await store.get(SHA256)
    assert caught.value.code == "document_altered"
    await store.put(PDF)
    assert await store.get(SHA256) == PDF


@pytest.mark.parametrize("address", [SHA256, "", "../../etc/passwd", SHA256.upper(), "é" * 64, SHA256[:63] + "\x00"])
async def test_an_unknown_address_is_not_found(tmp_path: Path, address: str) -> None:
    with pytest.raises(NotFound):
        await FileDocumentStore(str(tmp_path)).get(address)


async def test_everything_is_synced_before_the_name_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "content")
        fsync(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    store = FileDocumentStore(str(tmp_path))
    await store.put(b"another, so that the folders exist")
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    await store.put(PDF)
    assert steps[-3:] == ["content", "rename", "folder"]


async def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    store = FileDocumentStore(str(tmp_path))
    await store.put(b"another, so that the folders exist")
    before = _files(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConnectivityFault) as caught:
        await store.put(PDF)
    monkeypatch.undo()
    assert (caught.value.code, _files(tmp_path)) == ("document_store", before)
    with pytest.raises(NotFound):
        await store.get(SHA256)


@pytest.mark.parametrize("url", ["s3://bucket/x", "https://example.com/", "file://server/share", "file://", ""])
def test_other_places_are_refused(url: str) -> None:
    with pytest.raises(SettingsFault):
        FileDocumentStore(url)
