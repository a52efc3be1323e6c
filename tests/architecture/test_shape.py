"""The shape of the house: sizes, names, the front door, suppressions, and whose `workflows` is imported."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import activities
import workflows
from tests.architecture.tree import ROOMS, ROOT, everything, imported, parse, product, relative

LONGEST = 400
EXPLAIN_ABOVE = 250

WITHOUT_END = ("invoicing/storage/migrations/versions/", "invoicing/locale/")
"""Migrations and tables of texts are as long as what they list."""

EXPLAINED = {
    "activities/payments.py": "one capability with one intent protocol: opening and settling share it",
    "activities/reconciliation.py": "one comparison: where cases are found, what is asked, what becomes of the answer",
    "invoicing/gateways/autopay/client.py": "three calls of one protocol and the one judgement of their answers",
    "invoicing/bootstrap.py": "the composition root: every adapter and every activity is named once, here",
    "invoicing/deciding.py": "one door for everything that people may decide, each act one transaction",
    "invoicing/domain/records.py": "the records of the database side by side, each a few lines",
    "invoicing/intake.py": "one door for everything that callers may ask for, each act one transaction",
    "invoicing/ports/storage.py": "one database is one port: its exam reads it from top to bottom",
    "invoicing/relay.py": "one delivery: claiming, handing over, and what a run is started with",
    "invoicing/sandbox/autopay/ledger.py": "the state of the Autopay stand-in, one table of transitions",
    "invoicing/settings.py": "every setting with its parser, so that one message can name every fault",
    "invoicing/storage/store.py": "every call of one port, each a transaction of its own in two lines",
    "invoicing/storage/tables.py": "the schema, one table after the other",
    "workflows/paid_case.py": "one workflow class is one story and stays in one file",
}
"""Modules above 250 lines, each with the reason why it is not two."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "service", "base", "misc"}

ROOT_FOLDERS = {
    "workflows",
    "activities",
    "starter",
    "invoicing",
    "tests",
    "bench",
    "docs",
    "tools",
    "deploy",
    "examples",
}
ROOT_FILES = {
    "worker.py", "pyproject.toml", "constraints.txt", "Makefile", "Dockerfile", "docker-compose.yml", "README.md",
    "CHANGELOG.md", ".importlinter", ".gitignore", ".editorconfig", ".dockerignore", ".env.example",
}  # fmt: skip

OF_THE_WORKER = {
    "__future__",
    "os",
    "sys",
    "invoicing.bootstrap",
    "invoicing.errors",
    "invoicing.leaving",
    "invoicing.logs",
    "invoicing.serving",
    "invoicing.settings",
}

SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma|mypy:|ruff:|pylint|nosec)")
EXCUSED = re.compile(
    r"#\s*(noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*|type: ignore\[[a-z-]+(, ?[a-z-]+)*\]|pragma: no cover)"
    r"\s+(#|-)\s*\S+"
)


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def unexcused(text: str) -> list[int]:
    """Lines whose suppression lacks its code or its reason."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
    return [number for number, said in comments if SUPPRESSION.search(said) and not EXCUSED.search(said)]


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = {relative(path): lines(path) for path in everything() if lines(path) > LONGEST}
    assert {name: count for name, count in long.items() if not name.startswith(WITHOUT_END)} == {}


def test_every_module_above_two_hundred_and_fifty_lines_is_explained() -> None:
    long = {relative(path) for path in product() if lines(path) > EXPLAIN_ABOVE}
    assert {name for name in long if not name.startswith(WITHOUT_END)} - set(EXPLAINED) == set(), "split it, or say why"


def test_only_modules_that_exist_are_explained() -> None:
    assert [name for name in EXPLAINED if not (ROOT / name).is_file()] == []


def test_the_worker_is_a_front_door_of_at_most_sixty_lines() -> None:
    assert lines(ROOT / "worker.py") <= 60
    assert set(imported(parse(ROOT / "worker.py"))) <= OF_THE_WORKER


def test_no_file_is_named_after_nothing() -> None:
    assert [relative(path) for path in everything() if path.stem in FORBIDDEN_NAMES] == []
    assert [relative(path.parent) for path in everything() if path.parent.name in FORBIDDEN_NAMES] == []


def test_the_root_holds_what_the_map_names() -> None:
    for name in ROOT_FILES:
        assert (ROOT / name).is_file(), name
    python = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert {name for name in python if not name.startswith(".") and name not in {"var", "dist"}} <= ROOT_FOLDERS


@pytest.mark.parametrize("room", ["workflows", "activities"])
def test_a_front_package_imports_nothing_by_itself(room: str) -> None:
    assert list(imported(parse(ROOT / room / "__init__.py"))) == []


def test_the_workflows_and_activities_that_are_imported_are_ours() -> None:
    why = "another package of that name is in the way: run from the repository root, and not with -P"
    assert Path(str(workflows.__file__)).is_relative_to(ROOT), why
    assert Path(str(activities.__file__)).is_relative_to(ROOT), why


def test_every_room_is_a_package() -> None:
    folders = {path.parent for path in product() if path.parent != ROOT}
    assert [
        relative(folder) for folder in folders if not (folder / "__init__.py").is_file() and not _of_alembic(folder)
    ] == []


def _of_alembic(folder: Path) -> bool:
    return "migrations" in folder.parts


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path for path in product() if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(parse(path))
    ]
    assert [relative(path) for path in silent] == []


def test_no_import_is_relative() -> None:
    found = [
        relative(path)
        for path in everything()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert found == []


def test_every_suppression_has_its_code_and_its_reason() -> None:
    found = {relative(path): unexcused(path.read_text(encoding="utf-8")) for path in everything()}
    assert {name: at for name, at in found.items() if at} == {}


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S603",
        "# noqa  # the user's own go",
        "# type: ignore",
        "# type: ignore  # stubs are wrong",
        "# type: ignore[attr-defined]",
        "# pragma: no cover",
        "# mypy: ignore-errors",
        "# ruff: noqa: S101",
    ],
)
def test_a_suppression_without_code_or_reason_is_found(comment: str) -> None:
    assert unexcused(f"x = 1  {comment}\n") == [1]


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa: S603  # the user's own go",
        "x = 1  # noqa: N802 - aiosmtpd finds its hooks by these names",
        "x = 1  # type: ignore[attr-defined]  # missing in the stubs",
        "x = 'a text # noqa is no comment'",
        "x = 1  # an ordinary comment",
    ],
)
def test_an_excused_suppression_passes(line: str) -> None:
    assert unexcused(f"{line}\n") == []


def test_nothing_of_this_house_is_imported_from_the_rooms_of_others() -> None:
    """Production code imports neither tests, tools, bench nor examples: they are not in the image."""
    elsewhere = {"tests", "tools", "bench", "examples", "deploy"}
    found = {
        relative(path): sorted(names)
        for path in product()
        if (names := {name.split(".")[0] for name in imported(parse(path))} & elsewhere)
    }
    assert found == {}


def test_the_wheel_and_the_image_hold_the_same_rooms() -> None:
    wheel = re.search(r"^only-include = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert wheel
    assert set(re.findall(r'"([^"]+)"', wheel[1])) == {*ROOMS, "worker.py"}
