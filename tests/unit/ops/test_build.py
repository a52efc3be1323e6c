"""The build id is the same for the same sources and changes with each that a replay runs through."""

import shutil
from pathlib import Path

import pytest

from invoicing.build import SOURCES, build_id
from tests.architecture.tree import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_copy_of_the_sources_has_the_same_build_id_also_with_other_line_ends(copy: Path) -> None:
    assert build_id(copy) == build_id()
    path = copy / "workflows" / "identity.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert build_id(copy) == build_id()


@pytest.mark.parametrize("name", ["workflows/acts.py", "activities/mail.py", "invoicing/domain/state.py"])
def test_a_change_of_what_a_replay_runs_through_is_another_build(copy: Path, name: str) -> None:
    (copy / name).write_text((copy / name).read_text(encoding="utf-8") + "\nx = 1\n", encoding="utf-8")
    assert build_id(copy) != build_id()


def test_a_file_more_or_under_another_name_is_another_build(copy: Path) -> None:
    (copy / "workflows" / "acts.py").rename(copy / "workflows" / "zacts.py")
    renamed = build_id(copy)
    (copy / "workflows" / "more.py").touch()
    assert len({build_id(), renamed, build_id(copy)}) == 3
