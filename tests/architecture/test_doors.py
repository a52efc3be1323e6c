"""The import contracts hold, cover every room, and bite: one illegal import breaks the contract that forbids it."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOMS, ROOT

LINT = Path(sys.executable).with_name("lint-imports")

BREAKS = {
    "layers": ("invoicing/domain/money.py", "invoicing.ports"),
    "pure": ("activities/mail.py", "smtplib"),
    "adapters": ("invoicing/serving.py", "invoicing.storage.store"),
    "settings": ("invoicing/relay.py", "invoicing.settings"),
    "sandbox": ("invoicing/sandbox/page.py", "invoicing.errors"),
    "nobody-imports-the-stand-ins": ("invoicing/serving.py", "invoicing.sandbox.page"),
    "alone": ("invoicing/logs.py", "invoicing.errors"),
}
"""For each contract a file, and an import that it must not have."""

PURE_ROOMS = ("workflows/identity.py", "activities/records.py", "invoicing/ports/storage.py", "invoicing/errors.py")
IMPURE = ("aiohttp", "sqlalchemy", "reportlab", "aiosmtplib", "defusedxml", "lxml", "httpx", "smtplib", "fastapi")


def contracts() -> configparser.ConfigParser:
    read = configparser.ConfigParser()
    read.read(ROOT / ".importlinter", encoding="utf-8")
    return read


def lint(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [LINT, "--no-cache", "--no-logo", *arguments], cwd=root, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms, in which a test may break what it likes and then mend it."""
    root = tmp_path_factory.mktemp("copy")
    for room in ROOMS:
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__", "*.ttf"))
    shutil.copy(ROOT / ".importlinter", root)
    return root


def broken_by(copy: Path, file: str, module: str, contract: str) -> str:
    """What the linter says of one contract when a file gets one more import."""
    path = copy / file
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\nimport {module}\n", encoding="utf-8")
    try:
        done = lint(copy, "--contract", contract)
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_every_contract_is_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_an_import_that_breaks_it() -> None:
    ids = {name.rpartition(":")[2] for name in contracts().sections() if ":contract:" in name}
    assert set(BREAKS) == ids


@pytest.mark.parametrize(("contract", "file", "module"), [(name, *how) for name, how in BREAKS.items()])
def test_an_illegal_import_breaks_its_contract_by_name(copy: Path, contract: str, file: str, module: str) -> None:
    said = broken_by(copy, file, module, contract)
    source = file.removesuffix(".py").replace("/", ".")
    assert f"{contracts()[f'importlinter:contract:{contract}']['name']} BROKEN" in said
    assert source in said
    assert module.rpartition(".")[0] in said


@pytest.mark.parametrize("library", IMPURE)
def test_the_domain_may_not_import(copy: Path, library: str) -> None:
    said = broken_by(copy, "invoicing/domain/tax.py", library, "pure")
    assert f"invoicing.domain.tax -> {library}" in said


@pytest.mark.parametrize("file", PURE_ROOMS)
def test_a_pure_room_may_not_reach_a_library_by_a_detour(copy: Path, file: str) -> None:
    said = broken_by(copy, file, "invoicing.storage.store", "pure")
    assert "sqlalchemy" in said


def test_every_exception_has_its_reason_above_it() -> None:
    lines = (ROOT / ".importlinter").read_text(encoding="utf-8").splitlines()
    exceptions = [number for number, line in enumerate(lines) if " -> " in line]
    assert [lines[number] for number in exceptions if not lines[number - 1].strip().startswith("; ")] == []
    assert len(exceptions) <= 3, "so many exceptions are a door in the wrong place"


def test_every_room_of_the_project_stands_in_the_contracts() -> None:
    read = contracts()
    layers = (
        read["importlinter:contract:layers"]["layers"].replace("|", " ").replace("(", " ").replace(")", " ").split()
    )
    alone = read["importlinter:contract:alone"]["source_modules"].split()
    rooms = {"starter", "workflows", "activities"}
    for path in (ROOT / "invoicing").iterdir():
        if path.suffix == ".py" or (path / "__init__.py").is_file():
            rooms.add(f"invoicing.{path.stem}")
    rooms.remove("invoicing.__init__")
    assert rooms - {*layers, *alone} == set(), "give the new room its place in .importlinter"
    assert sorted({*layers} & {*alone}) == []


def test_the_stand_ins_and_their_strangers_are_told_of_every_room() -> None:
    read = contracts()
    layers = read["importlinter:contract:layers"]["layers"].replace("|", " ").split()
    rooms = {name for name in layers if not name.startswith("(")} - {"invoicing.sandbox"}
    rooms |= {"invoicing.logs", "invoicing.leaving"}
    assert set(read["importlinter:contract:sandbox"]["forbidden_modules"].split()) == rooms
    assert set(read["importlinter:contract:nobody-imports-the-stand-ins"]["source_modules"].split()) == rooms
    others = rooms - {"invoicing.logs", "invoicing.leaving"} | {"invoicing.sandbox"}
    assert set(read["importlinter:contract:alone"]["forbidden_modules"].split()) == others
