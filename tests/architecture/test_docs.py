"""What the documents say is what the code does: settings, commands, calls, targets, map, names, links, decisions."""

import argparse
import ast
import inspect
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_type_hints

import pytest
from pydantic import BaseModel

from invoicing.bootstrap import DEFAULT_TEMPORAL
from invoicing.domain.state import Step
from invoicing.settings import DEFAULTS, WITHOUT_DEFAULT
from invoicing.web.app import create_app
from invoicing.web.parts import WebParts
from starter.__main__ import COMMANDS, parser
from tests.architecture.documents import block, documents, section, tables, text
from tests.architecture.tree import ROOT, module_name, parse, product, relative, sources
from workflows import identity

README = text("README.md")
TEMPORAL = {"TEMPORAL_ADDRESS": DEFAULT_TEMPORAL, "TEMPORAL_NAMESPACE": "default", "TEMPORAL_API_KEY": ""}
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))


def named(decorator: str, *folders: str) -> set[str]:
    """Names that a decorator of Temporal gives, or the function's own where it gives none."""
    found: set[str] = set()
    for path in sources(*folders):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for one in node.decorator_list:
                    call = one.func if isinstance(one, ast.Call) else one
                    if ast.unparse(call) == decorator:
                        given = [k.value for k in one.keywords if k.arg == "name"] if isinstance(one, ast.Call) else []
                        found.add(str(cast(ast.Constant, given[0]).value) if given else node.name)
    return found


def test_the_settings_table_is_the_settings() -> None:
    (table,) = tables(section(README, "Settings"))
    shown = {row["name"]: row["default"] for row in table}
    assert shown == {**TEMPORAL, **DEFAULTS, **dict.fromkeys(WITHOUT_DEFAULT, "")}
    assert len(shown) == len(table)


def test_the_commands_table_is_the_commands() -> None:
    commands, _ = tables(section(README, "Commands"))
    shown = {row["command"] for row in commands}
    assert shown == {
        "python worker.py",
        "python -m invoicing.web",
        *(f"python -m starter {name}" for name in COMMANDS),
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_table_is_there(command: str) -> None:
    made, module = parser(command)
    assert module is not None
    assert callable(module.run)
    (choices,) = [a.choices for a in made._actions if isinstance(a, argparse._SubParsersAction)]
    assert "--json" in cast(dict[str, argparse.ArgumentParser], choices)[command].format_help()


@pytest.mark.parametrize("said", re.findall(r"^(?:python|docker compose run \S+ --no-deps (?:-T )?worker python) .*$",
                                            text("docs/operations.md"), re.MULTILINE))  # fmt: skip
def test_a_command_line_of_the_operations_page_names_what_exists(said: str) -> None:
    words = said.partition("python ")[2].split("#")[0].split()
    if words[0] == "-m":
        path = ROOT / words[1].replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
        assert words[1] != "starter" or words[2] in COMMANDS
    else:
        assert (ROOT / words[0]).is_file()


def test_the_make_tables_are_the_targets() -> None:
    _, targets = tables(section(README, "Commands"))
    real = set(re.findall(r"^([a-z]+):.*## ", text("Makefile"), re.MULTILINE)) - {"help"}
    assert {row["make target"] for row in targets} == {f"make {name}" for name in real}


def test_the_quick_start_is_two_commands_of_the_makefile() -> None:
    words = [line.split("#")[0].strip() for line in block(README, "sh").splitlines()]
    assert words == ["make demo", "make test"]


def test_the_calls_table_is_the_openapi_document() -> None:
    app = create_app(cast(WebParts, SimpleNamespace(clock=lambda: datetime.now(UTC))))
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    real = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    (table,) = tables(section(README, "HTTP API"))
    assert {row["call"] for row in table} == real


def test_the_picture_shows_the_five_activities_in_their_order() -> None:
    picture = block(README, "mermaid")
    chain = next(line for line in picture.splitlines() if "relay --> " in line)
    assert re.findall(r"[a-z]+_[a-z_]+|charge", chain) == [step.value for step in Step]
    drawn = set(re.findall(r"\b(?:[a-z]+_[a-z_]+|charge)\b", picture))
    assert drawn == {step.value for step in Step}


def test_the_map_is_the_tree() -> None:
    lines = block(section(README, "Where things are")).splitlines()
    top = {match[1].rstrip("/") for line in lines if (match := re.match(r"(\S+)", line))}
    rooms = {match[1].rstrip("/") for line in lines if (match := re.match(r"  (\S+)", line))}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and _is_ours(path)}
    assert top == {*folders, "worker.py"}
    inner = {path.name for path in (ROOT / "invoicing").iterdir() if path.is_dir() and _is_ours(path)}
    assert rooms == inner


