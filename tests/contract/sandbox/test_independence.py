"""The stand-ins share code with nobody: a misreading of the protocol must not agree with itself."""

import ast
import sys
from pathlib import Path

import invoicing.sandbox

ROOM = Path(invoicing.sandbox.__file__).parent
ALLOWED = {"aiohttp", "aiosmtpd", "defusedxml", "reportlab"}


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names.add(node.module or "")
    return names


def test_the_stand_ins_import_only_themselves_and_protocol_libraries() -> None:
    modules = sorted(ROOM.rglob("*.py"))
    strangers = {
        f"{path.name}: {name}"
        for path in modules
        for name in imported(path)
        if not (name == "invoicing.sandbox" or name.startswith("invoicing.sandbox."))
        and name.split(".")[0] not in ALLOWED | set(sys.stdlib_module_names)
    }

    assert len(modules) > 20
    assert strangers == set()


def test_the_room_itself_imports_nothing() -> None:
    assert imported(ROOM / "__init__.py") == set()
