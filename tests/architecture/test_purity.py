"""Workflows and the domain know no clock, chance, environment or file; no binary fraction is near money.

Workflows run outside the SDK's sandbox, so nothing but these tests keeps a replay from meeting another world.
"""

import ast
import textwrap

import pytest

from tests.architecture.tree import parse, relative, sources

PURE = ("workflows", "invoicing/domain")
EXACT = ("invoicing/domain", "invoicing/storage", "invoicing/gateways", "activities", "workflows")

MODULES = frozenset(
    "_thread concurrent ctypes fcntl glob http io logging mmap multiprocessing os pathlib platform queue random "
    "secrets select selectors shutil signal socket sqlite3 ssl subprocess sys tempfile threading time "
    "urllib.request uuid".split()
)
"""Modules of the standard library that see or change the world outside."""

CALLS = frozenset("open input print exec eval compile hash id globals __import__ breakpoint".split())
"""Built-in functions that do, or whose answer differs from process to process."""

METHODS = frozenset(
    "now utcnow today read_text read_bytes write_text write_bytes getenv environ urandom uuid1 uuid4 "
    "to_thread run_in_executor as_completed".split()
)
"""Names after a dot that do, whatever they are called on, but for Temporal's own."""

SECONDS = frozenset("patience within command_timeout elapsed _kept KEPT_ALIVE quit".split())
"""Waits, which may be binary fractions: they are seconds on a process's clock and never money. Names of variables and
parameters, and of functions that take nothing else."""


def impurities(tree: ast.Module) -> list[str]:
    """What the file must not do, each with its line."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            above = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names = [f"{above}{alias.name}" for alias in node.names]
            found += [(node.lineno, f"import {name}") for name in names if _is_banned(name)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            found.append((node.lineno, f"{node.func.id}()"))
        if isinstance(node, ast.Attribute) and node.attr in METHODS and not _of_temporal(node):
            found.append((node.lineno, f".{node.attr}"))
        if isinstance(node, ast.Attribute) and node.attr == "wait" and _name(node.value) == "asyncio":
            found.append((node.lineno, "asyncio.wait"))
    return [f"line {line}: {what}" for line, what in sorted(set(found))]


def fractions(tree: ast.Module) -> list[str]:
    """Where a file speaks of binary fractions, but for waits in seconds."""
    waits = {id(part) for node in ast.walk(tree) for wait in _waits(node) for part in ast.walk(wait)}
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if id(node) in waits:
            continue
        if isinstance(node, ast.Name) and node.id == "float":
            found.append((node.lineno, "float"))
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append((node.lineno, repr(node.value)))
    return [f"line {line}: {what}" for line, what in sorted(found)]


def _is_banned(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[: n + 1]) in MODULES for n in range(len(parts)))


def _waits(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that may speak of seconds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        plain = [*node.args.posonlyargs, *node.args.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = list(
            zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        )
        pairs += [(arg, None) for arg in plain[: len(plain) - len(node.args.defaults)]]
        pairs += zip(plain[len(plain) - len(node.args.defaults) :], node.args.defaults, strict=True)
        return [part for arg, default in pairs if arg.arg in SECONDS for part in (arg, default) if part is not None]
    if isinstance(node, ast.AnnAssign) and _last(node.target) in SECONDS:
        return [node]
    if isinstance(node, ast.Assign) and all(_last(target) in SECONDS for target in node.targets):
        return [node.value]
    return [*node.args] if isinstance(node, ast.Call) and _last(node.func) in SECONDS else []


def _of_temporal(node: ast.Attribute) -> bool:
    return _name(node.value) == "workflow"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else _name(node)


def test_workflows_and_domain_are_pure() -> None:
    files = sources(*PURE)
    assert len(files) > 15
    assert {relative(path): found for path in files if (found := impurities(parse(path)))} == {}


def test_no_binary_fraction_is_near_money() -> None:
    files = sources(*EXACT)
    assert len(files) > 40
    assert {relative(path): found for path in files if (found := fractions(parse(path)))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "from datetime import datetime\nstamp = datetime.now()",
        "import datetime\nstamp = datetime.datetime.utcnow()",
        "from datetime import date\nday = date.today()",
        "import time\nmoment = time.monotonic()",
        "from time import monotonic",
        "import random",
        "from random import choice",
        "import secrets",
        "from uuid import uuid4",
        "import uuid",
        "import os",
        "from os import environ",
        "import os.path",
        "from pathlib import Path",
        "text = open('x')",
        "text = folder.read_text()",
        "folder.write_bytes(b'')",
        "import socket",
        "import subprocess",
        "import threading",
        "from urllib.request import urlopen",
        "from urllib import request",
        "key = hash('x')",
        "print('x')",
        "import asyncio\nasyncio.to_thread(f)",
        "import asyncio\nasyncio.wait(tasks)",
        "def late():\n    import os",
    ],
)
def test_each_ban_bites(code: str) -> None:
    assert impurities(ast.parse(code)) != []


@pytest.mark.parametrize(
    "code",
    [
        "from temporalio import workflow\nstamp = workflow.now()",
        "from temporalio import workflow\nkey = workflow.uuid4()",
        "from datetime import timedelta\npause = timedelta(seconds=1)",
        "from urllib.parse import urlsplit",
    ],
)
def test_what_is_deterministic_is_allowed(code: str) -> None:
    assert impurities(ast.parse(code)) == []


@pytest.mark.parametrize(
    "code",
    [
        "amount = float('1.10')",
        "rate = 0.23",
        "def pay(amount: float) -> None: ...",
        "def pay(amount: Decimal = 0.1) -> None: ...",
        "total: dict[str, float] = {}",
        "ok = isinstance(value, float)",
    ],
)
def test_the_ban_on_binary_fractions_bites(code: str) -> None:
    assert fractions(ast.parse(code)) != []


def test_a_wait_in_seconds_may_be_a_fraction_and_nothing_else_in_its_function() -> None:
    wait = "def wait(patience: float = 0.5) -> None: ..."
    assert fractions(ast.parse(wait)) == []
    code = textwrap.dedent(
        """
        def wait(patience: float = 0.5) -> None:
            amount = 1.5
        """
    )
    assert fractions(ast.parse(code)) == ["line 3: 1.5"]