def _is_ours(folder: Path) -> bool:
    hidden = folder.name.startswith((".", "_")) or folder.name in {"var", "dist"}
    return not hidden and any(path.suffix in {".py", ".md", ".json"} for path in folder.rglob("*"))


@pytest.mark.parametrize("path", documents(), ids=relative)
def test_every_link_within_the_project_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", documents(), ids=relative)
def test_every_file_that_a_document_names_is_there(path: Path) -> None:
    rooms = "docs|tests|tools|deploy|invoicing|workflows|activities|examples"
    said = re.findall(rf"`((?:{rooms})/[\w./-]*|\.importlinter)`", path.read_text(encoding="utf-8"))
    assert [name for name in said if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", ADRS, ids=relative)
def test_a_decision_is_one_page_in_five_parts(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings == ["Context", "Decision", "Alternatives", "Consequence", "Check"]
    assert page.startswith(f"# {path.stem[:4]} ")
    assert len(page.splitlines()) <= 60
    assert len(re.findall(r"^- ", section(page, "Alternatives"), re.MULTILINE)) >= 2
    assert re.search(r"`tests/\S+\.py`", section(page, "Check"))


def test_the_readme_lists_every_decision_by_its_title() -> None:
    wanted = [f"- [{path.read_text(encoding='utf-8').splitlines()[0][2:]}](docs/adr/{path.name})" for path in ADRS]
    assert re.findall(r"^- \[\d{4} .*$", README, re.MULTILINE) == wanted
    assert [path.name[:4] for path in ADRS] == [f"{n:04}" for n in range(1, len(ADRS) + 1)]


def test_the_page_of_names_has_every_name_and_no_other() -> None:
    page = section(text("docs/adr/0003-names.md"), "Decision")
    activities, signals, updates = (
        named("activity.defn", "activities"),
        named("workflow.signal", "workflows"),
        named("workflow.update", "workflows"),
    )
    assert {step.value for step in Step} < activities
    attributes = {key.name for key in identity.SEARCH_ATTRIBUTES}
    acts = identity.case_action_id("{case_id}", 7).replace("7", "{n}")
    types, ids = named("workflow.defn", "workflows"), {identity.paid_case_id("{case_id}"), acts, identity.TASK_QUEUE}
    ids |= {
        identity.reconcile_id("{date}"),
        identity.RECONCILE_SCHEDULE,
        identity.sweep_id("{date}"),
        identity.SWEEP_SCHEDULE,
    }
    assert set(re.findall(r"`([^`]+)`", page)) == activities | signals | updates | attributes | types | ids


def test_every_activity_and_signal_has_one_frozen_model_as_its_argument() -> None:
    checked: set[str] = set()
    for path in sources("activities", "workflows"):
        module = import_module(module_name(path))
        for cls in [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]:
            for name, call in inspect.getmembers(cls, inspect.isfunction):
                if not any(mark.startswith(("__temporal_", "_defn")) for mark in vars(call)):
                    continue
                hints = get_type_hints(call)
                result = hints.pop("return")
                assert len(hints) == 1, f"{cls.__name__}.{name} has {len(hints)} arguments"
                for model in (*hints.values(), *([result] if result is not type(None) else [])):
                    assert issubclass(model, BaseModel), f"{cls.__name__}.{name}: {model}"
                    assert model.model_config.get("frozen"), f"{model.__name__} is not frozen"
                checked.add(name)
    signals, updates = named("workflow.signal", "workflows"), named("workflow.update", "workflows")
    assert named("activity.defn", "activities") | signals | updates <= checked


def test_the_glossary_names_what_exists() -> None:
    words = {word for path in product() for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    (table,) = tables(text("docs/glossary.md"))
    assert len(table) >= 20
    assert [row["in the code"] for row in table if row["in the code"] not in words] == []
    polish = [row["Polish"] for row in table]
    assert len(set(polish)) == len(polish)


def test_the_changelog_keeps_its_form() -> None:
    changes = text("CHANGELOG.md")
    assert re.findall(r"^## (.+)$", changes, re.MULTILINE)[0] == "[Unreleased]"
    kinds = set(re.findall(r"^### (.+)$", changes, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_help_of_the_commands_lists_them_all() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "starter", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert [name for name in COMMANDS if not re.search(rf"^ +{name}(?: |$)", done.stdout, re.MULTILINE)] == []
