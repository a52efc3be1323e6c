"""Where the project's files are, for the tests that read them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("workflows", "activities", "starter", "invoicing")
"""What goes into the image and the wheel, beside worker.py."""


def sources(*folders: str, root: Path = ROOT) -> list[Path]:
    """Python files below the folders, in one order."""
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def product(root: Path = ROOT) -> list[Path]:
    """Every Python file that runs in production."""
    return [root / "worker.py", *sources(*ROOMS, root=root)]


def everything(root: Path = ROOT) -> list[Path]:
    """Every Python file that belongs to the project."""
    return [*product(root), *sources("tests", "bench", "tools", "examples", "deploy", root=root)]


def relative(path: Path) -> str:
    """The name of a file as people say it."""
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path, root: Path = ROOT) -> str:
    """The import name of a file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that a file imports, wherever the statement stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
